"""What the backward pass does in place where it holds the only reference: sums of gradients, gradients of selections.

PyTorch refuses to do so for meta tensors and under a dispatch mode (input_buffer.cpp, can_accumulate_inplace;
isTensorSubclassLike in FunctionsManual.cpp and TensorAdvancedIndexing.cpp; 2.13), so the engine asks for a new tensor
here; the handler answers with the one that was there first, where a real run would.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from memfit.frameworks.torch.dispatch import Dispatch, Handler, plainly

aten = torch.ops.aten
_storage_of = torch._C.TensorBase.untyped_storage

# Formulas that fill a fresh tensor in place of a real run, and make another one of it here.
_FILLING = ("index_add.default", "scatter_add.default", "scatter.src", "scatter.value", "masked_fill.Scalar",
            "masked_fill.Tensor", "index_put.default")  # fmt: skip

# Nodes whose own formula may add tensors: for these, the engine is known by the saved tensors it has released by then.
_ADDING = re.compile(
    "BackwardBackward|Linalg|Atan2|Hypot|Lerp|Cdist|Logcumsumexp|Cumprod|Prod|Trilinear|StdMean|VarMean"
)

# Nodes whose formula makes another tensor of a fresh one in a real run too (derivatives.yaml).
_NOT_FILLING = re.compile("Xlogy|Xlog1Py|Fmax|Fmin", re.IGNORECASE)


class _Counter(TorchDispatchMode):
    """Sees how many references a gradient has that only the engine holds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: tuple[int, int] | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is aten.add.Tensor and not torch.is_grad_enabled():
            self.seen = references(args[0])
        return func(*args, **(kwargs or {}))


def references(tensor: torch.Tensor) -> tuple[int, int]:
    """The reference counts of a tensor and of its storage, as seen from Python."""
    return tensor._use_count(), torch._C._storage_Use_Count(_storage_of(tensor)._cdata)


def only_reference() -> tuple[int, int] | None:
    """What `references` says of a gradient that the engine alone holds; None where this build does not count."""
    counter = _Counter()
    try:
        with torch.enable_grad(), counter:
            leaf = torch.empty((2,), device="meta", requires_grad=True)
            middle = leaf.tanh()
            torch.autograd.grad((middle.sin() + middle.cos()).sum(), leaf)
    except (AttributeError, RuntimeError):
        return None
    return counter.seen


def handlers(others: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The table: addition, and what fills a tensor of zeros; ``others`` act where nothing is done in place."""
    alone = only_reference()
    if alone is None:
        return {}

    def add(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if dispatch.situation.in_backward and not torch.is_grad_enabled() and len(args) == 2 and not kwargs:
            old, new = args
            if isinstance(new, torch.Tensor) and _accumulates(old, new, alone):
                dispatch.ledger.forget_values(old)
                return old
        return before.get(func, plainly)(dispatch, func, args, kwargs, pool)

    def fill(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        in_place = (
            dispatch.situation.in_backward
            and not torch.is_grad_enabled()
            and _asked_by_engine()
            and references(args[0]) == alone
            and _dense(args[0])
            and not _makes_another()
        )
        if in_place:
            dispatch.ledger.forget_values(args[0])
            return args[0]
        return before.get(func, plainly)(dispatch, func, args, kwargs, pool)

    before = dict(others)
    table: dict[Any, Handler] = {aten.add.Tensor: add}
    for name in _FILLING:
        packet, _, overload = name.partition(".")
        table[getattr(getattr(aten, packet), overload)] = fill
    return table


def _asked_by_engine() -> bool:
    """Whether no Python stands between the handler's caller and the engine."""
    return sys._getframe(3).f_code.co_name in ("run_backward", "_engine_run_backward")


def _makes_another() -> bool:
    node = torch._C._current_autograd_node()
    return node is not None and _NOT_FILLING.search(node.name()) is not None


def _accumulates(old: torch.Tensor, new: torch.Tensor, alone: tuple[int, int]) -> bool:
    """Whether the engine asks, of a gradient that it may write to."""
    if old.layout is not torch.strided or new.layout is not torch.strided or old.shape != new.shape:
        return False
    if references(old) != alone or sys._getframe(3).f_code.co_name not in ("run_backward", "_engine_run_backward"):
        return False
    node = torch._C._current_autograd_node()
    if node is None or (_ADDING.search(node.name()) and not _released(node)):
        return False
    return _dense(old)


def _released(node: Any) -> bool:
    for name in dir(node):
        if name.startswith("_saved_"):
            try:
                getattr(node, name)
            except RuntimeError:
                return True
    return False


def _dense(tensor: torch.Tensor) -> bool:
    """Whether the tensor's elements fill a block without gaps or overlaps, in any order."""
    if tensor.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted((stride, size) for size, stride in zip(tensor.shape, tensor.stride(), strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True
