"""Further estimates of one simulated run: with an edited trace, other settings of allocators, or other loaders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memfit.engine.edits import Edit, edited, phase_peaks
from memfit.engine.observation import HostSide, Observation

# The settings that a replay may change are those that the estimate reads; a value of None takes one away.
Environment = Mapping[str, str | None]


def with_environment(environment: Mapping[str, str], changes: Environment) -> dict[str, str]:
    """An environment with some variables set, or taken away."""
    merged = {**environment, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def changed(observation: Observation, spec: Mapping[str, Any]) -> Observation:
    """What would have been seen of a changed job.

    Args:
        observation: of the job as it is.
        spec: "edits" (fields of memfit.engine.edits.Edit) and "loaders" (fields of LoaderNeeds, for all of them).
    """
    edits = [Edit(**{name: _tuple(value) for name, value in each.items()}) for each in spec.get("edits", ())]
    trace = edited(observation.trace, edits) if edits else observation.trace
    host = observation.host
    if spec.get("loaders"):
        host = _with_loaders(host, spec["loaders"])
    return replace(observation, trace=trace, host=host)


def peaks(observation: Observation) -> dict[str, dict[str, int]]:
    """What tensors come to in each phase, by pool."""
    return {pool: phase_peaks(observation.trace, pool) for pool in observation.trace.pools()}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _with_loaders(host: HostSide, fields: Mapping[str, Any]) -> HostSide:
    loaders = {key: replace(needs, **fields) for key, needs in host.loaders.items()}
    return replace(host, loaders=loaders, pinned_bytes=host.pinned_bytes if fields.get("pinned", True) else 0)
