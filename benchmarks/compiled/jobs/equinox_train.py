"""Equinox models trained with a filtered jit step and Optax.

python equinox_train.py gru --width 128 --batch 32 --optimizer adamw
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax


class Gru(eqx.Module):
    cell: eqx.nn.GRUCell
    head: eqx.nn.Linear

    def __init__(self, width, key):
        first, second = jax.random.split(key)
        self.cell, self.head = eqx.nn.GRUCell(64, width, key=first), eqx.nn.Linear(width, 20, key=second)

    def __call__(self, x, key):
        last, _ = jax.lax.scan(lambda h, one: (self.cell(one, h), None), jnp.zeros(self.cell.hidden_size), x)
        return self.head(last)


class Decoder(eqx.Module):
    table: eqx.nn.Embedding
    places: jax.Array
    attentions: list
    feeds: list
    norms: list

    def __init__(self, width, key):
        keys = iter(jax.random.split(key, 8))
        self.table = eqx.nn.Embedding(6000, width, key=next(keys))
        self.places = jax.random.normal(next(keys), (96, width)) * 0.02
        self.attentions = [eqx.nn.MultiheadAttention(8, width, key=next(keys)) for _ in range(2)]
        self.feeds = [eqx.nn.MLP(width, width, 3 * width, 1, jax.nn.gelu, key=next(keys)) for _ in range(2)]
        self.norms = [eqx.nn.LayerNorm(width) for _ in range(5)]

    def __call__(self, ids, key):
        x = jax.vmap(self.table)(ids) + self.places
        mask = jnp.tril(jnp.ones((96, 96), bool))
        for at in range(2):
            y = jax.vmap(self.norms[2 * at])(x)
            x = x + self.attentions[at](y, y, y, mask)
            x = x + jax.vmap(self.feeds[at])(jax.vmap(self.norms[2 * at + 1])(x))
        return jax.vmap(self.norms[4])(x) @ self.table.weight.T


class Vae(eqx.Module):
    down: list
    up: list
    inside: list
    width: int

    def __init__(self, width, key):
        keys = iter(jax.random.split(key, 8))
        size = 2 * width * 8 * 8
        self.down = [
            eqx.nn.Conv2d(1, width, 3, 2, 1, key=next(keys)),
            eqx.nn.Conv2d(width, 2 * width, 3, 2, 1, key=next(keys)),
        ]
        self.inside = [eqx.nn.Linear(a, b, key=next(keys)) for a, b in ((size, 512), (512, 64), (32, size))]
        self.up = [
            eqx.nn.ConvTranspose2d(2 * width, width, 4, 2, padding=1, key=next(keys)),
            eqx.nn.ConvTranspose2d(width, 2, 4, 2, padding=1, key=next(keys)),
        ]
        self.width = width

    def __call__(self, x, key):
        for one in self.down:
            x = jax.nn.relu(one(x))
        mean, spread = jnp.split(self.inside[1](jax.nn.relu(self.inside[0](x.ravel()))), 2)
        code = mean + jnp.exp(0.5 * spread) * jax.random.normal(key, mean.shape)
        x = jax.nn.relu(self.inside[2](code)).reshape(2 * self.width, 8, 8)
        return jnp.moveaxis(self.up[1](jax.nn.relu(self.up[0](x))), 0, -1)


MODELS = {
    "gru": (Gru, (50, 64), (), 20),
    "decoder": (Decoder, (96,), (96,), 6000),
    "vae": (Vae, (1, 32, 32), (32, 32), 2),
}
OPTIMIZERS = {"adam": optax.adam, "sgd": optax.sgd, "adamw": optax.adamw, "rmsprop": optax.rmsprop}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="adam")
    options = parser.parse_args()

    kind, shape, labels, classes = MODELS[options.model]
    rng = np.random.default_rng(0)
    examples = 8 * options.batch
    if options.model == "decoder":
        x = rng.integers(0, 6000, (examples, *shape), dtype="int32")
    else:
        x = rng.random((examples, *shape), dtype="float32")
    y = rng.integers(0, classes, (examples, *labels), dtype="int32")

    model = kind(options.width, jax.random.key(0))
    optimizer = OPTIMIZERS[options.optimizer](1e-3)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(model, state, x, y, key):
        def loss(model):
            logits = jax.vmap(model)(x, jax.random.split(key, len(x)))
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        value, gradients = eqx.filter_value_and_grad(loss)(model)
        changes, state = optimizer.update(gradients, state, eqx.filter(model, eqx.is_inexact_array))
        return eqx.apply_updates(model, changes), state, value

    for at in range(options.steps):
        here = slice(at % 8 * options.batch, (at % 8 + 1) * options.batch)
        model, state, loss = step(model, state, x[here], y[here], jax.random.key(at))
        if at % 8 == 0:
            print(at, float(loss))


if __name__ == "__main__":
    main()
