"""What the CPU's kernels take beside their results: copies into the layouts of oneDNN, buffers per thread.

Acts in the host's pool alone and leaves every other pool to the handlers that were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators import cpu_recurrent, onednn


def handlers(simulation: Any, others: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The table of operators with a rule for the CPU; ``others`` act in other pools."""
    table = {**onednn.handlers(simulation), **cpu_recurrent.handlers()}
    return {func: _on_host(handler, others.get(func)) for func, handler in table.items()}


def _on_host(handler: Handler, elsewhere: Handler | None) -> Handler:
    def chosen(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if pool == HOST:
            return handler(dispatch, func, args, kwargs, pool)
        if elsewhere is not None:
            return elsewhere(dispatch, func, args, kwargs, pool)
        return dispatch.run_simulated(func, args, kwargs, pool)

    return chosen
