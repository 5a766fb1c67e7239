"""Remembers what an operator makes of arguments of given shapes, so that a layer seen before costs microseconds.

PyTorch's meta kernels are partly Python and take up to half a millisecond each; a training job calls the same few
hundred combinations over and over.
"""

from __future__ import annotations

from typing import Any

import torch

_Tensor = torch.Tensor
_META = torch.device("meta")
_UNKNOWN = object()
_empty_strided = torch.empty_strided  # as it is without a simulation

# Operators that write to their argument and change its shape or storage with it: never answered from memory.
_RESHAPING = frozenset({"resize_", "resize_as_", "set_", "transpose_", "t_", "squeeze_", "unsqueeze_", "swapaxes_",
                        "swapdims_", "as_strided_", "detach_", "rename_", "sparse_resize_", "resize"})  # fmt: skip


class _Itself:
    """The operator returned the argument at that position."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


class _Made:
    """The operator made a new tensor of that size, stride and type."""

    __slots__ = ("dtype", "size", "stride")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.size, self.stride, self.dtype = tensor.size(), tensor.stride(), tensor.dtype


class ShapeMemory:
    """Results by operator and argument shapes."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._cacheable: dict[Any, bool] = {}

    def key(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The key of a call, or None when it must be run every time."""
        cacheable = self._cacheable.get(func)
        if cacheable is None:
            cacheable = self._cacheable[func] = _is_cacheable(func)
        if not cacheable:
            return None
        try:
            key = (func, _describe(args), _describe(tuple(kwargs.items())) if kwargs else None)
            hash(key)
        except (TypeError, _NotDescribable):
            return None
        return key

    def recall(self, key: Any, args: tuple[Any, ...]) -> Any:
        """The result of a call seen before, freshly made; raises KeyError for a new one."""
        return _make(self._known[key], args)

    def keep(self, key: Any, out: Any, args: tuple[Any, ...]) -> None:
        """Remember the result of a call."""
        spec = _spec(out, args)
        if spec is not _UNKNOWN:
            self._known[key] = spec


class _NotDescribable(Exception):
    pass


def _is_cacheable(func: Any) -> bool:
    schema = func._schema
    name = schema.name.split("::")[-1]
    if name in _RESHAPING:
        return False
    mutable = any(item.alias_info is not None and item.alias_info.is_write for item in schema.arguments)
    if mutable:
        return name.endswith("_") and "out" not in func._overloadname
    return all(item.alias_info is None for item in schema.returns)  # views share storage: they are run


def _describe(item: Any) -> Any:
    if isinstance(item, _Tensor):
        if item.layout is not torch.strided:
            raise _NotDescribable
        return (item.size(), item.stride(), item.dtype)
    if isinstance(item, (list, tuple)):
        return tuple([_describe(part) for part in item])
    if isinstance(item, float) and item != item:
        return "nan"
    return (type(item), item)


def _spec(out: Any, args: tuple[Any, ...]) -> Any:
    if isinstance(out, _Tensor):
        for position, item in enumerate(args):
            if out is item:
                return _Itself(position)
        if out.layout is not torch.strided or out.storage_offset() or out._is_view():
            return _UNKNOWN
        made = _Made(out)
        if any(_shares(item, out) for item in args):
            return _UNKNOWN  # _unsafe_view and its like: the same storage, though their schema does not say so
        fresh = _empty_strided(made.size, made.stride, dtype=made.dtype, device=_META)
        same = fresh.untyped_storage().nbytes() == out.untyped_storage().nbytes()
        return made if same else _UNKNOWN
    if out is None or isinstance(out, (int, float, bool)):
        return (out,)
    if isinstance(out, (list, tuple)):
        parts = [_spec(item, args) for item in out]
        return (
            _UNKNOWN
            if any(part is _UNKNOWN for part in parts)
            else (type(out) if type(out) in (list, tuple) else tuple, parts)
        )
    return _UNKNOWN


def _shares(item: Any, out: torch.Tensor) -> bool:
    if not isinstance(item, _Tensor) or item.layout is not torch.strided:
        return False
    return item.untyped_storage()._cdata == out.untyped_storage()._cdata


def _make(spec: Any, args: tuple[Any, ...]) -> Any:
    if isinstance(spec, _Made):
        return _empty_strided(spec.size, spec.stride, dtype=spec.dtype, device=_META)
    if isinstance(spec, _Itself):
        return args[spec.position]
    if len(spec) == 1:
        return spec[0]
    kind, parts = spec
    return kind(_make(part, args) for part in parts)
