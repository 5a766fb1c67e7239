"""Losses whose kernels take the element-wise losses' memory, which their meta kernels do not show.

Measured with PyTorch 2.13's profiler on the CPU; the code is shared with CUDA (aten/src/ATen/native/BinaryOps.cpp,
mse_loss and smooth_l1_loss; Loss.cpp and cuda/Loss.cu).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten

# Where each operator's reduction stands among its arguments; 0 leaves one loss per element.
_REDUCTION = {"mse_loss": 2, "smooth_l1_loss": 2, "soft_margin_loss": 2, "huber_loss": 2, "binary_cross_entropy": 3,
              "binary_cross_entropy_with_logits": 4}  # fmt: skip


def handlers() -> dict[Any, Handler]:
    """The table of losses, for every pool."""
    return {
        aten.mse_loss.default: _reduced(keeps=True, copies=1),
        aten.smooth_l1_loss.default: _reduced(keeps=True, copies=1),
        aten.soft_margin_loss.default: _reduced(keeps=True, copies=0),
        aten.binary_cross_entropy.default: _reduced(keeps=True, copies=0),
        aten.huber_loss.default: _reduced(keeps=False, copies=1),
        aten.binary_cross_entropy_with_logits.default: _reduced(keeps=False, copies=2),
        aten.soft_margin_loss_backward.default: _soft_margin_backward,
        aten.mse_loss_backward.default: _gradient,
        aten.smooth_l1_loss_backward.default: _gradient,
        aten.huber_loss_backward.default: _gradient,
        aten.log_sigmoid_forward.default: _log_sigmoid,
    }


def _reduced(*, keeps: bool, copies: int) -> Handler:
    """A loss over all elements.

    Args:
        keeps: whether the mean or sum is written into the storage of the element-wise losses, which it keeps.
        copies: how many more tensors of that size the operator takes and gives back.
    """

    def handler(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        at = _REDUCTION[dispatch.facts(func).name]
        if kwargs.get("reduction", args[at] if len(args) > at else 1) == 0:
            return dispatch.run_simulated(func, args, kwargs, pool)
        losses = _elementwise(args[0], args[1])
        label, size_bytes = dispatch.facts(func).label, losses.numel() * losses.element_size()
        cast = _cast(dispatch, label, args[:2], pool)
        if not keeps:
            dispatch.ledger.transient(pool, copies * size_bytes, Category.TEMPORARIES, label)
            return dispatch.run_simulated(func, args, kwargs, pool)
        dispatch.record(losses, pool, label)
        again = copies * (size_bytes + sum(item.numel() * item.element_size() for item in cast))
        dispatch.ledger.transient(pool, again, Category.TEMPORARIES, label)
        return losses.as_strided((), ()) if losses.numel() else losses.new_empty(())

    return handler


def _cast(dispatch: Dispatch, label: str, operands: Sequence[torch.Tensor], pool: str) -> list[torch.Tensor]:
    """On the CPU an operand of another type is copied to the common one, and the copy held to the operator's end."""
    whole = [item for item in operands if item.dim()]
    if pool != HOST or len({item.dtype for item in whole}) < 2:
        return []
    common = torch.result_type(*whole)
    copies = [torch.empty(item.shape, dtype=common, device="meta") for item in whole if item.dtype is not common]
    dispatch.record(copies, pool, label, category=Category.TEMPORARIES)
    return copies


def _gradient(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """A gradient that is computed in another type is made in that one first (compute_types of TensorIterator.cpp)."""
    label = dispatch.facts(func).label
    out = dispatch.run_simulated(func, args, kwargs, pool)
    computed = [*_cast(dispatch, label, args[1:3], pool), *_cast(dispatch, label, (out, args[2]), pool)]
    del computed
    return out


def _elementwise(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    dtype = torch.promote_types(left.dtype, right.dtype)
    return torch.empty(torch.broadcast_shapes(left.shape, right.shape), dtype=dtype, device="meta")


def _soft_margin_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    size_bytes = args[1].numel() * args[1].element_size()
    dispatch.ledger.transient(pool, 3 * size_bytes, Category.TEMPORARIES, dispatch.facts(func).label)
    return dispatch.run_simulated(func, args, kwargs, pool)


def _log_sigmoid(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """On the CPU the exponentials are kept for the backward pass; CUDA computes them again."""
    out = torch.empty_like(args[0], device="meta")
    buffer = (
        torch.empty_like(args[0], device="meta") if pool == HOST else torch.empty(0, dtype=out.dtype, device="meta")
    )
    dispatch.record((out, buffer), pool, dispatch.facts(func).label)
    return out, buffer
