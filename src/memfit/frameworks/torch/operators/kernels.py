"""What a device's kernels take beside their results: library workspaces, internal copies, fused optimizers.

Only what is large enough to matter is here; every figure names where it comes from.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler, tensors_in
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten
_MATRIX = ("mm", "addmm", "bmm", "baddbmm", "addmv", "mv", "dot", "addbmm", "_addmm_activation")


# cuDNN chooses its algorithm, and with it a workspace, when it runs; published whole-process readings of VGG-, PSPNet-
# and SDXL-like convolutions lie 6 to 15 % above their tensors, which a share of the operands of about this size gives.
# Basis: assumed, until it is measured on a device.
CONVOLUTION_WORKSPACE_SHARE = 0.5


def operand_bytes(args: Any) -> int:
    """Bytes of an operator's tensor arguments."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(args, {}))


def _sparse_product(dispatch: Dispatch, func: Any, args: Any, pool: str) -> torch.Tensor:
    """A product with a sparse matrix: dense, of the outer sizes."""
    left, right = args[-2:] if func._schema.name.endswith("::mm") else args[1:3]
    dense = left if left.layout is torch.strided else right
    out = torch.empty((left.shape[0], right.shape[1]), dtype=dense.dtype, device="meta")
    dispatch.record(out, pool, str(func))
    return out


def handlers(simulation: Any) -> dict[Any, Handler]:
    """The table of operators with scratch memory of their own."""
    workspaces: set[tuple[str, bool]] = set()

    def matrix(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if any(tensor.layout is not torch.strided for tensor in tensors_in(args, {})):
            return _sparse_product(dispatch, func, args, pool)
        if pool != HOST and simulation.workspace_bytes:
            if not simulation.workspace_stays:
                dispatch.ledger.transient(pool, simulation.workspace_bytes, Category.WORKSPACES, "cuBLAS workspace")
            elif (pool, bool(dispatch.situation.in_backward)) not in workspaces:
                # autograd runs the backward pass in a thread of its own, with a handle and a workspace of its own
                workspaces.add((pool, bool(dispatch.situation.in_backward)))
                dispatch.ledger.hold(pool, simulation.workspace_bytes, Category.WORKSPACES, "cuBLAS workspace")
        return dispatch.run_simulated(func, args, kwargs, pool)

    def convolution(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if pool != HOST:
            scratch = int(operand_bytes(args) * CONVOLUTION_WORKSPACE_SHARE)
            dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, "cuDNN convolution workspace")
        return dispatch.run_simulated(func, args, kwargs, pool)

    def softmax_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        gradient, dtype = args[0], args[3]
        if gradient.dtype == dtype:
            return dispatch.run_simulated(func, args, kwargs, pool)
        out = torch.empty_like(gradient, dtype=dtype, device="meta")
        dispatch.record(out, pool, str(func))
        return out

    def fused_in_place(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """A fused optimizer writes to its arguments and allocates nothing."""
        for tensor in tensors_in(args, {}):
            dispatch.ledger.forget_values(tensor)
        return None

    table: dict[Any, Handler] = {
        aten._softmax_backward_data.default: softmax_backward,
        aten._log_softmax_backward_data.default: softmax_backward,
        aten.convolution.default: convolution,
        aten.convolution_backward.default: convolution,
    }
    for name in _MATRIX:
        packet = getattr(aten, name, None)
        if packet is not None:
            for overload in packet.overloads():
                if "out" not in overload:
                    table[getattr(packet, overload)] = matrix
    for name in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_", "_fused_adagrad_"):
        packet = getattr(aten, name, None)
        if packet is not None:
            for overload in packet.overloads():
                table[getattr(packet, overload)] = fused_in_place
    return table
