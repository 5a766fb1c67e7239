"""What a device's kernels take beside their results: library workspaces, internal copies, fused optimizers.

Only what is large enough to matter is here; every figure names where it comes from.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.arguments import tensors_in
from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten
_UNSORTED_IDS = 3072  # up to so many ids the gradient of an embedding is added up as they come (Embedding.cu)
# A product with a bias goes through cuBLASLt (useLtInterface in Blas.cpp).
_WITH_BIAS = (aten.addmm.default, aten._addmm_activation.default)
_OF_GROUPED = ("self", "mat2", "offs", "bias", "out_dtype")
_MATRIX = ("mm", "addmm", "bmm", "baddbmm", "addmv", "mv", "dot", "addbmm", "_addmm_activation")


def _sparse_product(dispatch: Dispatch, func: Any, args: Any, pool: str) -> torch.Tensor:
    """A product with a sparse matrix: dense, of the outer sizes."""
    left, right = args[-2:] if func._schema.name.endswith("::mm") else args[1:3]
    dense = left if left.layout is torch.strided else right
    out = torch.empty((left.shape[0], right.shape[1]), dtype=dense.dtype, device="meta")
    dispatch.record(out, pool, str(func))
    return out


def _grouped_product(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> torch.Tensor:
    """One product for each group of rows (experts). PyTorch's shape rule knows bfloat16 alone, kernels take others too.

    Rows of a device's result are padded to 16 B (create_grouped_gemm_output_tensor in GroupedMMUtils.h, torch 2.13).
    """
    given = dict(zip(_OF_GROUPED, args, strict=False)) | kwargs
    left, right, offsets = given["self"], given["mat2"], given.get("offs")
    dtype = given.get("out_dtype") or left.dtype
    rows, columns = left.shape[-2], right.shape[-1]
    wide = columns if pool == HOST else -(-columns * dtype.itemsize // 16) * 16 // dtype.itemsize
    if left.dim() == right.dim():
        groups = left.shape[0] if left.dim() == 3 else offsets.shape[0]
        out = torch.empty_strided((groups, rows, columns), (rows * wide, wide, 1), dtype=dtype, device="meta")
    else:
        out = torch.empty_strided((rows, columns), (wide, 1), dtype=dtype, device="meta")
    dispatch.record(out, pool, str(func))
    return out


def handlers(simulation: Any) -> dict[Any, Handler]:
    """The table of operators with scratch memory of their own."""
    workspaces: set[tuple[str, bool, str]] = set()

    def workspace(dispatch: Dispatch, pool: str, size_bytes: int, stays: bool, library: str) -> None:
        if not size_bytes:
            return
        if not stays:
            dispatch.ledger.transient(pool, size_bytes, Category.WORKSPACES, f"{library} workspace")
            return
        # autograd runs the backward pass in a thread of its own, with a handle and a workspace of its own
        key = (pool, bool(dispatch.situation.in_backward), library)
        if key not in workspaces:
            workspaces.add(key)
            dispatch.ledger.hold(pool, size_bytes, Category.WORKSPACES, f"{library} workspace")

    def matrix(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if any(tensor.layout is not torch.strided for tensor in tensors_in(args, {})):
            return _sparse_product(dispatch, func, args, pool)
        out = dispatch.run_simulated(func, args, kwargs, pool)
        if pool != HOST:
            backward = bool(dispatch.situation.in_backward)
            simulation.libraries.add("cuBLAS in backward" if backward else "cuBLAS")
            workspace(dispatch, pool, simulation.workspace_bytes, simulation.workspace_stays, "cuBLAS")
            if func in _WITH_BIAS and args[0].dim() == 1:
                workspace(dispatch, pool, simulation.lt_workspace_bytes, simulation.lt_workspace_stays, "cuBLASLt")
        return out

    def softmax_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        gradient, dtype = args[0], args[3]
        if gradient.dtype == dtype:
            out = dispatch.run_simulated(func, args, kwargs, pool)
        else:
            out = torch.empty_like(gradient, dtype=dtype, device="meta")
            dispatch.record(out, pool, str(func))
        if pool != HOST and func is aten._softmax_backward_data.default:
            # gradient * output comes first (softmax_backward_cuda_out of SoftMax.cu; measured on torch 2.11)
            size_bytes = gradient.numel() * gradient.element_size()
            dispatch.ledger.transient(pool, size_bytes, Category.TEMPORARIES, dispatch.facts(func).label)
        return out

    def dropout(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """The mask is made before the result (Dropout.cu)."""
        x, _, train = args
        if pool == HOST or train is False:
            return dispatch.run_simulated(func, args, kwargs, pool)
        mask = torch.empty_like(x, dtype=torch.bool, device="meta")
        dispatch.record(mask, pool, dispatch.facts(func).label)
        out = torch.empty_like(x, device="meta")
        dispatch.record(out, pool, dispatch.facts(func).label)
        return out, mask

    def embedding_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        out = dispatch.run_simulated(func, args, kwargs, pool)
        gradient, ids, rows = args[0], args[1], args[2]
        if pool != HOST and ids.numel() > _UNSORTED_IDS:
            # float32 sums of the segments of equal ids, ten to a segment, as many as there could be
            # (EmbeddingBackwardKernel.cu; measured on torch 2.11)
            segments = min(ids.numel(), rows) + ids.numel() // 10
            scratch = 4 * segments * gradient.shape[-1]
            dispatch.ledger.transient(pool, scratch, Category.TEMPORARIES, dispatch.facts(func).label)
        return out

    def distance(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """Distances as one product: both sides with their squares and ones beside them (Distance.cpp)."""
        label = dispatch.facts(func).label
        sides = [item.new_empty((*item.shape[:-1], item.shape[-1] + 2), device="meta") for item in args[:2]]
        for item, side in zip(args[:2], sides, strict=True):
            dispatch.ledger.transient(pool, item.numel() * item.element_size(), Category.TEMPORARIES, label)
            dispatch.record(side, pool, label)
        out = dispatch.run_simulated(func, args, kwargs, pool)
        if pool != HOST:
            workspace(dispatch, pool, simulation.workspace_bytes, simulation.workspace_stays, "cuBLAS")
        return out

    def fused_in_place(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """A fused optimizer writes to its arguments and allocates nothing."""
        for tensor in tensors_in(args, {}):
            dispatch.ledger.forget_values(tensor)
        return None

    table: dict[Any, Handler] = {
        aten.native_dropout.default: dropout,
        aten._euclidean_dist.default: distance,
        aten.embedding_dense_backward.default: embedding_backward,
        aten._softmax_backward_data.default: softmax_backward,
        aten._log_softmax_backward_data.default: softmax_backward,
    }
    for name in _MATRIX:
        packet = getattr(aten, name, None)
        if packet is not None:
            for overload in packet.overloads():
                if "out" not in overload:
                    table[getattr(packet, overload)] = matrix
    if hasattr(aten, "_grouped_mm"):
        table[aten._grouped_mm.default] = _grouped_product
    for name in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_", "_fused_adagrad_"):
        packet = getattr(aten, name, None)
        if packet is not None:
            for overload in packet.overloads():
                table[getattr(packet, overload)] = fused_in_place
    return table
