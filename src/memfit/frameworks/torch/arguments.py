"""What an operator was called with: the tensors among its arguments, and stand-ins for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

_Tensor = torch.Tensor
real_device = torch._C.TensorBase.device.__get__  # past what a simulated tensor answers for "device"
META = torch.device("meta")
PLAIN_DISPATCH = torch.Tensor.__torch_dispatch__


def is_real(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds bytes of this process; one that is made of others (DTensor) holds none itself."""
    return real_device(tensor).type == "cpu" and type(tensor).__torch_dispatch__ is PLAIN_DISPATCH


def tensors_in(args: Any, kwargs: dict[str, Any]) -> Iterator[torch.Tensor]:
    """The tensors among an operator's arguments, lists of them included."""
    for item in args:
        if isinstance(item, _Tensor):
            yield item
        elif isinstance(item, (list, tuple)):
            yield from tensors_in(item, {})
    for item in kwargs.values():
        if isinstance(item, _Tensor):
            yield item
        elif isinstance(item, (list, tuple)):
            yield from tensors_in(item, {})


def components(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The dense tensors that hold a tensor's bytes."""
    if tensor.layout is torch.strided:
        return (tensor,)
    if tensor.layout is torch.sparse_coo:
        return (tensor._indices(), tensor._values())
    if tensor.layout is torch.sparse_csr:
        return (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    return ()


def as_meta(item: Any) -> Any:
    """The shape of a real tensor, as a meta tensor; anything else as it is."""
    if isinstance(item, _Tensor):
        if real_device(item).type == "meta":
            return item
        if item.layout is torch.strided:
            return torch.empty_strided(item.size(), item.stride(), dtype=item.dtype, device=META)
        if item.layout is torch.sparse_coo:
            parts = (as_meta(item._indices()), as_meta(item._values()))
            return torch.ops.aten._sparse_coo_tensor_unsafe(*parts, item.size(), is_coalesced=item.is_coalesced())
        if item.layout in (torch.sparse_csr, torch.sparse_bsr):
            rows = (as_meta(item.crow_indices()), as_meta(item.col_indices()), as_meta(item.values()))
            return torch.sparse_compressed_tensor(*rows, size=item.size(), layout=item.layout)
        return torch.empty_like(item, device=META)
    if isinstance(item, (list, tuple)) and not hasattr(item, "_fields"):
        return type(item)(as_meta(part) for part in item)
    return item


def zeros(item: Any) -> Any:
    """Real zeros in place of a simulated tensor; anything else as it is."""
    if isinstance(item, _Tensor) and real_device(item).type == "meta":
        return torch.zeros(item.size(), dtype=item.dtype)
    if isinstance(item, (list, tuple)) and not hasattr(item, "_fields"):
        return type(item)(zeros(part) for part in item)
    return item
