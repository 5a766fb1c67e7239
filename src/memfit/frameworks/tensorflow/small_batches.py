"""A TensorFlow job with smaller batches: what tf.data batches is cut."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from memfit.quantities import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from memfit.probing.small_batches import SmallBatches

# glibc's malloc gives larger ones back to the system at once (DEFAULT_MMAP_THRESHOLD_MAX, 64 bits).
_KEPT_BYTES = 32 * MIB
_KERAS_ITSELF = "keras.src.trainers"  # fit() is given its batch size there already


def install_datasets(module: Any, small: SmallBatches) -> None:
    """Cut ``batch()`` and its kin. Numbers alone are not cut: a batch of them is a window of a series."""
    for name in ("batch", "padded_batch", "ragged_batch"):
        original = getattr(module.DatasetV2, name, None)
        if original is not None:
            setattr(module.DatasetV2, name, _cut(original, small))


def _cut(original: Callable[..., Any], small: SmallBatches) -> Callable[..., Any]:
    @functools.wraps(original)
    def batch(self: Any, batch_size: Any, *args: Any, **kwargs: Any) -> Any:
        asked_by = str(sys._getframe(1).f_globals.get("__name__", ""))
        if isinstance(batch_size, int) and not asked_by.startswith(_KERAS_ITSELF) and not _of_numbers(self):
            batch_size = small.cut(batch_size)
        return original(self, batch_size, *args, **kwargs)

    return batch


def _of_numbers(dataset: Any) -> bool:
    flatten = sys.modules["tensorflow"].nest.flatten
    specs = flatten(dataset.element_spec)
    return all(getattr(spec, "shape", None) == () and getattr(spec, "dtype", "") != "string" for spec in specs)


def install_variables(module: Any, small: SmallBatches) -> None:
    """Look at each variable as it is made; a loop of its own has no model that knows them."""
    original = module.BaseResourceVariable.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        size = self.dtype.size * (self.shape.num_elements() or 0)
        if size <= _KEPT_BYTES:
            small.kept(size)

    module.BaseResourceVariable.__init__ = __init__


def has_started() -> bool:
    """Whether the runtime is there, with its threads."""
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    return getattr(context, "_context_handle", None) is not None


HOOKS: dict[str, Callable[[Any, SmallBatches], None]] = {
    "tensorflow.python.data.ops.dataset_ops": install_datasets,
    "tensorflow.python.ops.resource_variable_ops": install_variables,
}
