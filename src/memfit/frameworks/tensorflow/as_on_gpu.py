"""A TensorFlow job on the CPU that goes as it would on a GPU: what is compiled, what lies on the host, convolutions."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from typing import TYPE_CHECKING, Any

from memfit.frameworks.tensorflow.allocator import SURROUNDINGS, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from memfit.probing.small_batches import SmallBatches

_CONVOLUTIONS = ("conv2d", "conv3d", "depthwise_conv2d_native")


def install_ledger(module: Any, small: SmallBatches) -> None:
    """What the executor holds is written down."""
    small.ledger = Ledger(module)


def install_trainer(module: Any, small: SmallBatches) -> None:
    """Keras compiles a step by XLA where there is a GPU and all layers can (``jit_compile="auto"``, Keras 3)."""
    original = getattr(module.Trainer, "_resolve_auto_jit_compile", None)
    if original is None:  # it asks no device
        return

    @functools.wraps(original)
    def resolve(self: Any) -> bool:
        backend = sys.modules["keras.src.backend"].backend()
        if backend != "tensorflow" or getattr(self, "_distribute_strategy", None):
            return bool(original(self))
        return bool(module.model_supports_jit(self))

    module.Trainer._resolve_auto_jit_compile = resolve


def install_datasets(module: Any, small: SmallBatches) -> None:
    """Batches that wait for their step lie in the host's memory, which is here the same: none waits."""
    module.DatasetV2.prefetch = lambda self, *args, **kwargs: self


def install_convolutions(module: Any, small: SmallBatches) -> None:
    """The largest convolution is told on: a GPU tries algorithms for it, with scratch of their own."""
    for name in _CONVOLUTIONS:
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _told(original, small))


def _told(original: Callable[..., Any], small: SmallBatches) -> Callable[..., Any]:
    @functools.wraps(original)
    def convolution(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        operands = [*args[:2], *(kwargs[key] for key in ("input", "filter") if key in kwargs), result]
        with contextlib.suppress(Exception):  # an operand of another kind: the job is not to fail by it
            small.convolution(
                sum(math.prod(size or 1 for size in _sizes(each)) for each in operands) * result.dtype.size,
                of_an_example=any(None in _sizes(each) for each in operands),
            )
        return result

    return convolution


def _sizes(tensor: Any) -> list[int | None]:
    """Of a tensor or a variable, whether it is only traced or not; None where a size is left open."""
    return list(tensor.shape) if getattr(tensor.shape, "rank", 0) is not None else []


__all__ = ["HOOKS", "SURROUNDINGS"]
HOOKS: dict[str, Callable[[Any, SmallBatches], None]] = {
    "tensorflow": install_ledger,
    "keras.src.trainers.trainer": install_trainer,
    "tensorflow.python.data.ops.dataset_ops": install_datasets,
    "tensorflow.python.ops.gen_nn_ops": install_convolutions,
}
