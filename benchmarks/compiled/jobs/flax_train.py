"""Flax models trained with a jitted Optax step.

python flax_train.py resnet --width 32 --batch 32 --optimizer adam
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax.training import train_state


class Mlp(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        for _ in range(4):
            x = nn.relu(nn.Dense(self.width)(x))
        return nn.Dense(100)(x)


class Cnn(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        for level in range(3):
            x = nn.relu(nn.Conv(self.width * 2**level, (3, 3))(x))
            x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = nn.relu(nn.Dense(256)(x.reshape((len(x), -1))))
        return nn.Dense(10)(x)


class ResNet(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        norm = partial(nn.GroupNorm, num_groups=8)
        x = nn.relu(norm()(nn.Conv(self.width, (3, 3), use_bias=False)(x)))
        for level in range(3):
            after = self.width * 2**level
            kept = nn.Conv(after, (1, 1), (2, 2))(x)
            x = nn.relu(norm()(nn.Conv(after, (3, 3), (2, 2), use_bias=False)(x)))
            x = nn.relu(norm()(nn.Conv(after, (3, 3), use_bias=False)(x)) + kept)
        return nn.Dense(10)(x.mean((1, 2)))


class MobileNet(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.relu6(nn.Conv(self.width, (3, 3), (2, 2), use_bias=False)(x))
        for level, stride in enumerate((1, 2, 1, 2)):
            depth = x.shape[-1]
            x = nn.Conv(depth, (3, 3), (stride, stride), feature_group_count=depth, use_bias=False)(x)
            x = nn.relu6(nn.LayerNorm()(x))
            x = nn.Conv(self.width * 2 ** (level // 2 + 1), (1, 1), use_bias=False)(x)
            x = nn.relu6(nn.LayerNorm()(x))
        return nn.Dense(10)(x.mean((1, 2)))


class Lstm(nn.Module):
    width: int

    @nn.compact
    def __call__(self, ids):
        x = nn.Embed(8000, self.width)(ids)
        x = nn.RNN(nn.OptimizedLSTMCell(self.width))(x)
        x = nn.RNN(nn.OptimizedLSTMCell(self.width))(x)
        return nn.Dense(8000)(x[:, -1])


class Encoder(nn.Module):
    width: int

    @nn.compact
    def __call__(self, ids):
        x = nn.Embed(10000, self.width)(ids)
        for _ in range(3):
            x = x + nn.MultiHeadDotProductAttention(4)(nn.LayerNorm()(x))
            x = x + nn.Dense(self.width)(nn.gelu(nn.Dense(4 * self.width)(nn.LayerNorm()(x))))
        return nn.Dense(20)(x.mean(1))


class Unet(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        kept = []
        for level in range(3):
            x = nn.relu(nn.Conv(self.width * 2**level, (3, 3))(x))
            kept.append(x)
            x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = nn.relu(nn.Conv(self.width * 8, (3, 3))(x))
        for level in reversed(range(3)):
            x = nn.ConvTranspose(self.width * 2**level, (2, 2), strides=(2, 2))(x)
            x = jnp.concatenate([x, kept[level]], -1)
            x = nn.relu(nn.Conv(self.width * 2**level, (3, 3))(x))
        return nn.Conv(4, (1, 1))(x)


MODELS = {
    "mlp": (Mlp, (512,), (), 100),
    "cnn": (Cnn, (64, 64, 3), (), 10),
    "resnet": (ResNet, (32, 32, 3), (), 10),
    "mobilenet": (MobileNet, (64, 64, 3), (), 10),
    "lstm": (Lstm, (40,), (), 8000),
    "encoder": (Encoder, (64,), (), 20),
    "unet": (Unet, (64, 64, 3), (64, 64), 4),
}
OPTIMIZERS = {"adam": optax.adam, "sgd": optax.sgd, "adamw": optax.adamw, "rmsprop": optax.rmsprop}


@jax.jit
def step(state, x, y):
    def loss(params):
        logits = state.apply_fn({"params": params}, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    value, gradients = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=gradients), value


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
    if options.model in ("lstm", "encoder"):
        x = rng.integers(0, 6000, (examples, *shape), dtype="int32")
    else:
        x = rng.random((examples, *shape), dtype="float32")
    y = rng.integers(0, classes, (examples, *labels), dtype="int32")

    model = kind(options.width)
    params = model.init(jax.random.key(0), x[: options.batch])["params"]
    optimizer = OPTIMIZERS[options.optimizer](1e-3)
    state = train_state.TrainState.create(apply_fn=model.apply, params=params, tx=optimizer)
    for at in range(options.steps):
        here = slice(at % 8 * options.batch, (at % 8 + 1) * options.batch)
        state, loss = step(state, x[here], y[here])
        if at % 8 == 0:
            print(at, float(loss))


if __name__ == "__main__":
    main()
