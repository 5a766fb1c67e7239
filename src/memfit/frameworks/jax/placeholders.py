"""JAX arrays of any size that hold nothing: pages that the kernel hands out when they are written, and nobody writes.

An array that nothing was computed for reads as ones where it is small and of floating point, else as zeros, so that a
job that looks at its loss goes on. JAX takes the memory as it is where it lies on a boundary of 64 bytes, as pages do.
"""

from __future__ import annotations

import math
import mmap
import weakref
from typing import Any

_NO_RESERVE = 0x4000  # MAP_NORESERVE of linux/mman.h; Python names it from 3.13 on
_SMALL_BYTES = 1 << 20


class Placeholders:
    """Makes such arrays, and knows them again."""

    def __init__(self, jax: Any, numpy: Any) -> None:
        self._jax, self._numpy = jax, numpy
        self._made: dict[int, weakref.ref[Any]] = {}

    def knows(self, array: Any) -> bool:
        """Whether an array is one of these, or a key that stands on one."""
        array = getattr(array, "_base_array", array)
        found = self._made.get(id(array))
        return found is not None and found() is array

    def single(self, shape: tuple[int, ...], dtype: Any, device: Any) -> Any:
        """An array on one device."""
        numpy = self._numpy
        dtype = numpy.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if 0 < size <= _SMALL_BYTES:
            floating = self._jax.numpy.issubdtype(dtype, self._jax.numpy.floating)
            data = numpy.full(shape, 1 if floating else 0, dtype=dtype)
        else:
            pages = mmap.mmap(
                -1,
                max(size, 1),
                flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", _NO_RESERVE),
            )
            data = numpy.frombuffer(pages, dtype=numpy.uint8, count=size).view(dtype).reshape(shape)
        return self._jax.device_put(data, device, may_alias=True)

    def of_aval(self, aval: Any, sharding: Any, committed: bool, pxla: Any, core: Any) -> Any:
        """The array that a program would return for an abstract value."""
        physical = core.physical_aval(aval)
        laid = _physical(sharding, aval)
        shape = laid.shard_shape(physical.shape)
        parts = [self.single(shape, physical.dtype, device) for device in laid._addressable_device_assignment]
        made = pxla.global_aval_to_result_handler(aval, sharding, committed)(parts)
        base = getattr(made, "_base_array", made)
        key = id(base)
        self._made[key] = weakref.ref(base, lambda _: self._forget(key))
        return made

    def _forget(self, key: int) -> None:
        self._made.pop(key, None)


def _physical(sharding: Any, aval: Any) -> Any:
    from jax._src import dtypes, sharding_impls

    if dtypes.issubdtype(aval.dtype, dtypes.extended):
        return sharding_impls.physical_sharding(aval, sharding)
    return sharding
