"""Copies between memories: host to device, device to host, device to device, real to simulated and back."""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.arguments import as_meta, real_device
from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators.values import StandIns
from memfit.quantities import Category, Phase

aten = torch.ops.aten


# A device tensor brought back to the host becomes a real one up to this size, so that NumPy, metrics and printing work
# on it; beyond it the copy is simulated too.
LARGEST_REAL_COPY_BYTES = 1 << 20


class Transfers:
    """Moves tensors between pools. Differentiable: the gradient travels back to where the tensor came from.

    Args:
        dispatch: the running simulation's dispatch mode.
        stand_ins: values for what comes back from the device.
    """

    def __init__(self, dispatch: Dispatch, stand_ins: StandIns) -> None:
        self.dispatch = dispatch
        self.stand_ins = stand_ins

    def move(self, tensor: torch.Tensor, pool: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """The tensor in another pool, part of the autograd graph where the original is."""
        if tensor.requires_grad and torch.is_grad_enabled():
            moved: torch.Tensor = _Move.apply(tensor, self, pool)
        else:
            moved = self.copy(tensor, pool)
        return moved if dtype is None or dtype == moved.dtype else torch.ops.aten._to_copy(moved, dtype=dtype)

    def copy(self, tensor: torch.Tensor, pool: str) -> torch.Tensor:
        """A new tensor of the same shape in the pool; real when it goes to the host and is small."""
        size_bytes = tensor.numel() * tensor.element_size()
        values = self.dispatch.ledger.values(tensor)
        if pool == HOST and tensor.layout is torch.strided and size_bytes <= LARGEST_REAL_COPY_BYTES:
            return values.clone() if values is not None else self.stand_ins.fill(tensor)
        return self.born(tensor, pool, values)

    def born(self, tensor: torch.Tensor, pool: str, values: torch.Tensor | None = None) -> torch.Tensor:
        """A simulated tensor of the same shape in the pool."""
        with torch._C._DisableTorchDispatch():
            out = as_meta(tensor.detach())
            if real_device(tensor).type == "meta":
                out = _fresh(out)
        situation = self.dispatch.situation
        arriving = pool != HOST and not situation.module_stack and situation.phase in (Phase.SETUP, Phase.DATA)
        self.dispatch.record(
            out, pool, "copy to " + pool, values, Category.INPUTS if arriving and not tensor.requires_grad else None
        )
        return out

    def emptied(self, tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
        """What Tensor.to("meta") gives: the shape alone, in nobody's memory."""
        with torch._C._DisableTorchDispatch():
            return torch.empty_like(as_meta(tensor.detach()), dtype=dtype, device="meta")


def _fresh(tensor: torch.Tensor) -> torch.Tensor:
    """Another meta tensor of the same shape with storage of its own."""
    if tensor.layout is torch.sparse_coo:
        parts = (torch.empty_like(tensor._indices()), torch.empty_like(tensor._values()))
        return aten._sparse_coo_tensor_unsafe(*parts, tensor.size(), is_coalesced=tensor.is_coalesced())
    return torch.empty_like(tensor, device="meta")


class _Move(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, transfers: Transfers, pool: str) -> torch.Tensor:
        entry = transfers.dispatch.ledger.entry(tensor)
        ctx.source = entry.pool if entry is not None and not entry.real else None
        ctx.transfers = transfers
        return transfers.copy(tensor, pool)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        if ctx.source is None:  # a real CPU tensor wants a real gradient
            return ctx.transfers.stand_ins.fill(gradient), None, None
        return ctx.transfers.born(gradient, ctx.source), None, None


def handlers() -> dict[Any, Handler]:
    """The operators by which C++ code copies between devices on its own."""

    def to_copy(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        device = kwargs.get("device")
        source = dispatch.ledger.pool(args[0])
        if device is not None and torch.device(device).type == "cpu" and source not in (None, HOST):
            pool = HOST
        out = dispatch.run_simulated(func, args, kwargs, pool)
        known = dispatch.ledger.entry(args[0])
        if known is not None and known.uniform is not None:
            entry = dispatch.ledger.entry(out)
            if entry is not None and entry.mirror is None:
                entry.uniform = known.uniform
        return out

    def copy(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        target, source = args[0], args[1]
        if real_device(target).type == "cpu":
            known = dispatch.ledger.values(source)
            if known is not None:
                func(target, known)
            return target
        return dispatch.run_simulated(func, args, kwargs, dispatch.ledger.pool(target) or pool)

    return {aten._to_copy.default: to_copy, aten.copy_.default: copy}
