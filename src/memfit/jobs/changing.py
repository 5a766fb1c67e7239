"""Changes that advice tries on a script's fits, and what it looks at to choose them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.calls import TrainingCall


def changed(call: TrainingCall, changes: Mapping[str, Any]) -> int:
    """Make changes to a call; returns the bytes that the script would hold less, had it made its data so.

    Args:
        call: not made yet.
        changes: parameters by name; "dtype" is that of the table.
    """
    wanted = dict(changes)
    dtype = wanted.pop("dtype", None)
    learner = getattr(call, "learner", None)
    if wanted and learner is not None:
        learner.set_params(**wanted)
    elif wanted:
        call.params.update(wanted)
    table = getattr(call, "table", None)
    if dtype is None or table is None or not call.args or _dtype(table) == dtype:
        return 0
    before = call.data_bytes
    call.args = (table.astype(dtype), *call.args[1:])
    return int(before - call.data_bytes)


def facts_of(call: TrainingCall) -> dict[str, Any]:
    """Whose a fit is, its parameters as far as they are plain, the type of its data."""
    first = next(iter(call.learners()))
    plain = {
        name: value for name, value in first.params.items() if isinstance(value, (int, float, str, bool, type(None)))
    }
    dtype = _dtype(getattr(call, "table", None))
    return {"framework": first.framework, "target": first.kind, "params": plain, "dtype": dtype}


def _dtype(data: Any) -> str:
    """Of an array, or of a frame whose columns are all alike; "" of anything else."""
    found = getattr(data, "dtype", None)
    if found is None and hasattr(data, "dtypes"):
        kinds = {str(each) for each in data.dtypes}
        found = kinds.pop() if len(kinds) == 1 else None
    return str(found or "")
