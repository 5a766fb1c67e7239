"""What the CPU's kernels take beside their results: copies into the layouts of oneDNN, buffers per thread.

Acts in the host's pool alone and leaves every other pool to the handlers that were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler, plainly
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators import cpu_recurrent, onednn
from memfit.quantities import Category

aten = torch.ops.aten
_PRODUCTS = {aten.mm.default: (0, 1), aten.addmm.default: (1, 2)}


def handlers(simulation: Any, others: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The table of operators with a rule for the CPU; ``others`` act in other pools."""
    table = {**onednn.handlers(simulation), **cpu_recurrent.handlers()}
    table.update({func: _product(places, others.get(func, plainly)) for func, places in _PRODUCTS.items()})
    return {func: _on_host(handler, others.get(func, plainly)) for func, handler in table.items()}


def _product(places: tuple[int, ...], then: Handler) -> Handler:
    """BLAS reads rows or columns that lie side by side; anything else (an expanded gradient) is copied for the call."""

    def product(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        copied = sum(item.numel() * item.element_size() for item in (args[at] for at in places) if not _readable(item))
        out = then(dispatch, func, args, kwargs, pool)
        if copied:
            dispatch.ledger.transient(pool, copied, Category.TEMPORARIES, dispatch.facts(func).label)
        return out

    return product


def _readable(matrix: torch.Tensor) -> bool:
    """Whether BLAS takes the matrix as it is (LinearAlgebra.cpp, addmm_impl_cpu_)."""
    (rows, columns), (down, across) = matrix.shape, matrix.stride()
    return (across == 1 and down >= max(1, columns)) or (down == 1 and across >= max(1, rows))


def _on_host(handler: Handler, elsewhere: Handler) -> Handler:
    def chosen(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        return (handler if pool == HOST else elsewhere)(dispatch, func, args, kwargs, pool)

    return chosen
