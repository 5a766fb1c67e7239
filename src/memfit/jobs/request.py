"""What is asked of the child process; travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One job to simulate.

    Args:
        target: script path, module name, or "package.module:function".
        arguments: what the job finds in sys.argv.
        module: whether the target is a module to run as `python -m`.
        on: the catalogue's name of the device, None for the CPU.
        device_count: how many of them.
        steps: optimizer steps to see.
        passes: forward passes to see of a job that does not train, None for all.
        timeout_s: seconds after which the job ends with what was seen.
        host_memory_bytes: host memory to judge by, None for this machine's.
        debug: keep tracebacks whole.
        way: how it is estimated, of ``choosing.WAYS``.
        probe_budget_s: seconds for the probes of each of them.
        changes: made to the job within its process, by the names of the framework's own (frameworks.torch.changes).
        constants: "line:column" of a whole number in the script → the number that it is run with instead.
        looked_at: whether to write down, beside the estimate, what advice looks at.
        replays: name → further estimates of the same run with an edited trace, other settings or loaders
            (jobs.replays).
        process_bytes: what the unchanged job's process held; a changed one is taken to hold the same.
        nodes, ranks_per_node: of a job in several processes, of which one is simulated; 0 for a job as it is.
        rank: which one.
        torch: the version whose context and workspaces are taken, "" for the one that runs.
        shrink: of a script whose fits are probed, the share of its files' rows that is read; 0 to choose it.
        shrink_part: of that share, what is really read: less in the run that goes ahead (jobs.shrunk).
        whole_evaluations: whether loaders give all their batches until the first step: this job counts them.
        stages_file: where one simulated pipeline stage leaves what the next must know, "" for none.
    """

    target: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    on: str | None = None
    device_count: int = 0
    steps: int = 3
    passes: int | None = None
    timeout_s: float = 300.0
    host_memory_bytes: int | None = None
    debug: bool = False
    way: str = "simulated"
    probe_budget_s: float = 60.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    looked_at: bool = False
    replays: Mapping[str, Any] = field(default_factory=dict)
    process_bytes: int | None = None
    nodes: int = 0
    ranks_per_node: int = 0
    rank: int = 0
    whole_evaluations: bool = False
    stages_file: str = ""
    torch: str = ""
    shrink: float = 1.0
    shrink_part: float = 1.0
