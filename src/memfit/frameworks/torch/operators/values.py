"""Values that do not exist: stand-ins that let ordinary scripts go on, and bounds for shapes that depend on values.

A stand-in is never shown as a result of memfit's; it only steers the user's code: losses are finite, conditions do not
loop for ever, a count is taken at its upper bound. Each kind of guess is reported once as an assumption.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler, as_meta
from memfit.frameworks.torch.operators import solvers
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

    def scalar(self, dispatch: Dispatch, tensor: torch.Tensor) -> Any:
        """The Python number for a one-element tensor whose value is unknown."""
        place = dispatch.situation.place()[1] or ""
        asked = self._asked[place] = self._asked.get(place, 0) + 1
        dtype = tensor.dtype
        known = solvers.answer(asked)
        if known is not None:
            return known
        if dtype == torch.bool:
            self._assume(
                "value-of-condition",
                "a condition on a computed value was taken as false; other branches may need other memory",
            )
            return asked > _PATIENCE and asked % 2 == 0
        if dtype.is_complex:
            return complex(1.0, 0.0)
        if dtype.is_floating_point:
            return 1.0 if asked <= _PATIENCE else 1.0 / asked
        return 1 if asked <= _PATIENCE else asked % 2

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        """A real CPU tensor of the same shape: halves, zeros for integers and truth values. Must be called outside
        the dispatch mode or for small tensors."""
        value: Any = 0.5 if tensor.dtype.is_floating_point or tensor.dtype.is_complex else 0
        return torch.full(tuple(tensor.shape), value, dtype=tensor.dtype)


def handlers(stand_ins: StandIns, assume: Assume) -> dict[Any, Handler]:
    """The table of operators that need values."""

    def local_scalar(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        known = dispatch.ledger.values(args[0])
        if known is not None:
            return func(known)
        return stand_ins.scalar(dispatch, args[0])

    def counted(rows_of: Callable[..., Any]) -> Handler:
        """An operator whose result's length depends on values: exact where they are known, else its upper bound."""

        def handler(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
            known = [dispatch.ledger.values(item) if isinstance(item, torch.Tensor) else item for item in args]
            exact = all(value is not None or item is None for value, item in zip(known, args, strict=True))
            if exact:
                values = func(*known, **kwargs)
                out = _like(values)
            else:
                values = None
                name = func._schema.name.split("::")[-1]
                assume("shape-from-values", f"{name} was taken at its largest result: its length depends on values")
                out = rows_of(*args, **kwargs)
            dispatch.record(out, pool, str(func), values)
            return out

        return handler

    def index(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        indices = [part for item in args[1] for part in _as_integers(dispatch, item, assume, pool)]
        return dispatch.run_simulated(func, (args[0], indices, *args[2:]), kwargs, pool)

    def index_put(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        dispatch.ledger.forget_values(args[0])
        if func is aten.index_put_.default:
            return args[0]
        out = torch.empty_like(as_meta(args[0]))
        dispatch.record(out, pool, str(func))
        return out

    def equal(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> bool:
        left, right = (dispatch.ledger.values(item) for item in args[:2])
        return bool(func(left, right)) if left is not None and right is not None else False

    def uniform(value: Any) -> Handler:
        def handler(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
            out = dispatch.run_simulated(func, args, kwargs, pool)
            entry = dispatch.ledger.entry(out)
            if entry is not None and entry.mirror is None:
                entry.uniform = value
            return out

        return handler

    def reduction(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
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

    def unscale(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> None:
        """Gradients are unscaled in place and found finite: the flag keeps its value."""

    def nothing(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        return args[0] if args else None

    def pack(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """Padded sequences packed together: the lengths are real and decide the size."""
        sequences, lengths = args[0], dispatch.ledger.values(args[1])
        batch_first = args[2] if len(args) > 2 else kwargs.get("batch_first", False)
        steps, batch = sequences.shape[1 if batch_first else 0], sequences.shape[0 if batch_first else 1]
        if lengths is None:
            assume("shape-from-values", "packed sequences were taken at their full length")
            lengths = torch.full((batch,), steps, dtype=torch.int64)
        rows = int(lengths.sum())
        sizes = (lengths[None, :] > torch.arange(int(lengths.max()))[:, None]).sum(1)
        data = torch.empty((rows, *sequences.shape[2:]), dtype=sequences.dtype, device="meta")
        if batch_first:  # every step is made contiguous before they are joined
            copied = data.numel() * data.element_size()
            dispatch.ledger.transient(pool, copied, Category.TEMPORARIES, str(func))
        dispatch.record(data, pool, str(func))
        return data, sizes

    def ctc(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """Connectionist temporal classification keeps a table over time and twice the longest target."""
        scores, targets, lengths = args[0], args[1], args[3]
        known = dispatch.ledger.values(lengths) if isinstance(lengths, torch.Tensor) else torch.tensor(list(lengths))
        longest = int(known.max()) if known is not None else targets.shape[-1]
        batch = scores.shape[1]
        losses = torch.empty((batch,), dtype=scores.dtype, device="meta")
        table = torch.empty((batch, scores.shape[0], 2 * longest + 1), dtype=scores.dtype, device="meta")
        dispatch.record((losses, table), pool, str(func))
        return losses, table

    def ctc_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        scores, table = args[1], args[6]
        dispatch.ledger.transient(pool, table.numel() * table.element_size(), Category.TEMPORARIES, str(func))
        out = torch.empty_like(scores, device="meta")
        dispatch.record(out, pool, str(func))
        return out

    return {
        aten._pack_padded_sequence.default: pack,
        aten._ctc_loss.default: ctc,
        aten._ctc_loss.Tensor: ctc,
        aten._ctc_loss_backward.default: ctc_backward,
        aten._ctc_loss_backward.Tensor: ctc_backward,
        aten._local_scalar_dense.default: local_scalar,
        aten.nonzero.default: counted(lambda x: _new(x, (x.numel(), x.dim()), torch.int64)),
        aten.masked_select.default: counted(lambda x, mask: _new(x, (max(x.numel(), mask.numel()),))),
        aten._unique2.default: counted(_unique),
        aten.unique_consecutive.default: counted(_unique),
        aten.unique_dim.default: counted(_unique_rows),
        aten.bincount.default: counted(_bins),
        aten.repeat_interleave.Tensor: counted(_repeats),
        aten.index.Tensor: index,
        aten.index_put.default: index_put,
        aten.index_put_.default: index_put,
        aten.equal.default: equal,
        aten.isnan.default: uniform(False),
        aten.isinf.default: uniform(False),
        aten.all.default: reduction,
        aten.all.dim: reduction,
        aten._is_all_true.default: reduction,
        aten._is_any_true.default: reduction,
        aten.any.default: reduction,
        aten.logical_not.default: reduction,
        aten.bitwise_not.default: reduction,
        aten._amp_foreach_non_finite_check_and_unscale_.default: unscale,
        aten._assert_async.default: nothing,
        aten._assert_async.msg: nothing,
        aten.record_stream.default: nothing,
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


def _unique(x: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    n = x.numel()
    return _new(x, (n,)), _new(x, tuple(x.shape), torch.int64), _new(x, (n,), torch.int64)


def _unique_rows(x: torch.Tensor, dim: int, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rows = (x.shape[dim],)
    return _new(x, tuple(x.shape)), _new(x, rows, torch.int64), _new(x, rows, torch.int64)


def _bins(x: torch.Tensor, weights: torch.Tensor | None = None, minlength: int = 0) -> torch.Tensor:
    return _new(x, (max(minlength, x.numel()),), torch.int64 if weights is None else torch.float64)


def _repeats(repeats: torch.Tensor, output_size: int | None = None) -> torch.Tensor:
    return _new(repeats, (output_size if output_size is not None else 2 * repeats.numel(),))


def _new(like: torch.Tensor, shape: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    return torch.empty(tuple(shape), dtype=dtype or like.dtype, device="meta")


def _like(values: Any) -> Any:
    if isinstance(values, torch.Tensor):
        return torch.empty_strided(values.size(), values.stride(), dtype=values.dtype, device="meta")
    return type(values)(_like(item) for item in values)


def _as_integers(dispatch: Dispatch, item: Any, assume: Assume, pool: str) -> list[Any]:
    """A mask becomes one tensor of row numbers per dimension: exact when the mask is known, else all rows."""
    if not isinstance(item, torch.Tensor) or item.dtype not in (torch.bool, torch.uint8):
        return [item]
    known = dispatch.ledger.values(item)
    rows = int(known.count_nonzero()) if known is not None else item.numel()
    if known is None:
        assume("shape-from-values", "a selection by mask was taken to keep everything: its length depends on values")
    dimensions = max(item.dim(), 1)
    # the device makes the row numbers first: nonzero's result, eight bytes per row and dimension
    dispatch.ledger.transient(pool, rows * 8 * dimensions, Category.TEMPORARIES, "aten.nonzero.default")
    return [torch.empty((rows,), dtype=torch.int64, device="meta") for _ in range(dimensions)]
