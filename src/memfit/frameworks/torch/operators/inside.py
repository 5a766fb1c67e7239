"""Operators that make tensors of their own inside, which their meta kernels do not show.

Read from PyTorch 2.13's sources, which CPU and CUDA share here, and held against the allocation events of its profiler
on the CPU (tests/unit/frameworks/torch/test_cpu_exactness.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from memfit.frameworks.torch.arguments import META, tensors_in
from memfit.frameworks.torch.dispatch import Dispatch, Handler, plainly
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten

# On the CPU TensorIterator copies an operand to the common type first (compute_types of TensorIterator.cpp); CUDA's
# kernels cast as they read.
_CASTING = [
    "add",
    "sub",
    "rsub",
    "mul",
    "div",
    "true_divide",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "atan2",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "hypot",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "addcmul",
    "addcdiv",
    "copysign",
]
_DIVIDING = frozenset({"div", "div_", "true_divide", "true_divide_", "atan2", "atan2_"})
_SUMS = ("sum", "mean", "prod", "nansum")
_RUNNING_SUMS = ("cumsum", "cumprod")
# The scaled matrix, five powers of it and five sums of those for the highest degree (compute_T18 of
# LinearAlgebra.cpp); the degree depends on values.
_MATRICES_OF_EXP = 12


def handlers(others: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The table, for every pool; ``others`` are the rules that were there for the same operators."""
    casting = {func: _cast_first(func, others.get(func, plainly)) for func in _overloads(_CASTING)}
    sums = {func: _cast_whole(others.get(func, plainly)) for func in _overloads(_SUMS)}
    running = {func: _cast_whole(others.get(func, plainly), always=True) for func in _overloads(_RUNNING_SUMS)}
    return {
        **casting,
        **sums,
        **running,
        aten.im2col.default: _unfold,
        aten.col2im.default: _fold,
        aten._trilinear.default: _trilinear,
        aten.linalg_matrix_exp.default: _matrix_exp,
        aten._linalg_eigh.default: _eigh,
        aten.abs.default: _abs,
        aten.where.self: _where,
        aten.kthvalue.default: _kthvalue,
    }


def _overloads(names: Sequence[str]) -> list[Any]:
    """Every overload of these operators that takes tensors, those that write to their first argument too."""
    packets = [getattr(aten, each) for name in names for each in (name, f"{name}_") if hasattr(aten, each)]
    return [getattr(packet, each) for packet in packets for each in packet.overloads() if "out" not in each]


def _held(dispatch: Dispatch, func: Any, pool: str, sizes: list[tuple[Any, torch.dtype]]) -> list[torch.Tensor]:
    """Tensors of these shapes and types, born now; they die with the list."""
    made = [torch.empty(shape, dtype=dtype, device=META) for shape, dtype in sizes]
    dispatch.record(made, pool, dispatch.facts(func).label, category=Category.TEMPORARIES)
    return made


def _cast_first(func: Any, then: Handler) -> Handler:
    divides = func._schema.name.split("::")[-1] in _DIVIDING

    def pointwise(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        copies: list[torch.Tensor] = []
        if pool == HOST:
            operands = [item for item in tensors_in(args, kwargs) if item.dim()]
            if len(operands) > 1 and any(item.dtype is not operands[0].dtype for item in operands):
                common = operands[0].dtype
                for item in operands[1:]:
                    common = torch.promote_types(common, item.dtype)
                if divides and not (common.is_floating_point or common.is_complex):
                    common = torch.get_default_dtype()
                copies = _held(dispatch, func, pool, [(x.shape, common) for x in operands if x.dtype is not common])
        out = then(dispatch, func, args, kwargs, pool)
        del copies
        return out

    return pointwise


def _cast_whole(then: Handler, *, always: bool = False) -> Handler:
    """A sum kept in another type reads a copy in that type, such as eight bytes for each truth value counted; CUDA
    reads halves as they are (make_reduction_from_out_ty of ReduceOpsUtils.h), but where the copy is made ``always``
    (impl_func_cum_ops of ReduceOps.cpp)."""

    def reduction(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        wanted = kwargs.get("dtype") or _type_of_sum(args[0].dtype)
        read_as_they_are = not always and pool != HOST and args[0].dtype in (torch.float16, torch.bfloat16)
        copied = wanted is not args[0].dtype and not read_as_they_are and args[0].dim() > 0
        copy = _held(dispatch, func, pool, [(args[0].shape, wanted)]) if copied else None
        out = then(dispatch, func, args, kwargs, pool)
        del copy
        return out

    return reduction


def _type_of_sum(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.int64


def _unfold(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """The result starts as large as the input and is resized (Im2Col.cpp, Im2Col.cu)."""
    start = _held(dispatch, func, pool, [(args[0].shape, args[0].dtype)])
    out = dispatch.run_simulated(func, args, kwargs, pool)
    del start
    return out


def _fold(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """The result starts as large as the input, and keeps that storage when it is smaller (Col2Im.cpp, Col2Im.cu)."""
    shape = func(*args, **kwargs)
    if shape.numel() >= args[0].numel():
        return dispatch.run_simulated(func, args, kwargs, pool)
    (start,) = _held(dispatch, func, pool, [((args[0].numel(),), args[0].dtype)])
    return start.as_strided(shape.size(), shape.stride())


def _trilinear(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """Products of two operands for one slice at a time, before the third (Linear.cpp): of torch.nn.Bilinear's backward
    pass batch × inputs × inputs."""
    operands, added, summed = args[:3], args[3:6], args[6]
    sliced = args[7] if len(args) > 7 else kwargs.get("unroll_dim", 1)
    first, second, third = (_with_ones(x.shape, at) for x, at in zip(operands, added, strict=True))
    at_once = [max(pair) for pair in zip(first, second, strict=True)]
    product = [1 if at == sliced or (at in summed and third[at] == 1) else n for at, n in enumerate(at_once)]
    result = [1 if at == sliced or at in summed else max(n, third[at]) for at, n in enumerate(at_once)]
    out = dispatch.run_simulated(func, args, kwargs, pool)
    size_bytes = (math.prod(product) + math.prod(result)) * operands[0].element_size()
    dispatch.ledger.transient(pool, size_bytes, Category.TEMPORARIES, dispatch.facts(func).label)
    return out


def _with_ones(shape: Sequence[int], added: Sequence[int]) -> list[int]:
    found = list(shape)
    for at in sorted(added):
        found.insert(at, 1)
    return found


def _matrix_exp(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    out = dispatch.run_simulated(func, args, kwargs, pool)
    size_bytes = _MATRICES_OF_EXP * args[0].numel() * args[0].element_size()
    dispatch.ledger.transient(pool, size_bytes, Category.TEMPORARIES, dispatch.facts(func).label)
    return out


def _eigh(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """LAPACK's syevd asks for 1 + 6n + 2n² numbers to find vectors (netlib, ssyevd.f)."""
    out = dispatch.run_simulated(func, args, kwargs, pool)
    n = args[0].shape[-1]
    if pool == HOST and n:
        size_bytes = (1 + 6 * n + 2 * n * n) * args[0].element_size()
        dispatch.ledger.transient(pool, size_bytes, Category.WORKSPACES, dispatch.facts(func).label)
    return out


def _abs(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """Of complex numbers the CPU computes complex ones first (unary_op_impl_with_complex_to_float of UnaryOps.cpp)."""
    out = dispatch.run_simulated(func, args, kwargs, pool)
    if pool == HOST and args[0].is_complex():
        size_bytes = args[0].numel() * args[0].element_size()
        dispatch.ledger.transient(pool, size_bytes, Category.TEMPORARIES, dispatch.facts(func).label)
    return out


def _where(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """An operand of another type is copied to the common one first, on every device (where_self_out of
    TensorCompare.cpp)."""
    operands = args[1:3]
    common = torch.result_type(*operands)
    copies = _held(dispatch, func, pool, [(item.shape, common) for item in operands if item.dtype is not common])
    out = dispatch.run_simulated(func, args, kwargs, pool)
    del copies
    return out


def _kthvalue(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """The CPU partly sorts a copy, with the places beside it (kthvalue_out_impl_cpu of Sorting.cpp)."""
    sorts = pool == HOST and args[0].dim() > 0
    shape = args[0].shape
    copies = _held(dispatch, func, pool, [(shape, args[0].dtype), (shape, torch.int64)]) if sorts else None
    out = dispatch.run_simulated(func, args, kwargs, pool)
    del copies
    return out
