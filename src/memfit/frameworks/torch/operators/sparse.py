"""Sparse gradients: meta kernels forget how many elements they hold."""

from __future__ import annotations

import sys
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.surface.patching import Patches

aten = torch.ops.aten


def install(simulation: Any, patches: Patches) -> None:
    """Replace the old constructor that SparseAdam uses, `grad.new(indices, values, size)`: it knows no meta tensors."""
    old_new = torch.Tensor.new

    def new(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if tensor.layout is torch.sparse_coo and len(args) == 3 and simulation.active:
            return torch.sparse_coo_tensor(*args, check_invariants=False)
        made: torch.Tensor = old_new(tensor, *args, **kwargs)
        return made

    patches.set(torch.Tensor, "new", new)


def handlers() -> dict[Any, Handler]:
    """The table of operators on sparse tensors, for every pool."""

    def clone(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        source = args[0]
        if source.layout is not torch.sparse_coo:
            return dispatch.run_simulated(func, args, kwargs, pool)
        # a leaf takes the first gradient as it is (accumulate_grad.h); here it sees one reference too many
        if dispatch.situation.in_backward and sys._getframe(2).f_code.co_name in (
            "run_backward",
            "_engine_run_backward",
        ):
            return source
        return _like(dispatch, source, source._values().shape, func, pool)

    def coalesce(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """Rows that occur more than once are added up: taken as none, the upper bound."""
        out = _like(dispatch, args[0], args[0]._values().shape, func, pool)
        return out._coalesced_(True)

    def add(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """A sparse tensor is added to a dense one row by row, in place."""
        if not isinstance(args[1], torch.Tensor) or args[1].layout is not torch.sparse_coo:
            return dispatch.run_simulated(func, args, kwargs, pool)
        if args[0].layout is torch.sparse_coo:
            return dispatch.run_simulated(func, args, kwargs, pool)
        dispatch.ledger.forget_values(args[0])
        return args[0]

    def mask(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """The rows of a dense tensor that a sparse one has."""
        return _like(dispatch, args[1], args[1]._values().shape, func, pool)

    def to_dense(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        dtype = kwargs.get("dtype", args[1] if len(args) > 1 else None)
        out = torch.empty(args[0].shape, dtype=dtype or args[0].dtype, device="meta")
        dispatch.record(out, pool, dispatch.facts(func).label)
        return out

    return {
        aten._to_dense.default: to_dense,
        aten.clone.default: clone,
        aten._coalesce.default: coalesce,
        aten.add_.Tensor: add,
        aten.sparse_mask.default: mask,
    }


def _like(dispatch: Dispatch, source: torch.Tensor, shape: Any, func: Any, pool: str) -> torch.Tensor:
    indices = torch.empty_like(source._indices(), device="meta")
    values = torch.empty(shape, dtype=source.dtype, device="meta")
    dispatch.record((indices, values), pool, dispatch.facts(func).label)
    made = torch.sparse_coo_tensor(indices, values, source.shape, check_invariants=False)
    dispatch.record(made, pool, dispatch.facts(func).label)
    return made
