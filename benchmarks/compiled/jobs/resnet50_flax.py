"""ResNet-50 in Flax, trained with a jitted Optax step.

python resnet50_flax.py --batch 32 --steps 32
"""

import argparse
from functools import partial

import jax
import numpy as np
import optax
from flax import linen as nn


class Bottleneck(nn.Module):
    width: int
    stride: int

    @nn.compact
    def __call__(self, x):
        norm = partial(nn.BatchNorm, use_running_average=False, momentum=0.9)
        conv = partial(nn.Conv, use_bias=False)
        kept = x
        y = nn.relu(norm()(conv(self.width, (1, 1))(x)))
        y = nn.relu(norm()(conv(self.width, (3, 3), (self.stride, self.stride))(y)))
        y = norm()(conv(4 * self.width, (1, 1))(y))
        if kept.shape != y.shape:
            kept = norm()(conv(4 * self.width, (1, 1), (self.stride, self.stride))(x))
        return nn.relu(y + kept)


class ResNet50(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(64, (7, 7), (2, 2), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=False, momentum=0.9)(x))
        x = nn.max_pool(x, (3, 3), (2, 2), "SAME")
        for level, count in enumerate((3, 4, 6, 3)):
            for at in range(count):
                x = Bottleneck(64 * 2**level, 2 if level and not at else 1)(x)
        return nn.Dense(1000)(x.mean((1, 2)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    x = rng.random((2 * options.batch, 224, 224, 3), dtype="float32")
    y = rng.integers(0, 1000, 2 * options.batch, dtype="int32")
    model, optimizer = ResNet50(), optax.adam(1e-3)
    variables = jax.jit(model.init)(jax.random.key(0), x[:1])
    params, stats = variables["params"], variables["batch_stats"]
    state = optimizer.init(params)

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(params, stats, state, x, y):
        def loss(params):
            logits, changed = model.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), changed["batch_stats"]

        (value, stats_after), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        changes, state_after = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, changes), stats_after, state_after, value

    for at in range(options.steps):
        here = slice(at % 2 * options.batch, (at % 2 + 1) * options.batch)
        params, stats, state, value = step(params, stats, state, x[here], y[here])
        print(at, float(value))


if __name__ == "__main__":
    main()
