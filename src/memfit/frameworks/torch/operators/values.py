"""Values that do not exist: stand-ins that let ordinary scripts go on.

A stand-in is never shown as a result of memfit's; it only steers the user's code: losses are finite, conditions do not
loop for ever. Each kind of guess is reported once as an assumption.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.operators import solvers
from memfit.frameworks.torch.operators.conditions import ROUNDS, Asker, Statement
from memfit.quantities import Category

aten = torch.ops.aten

# After so many questions at one line a condition answers the other way now and then, so that `while` loops end.
_PATIENCE = 64

Assume = Callable[[str, str], None]


class StandIns:
    """Answers for values that were not computed.

    Args:
        assume: told (slug, text) whenever a guess may change the memory.
    """

    def __init__(self, assume: Assume) -> None:
        self._assume = assume
        self._asked: dict[str, int] = {}
        self._rounds: dict[str, int] = {}  # of loops on values, by their place
        self._asker = Asker()

    def scalar(self, dispatch: Dispatch, tensor: torch.Tensor) -> Any:
        """The Python number for a one-element tensor whose value is unknown."""
        place = dispatch.situation.place()[1] or ""
        asked = self._asked[place] = self._asked.get(place, 0) + 1
        dtype = tensor.dtype
        known = solvers.answer(asked)
        if known is not None:
            return known
        if dtype == torch.bool:
            return self._condition(asked)
        if dtype.is_complex:
            return complex(1.0, 0.0)
        if dtype.is_floating_point:
            return 1.0 if asked <= _PATIENCE else 1.0 / asked
        return 1 if asked <= _PATIENCE else asked % 2

    def _condition(self, asked: int) -> bool:
        """The answer to a condition that was asked at its line so often."""
        place, statement = self._asker.statement()
        if statement in (Statement.ASSERTION, Statement.DENIAL):
            return statement is Statement.ASSERTION
        if statement is not None:
            rounds = self._rounds[place] = self._rounds.get(place, 0) + 1
            self._assume(
                "loop-on-values",
                f"a loop that ends by computed values was taken to go round {ROUNDS} times ({Path(place).name}); "
                "more rounds may need more memory",
            )
            goes_on = rounds % (ROUNDS + 1) != 0
            return goes_on if statement is Statement.LOOP else not goes_on
        self._assume(
            "value-of-condition",
            "a condition on a computed value was taken as false; other branches may need other memory",
        )
        return asked > _PATIENCE and asked % 2 == 0

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        """A real CPU tensor of the same shape: halves, zeros for integers and truth values. Must be called outside
        the dispatch mode or for small tensors."""
        value: Any = 0.5 if tensor.dtype.is_floating_point or tensor.dtype.is_complex else 0
        return torch.full(tuple(tensor.shape), value, dtype=tensor.dtype)


def handlers(stand_ins: StandIns) -> dict[Any, Handler]:
    """The table of operators that need values."""

    def local_scalar(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        known = dispatch.ledger.values(args[0])
        if known is not None:
            return func(known)
        return stand_ins.scalar(dispatch, args[0])

    return {
        aten._local_scalar_dense.default: local_scalar,
        aten.equal.default: _equal,
        aten.allclose.default: _all_close,
        aten.isnan.default: _uniform(False),
        aten.isinf.default: _uniform(False),
        aten.all.default: _reduction,
        aten.all.dim: _reduction,
        aten._is_all_true.default: _reduction,
        aten._is_any_true.default: _reduction,
        aten.any.default: _reduction,
        aten.logical_not.default: _reduction,
        aten.bitwise_not.default: _reduction,
        aten._amp_foreach_non_finite_check_and_unscale_.default: _unscale,
        aten._assert_async.default: _nothing,
        aten._assert_async.msg: _nothing,
        aten.record_stream.default: _nothing,
    }


# What a condition over computed values usually is: constraints hold, nothing is out of the ordinary. Not any.dim,
# which feeds masks.
_USUAL = {
    aten._is_all_true.default: True,
    aten.all.default: True,
    aten.all.dim: True,
    aten._is_any_true.default: False,
    aten.any.default: False,
}


_SMALLER = ("aten.lt.", "aten.le.")


def _equal(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> bool:
    """C++ compares an unknown truth value with the one that its own check is for (is_scalar_tensor_true and _false of
    TensorSubclassLikeUtils.h): a number is taken as positive, as where one is asked for."""
    left, right = (dispatch.ledger.values(item) for item in args[:2])
    if left is not None and right is not None:
        return bool(func(left, right))
    if not all(item.dtype is torch.bool and not item.dim() for item in args[:2]):
        return False
    made, wanted = (_maker(dispatch, item) for item in args[:2])
    return made.startswith(_SMALLER) == ("zeros" in wanted)


def _maker(dispatch: Dispatch, tensor: torch.Tensor) -> str:
    """The operator that made a tensor, as far as it is known."""
    entry = dispatch.ledger.entry(tensor)
    return (entry.record.operator if entry is not None else None) or ""


def _all_close(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> bool:
    """What is compared within a tolerance is expected to be the same: a check of one's own arithmetic."""
    left, right = (dispatch.ledger.values(item) for item in args[:2])
    return bool(func(left, right, *args[2:], **kwargs)) if left is not None and right is not None else True


def _uniform(value: Any) -> Handler:
    def handler(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        held = None
        if func is aten.isinf.default and args[0].dtype.is_floating_point:  # compares absolute values
            held = torch.empty_like(args[0], device="meta")
            dispatch.record(held, pool, dispatch.facts(func).label, category=Category.TEMPORARIES)
        out = dispatch.run_simulated(func, args, kwargs, pool)
        del held
        entry = dispatch.ledger.entry(out)
        if entry is not None and entry.mirror is None:
            entry.uniform = value
        return out

    return handler


def _reduction(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """all, any, max, min of a tensor whose elements are all the same."""
    source = dispatch.ledger.entry(args[0])
    out = dispatch.run_simulated(func, args, kwargs, pool)
    if source is not None and source.uniform is not None and isinstance(out, torch.Tensor):
        entry = dispatch.ledger.entry(out)
        if entry is not None and entry.mirror is None:
            inverted = func in (aten.logical_not.default, aten.bitwise_not.default)
            entry.uniform = not source.uniform if inverted else source.uniform
    elif isinstance(out, torch.Tensor) and func in _USUAL and dispatch.ledger.values(args[0]) is None:
        entry = dispatch.ledger.entry(out)
        if entry is not None and entry.mirror is None:
            entry.uniform = _USUAL[func]
    return out


def _unscale(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> None:
    """Gradients are unscaled in place and found finite: the flag keeps its value."""


def _nothing(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    return args[0] if args else None
