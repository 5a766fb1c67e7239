"""Shapes that depend on values: selections, unique values, packed sequences. Exact where the values are known, else
the largest they can be, which is then an assumption of the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.arguments import as_meta
from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten
# Row numbers that are added to are sorted first on a device: they, their order, both sorted, and as much again while
# CUB sorts, eight bytes each (index_put_with_sort_kernel of Indexing.cu, torch 1.8 to 2.13).
_SORTING_BYTES = 6 * 8


def handlers() -> dict[Any, Handler]:
    """The table of operators whose results have a length that values decide."""
    return {
        aten.nonzero.default: _counted(lambda x: _new(x, (x.numel(), x.dim()), torch.int64)),
        aten.masked_select.default: _counted(lambda x, mask: _new(x, (max(x.numel(), mask.numel()),))),
        aten._unique2.default: _counted(_unique),
        aten.unique_consecutive.default: _counted(_unique),
        aten.unique_dim.default: _counted(_unique_rows),
        aten.bincount.default: _counted(_bins),
        aten.repeat_interleave.Tensor: _counted(_repeats),
        aten.index.Tensor: _index,
        aten.index_put.default: _index_put,
        aten.index_put_.default: _index_put,
        aten._pack_padded_sequence.default: _pack,
        aten._ctc_loss.default: _ctc,
        aten._ctc_loss.Tensor: _ctc,
        aten._ctc_loss_backward.default: _ctc_backward,
        aten._ctc_loss_backward.Tensor: _ctc_backward,
    }


def _counted(rows_of: Callable[..., Any]) -> Handler:
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
            dispatch.assume(
                "shape-from-values", f"{name} was taken at its largest result: its length depends on values"
            )
            out = rows_of(*args, **kwargs)
        dispatch.record(out, pool, str(func), values)
        return out

    return handler


def _index(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    indices = [part for item in args[1] for part in _as_integers(dispatch, item, pool)]
    return dispatch.run_simulated(func, (args[0], indices, *args[2:]), kwargs, pool)


def _index_put(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    dispatch.ledger.forget_values(args[0])
    out = args[0]
    if func is not aten.index_put_.default:
        out = torch.empty_like(as_meta(args[0]))
        dispatch.record(out, pool, str(func))
    adds = kwargs.get("accumulate", args[3] if len(args) > 3 else False)
    if not adds and args[2].numel() == 1:
        return out  # a mask and one value are filled without row numbers (TensorAdvancedIndexing.cpp)
    rows = [part for item in args[1] for part in _as_integers(dispatch, item, pool)]
    if adds and pool != HOST:
        lengths = [part.shape for part in rows if isinstance(part, torch.Tensor)]
        scratch = _SORTING_BYTES * torch.broadcast_shapes(*lengths).numel()
        dispatch.ledger.transient(pool, scratch, Category.TEMPORARIES, str(func))
    return out


def _pack(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """Padded sequences packed together: the lengths are real and decide the size."""
    sequences, lengths = args[0], dispatch.ledger.values(args[1])
    batch_first = args[2] if len(args) > 2 else kwargs.get("batch_first", False)
    steps, batch = sequences.shape[1 if batch_first else 0], sequences.shape[0 if batch_first else 1]
    if lengths is None:
        dispatch.assume("shape-from-values", "packed sequences were taken at their full length")
        lengths = torch.full((batch,), steps, dtype=torch.int64)
    rows = int(lengths.sum())
    sizes = (lengths[None, :] > torch.arange(int(lengths.max()))[:, None]).sum(1)
    data = torch.empty((rows, *sequences.shape[2:]), dtype=sequences.dtype, device="meta")
    if batch_first:  # every step is made contiguous before they are joined
        copied = data.numel() * data.element_size()
        dispatch.ledger.transient(pool, copied, Category.TEMPORARIES, str(func))
    dispatch.record(data, pool, str(func))
    return data, sizes


def _ctc(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """Connectionist temporal classification keeps a table over time and twice the longest target."""
    scores, targets, lengths = args[0], args[1], args[3]
    known = dispatch.ledger.values(lengths) if isinstance(lengths, torch.Tensor) else torch.tensor(list(lengths))
    longest = int(known.max()) if known is not None else targets.shape[-1]
    batch = scores.shape[1]
    losses = torch.empty((batch,), dtype=scores.dtype, device="meta")
    table = torch.empty((batch, scores.shape[0], 2 * longest + 1), dtype=scores.dtype, device="meta")
    dispatch.record((losses, table), pool, str(func))
    return losses, table


def _ctc_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    scores, table = args[1], args[6]
    out = torch.empty_like(scores, device="meta")
    dispatch.record(out, pool, str(func))
    dispatch.ledger.transient(pool, table.numel() * table.element_size(), Category.TEMPORARIES, str(func))
    return out


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


def _as_integers(dispatch: Dispatch, item: Any, pool: str) -> list[Any]:
    """A mask becomes one tensor of row numbers per dimension: exact when the mask is known, else all rows."""
    if not isinstance(item, torch.Tensor) or item.dtype not in (torch.bool, torch.uint8):
        return [item]
    known = dispatch.ledger.values(item)
    rows = int(known.count_nonzero()) if known is not None else item.numel()
    if known is None:
        dispatch.assume(
            "shape-from-values", "a selection by mask was taken to keep everything: its length depends on values"
        )
    # nonzero's result, eight bytes per row and dimension, lives as long as the operator
    numbers = torch.empty((rows, max(item.dim(), 1)), dtype=torch.int64, device="meta")
    dispatch.record(numbers, pool, "aten.nonzero.default", category=Category.TEMPORARIES)
    return list(numbers.unbind(1))
