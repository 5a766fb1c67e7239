"""What is asked of the child process; travels as JSON."""

from __future__ import annotations

from dataclasses import dataclass


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
        probed: the script fits estimators: it is run to its fits, which are probed.
        probe_budget_s: seconds for the probes of each of them.
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
    probed: bool = False
    probe_budget_s: float = 60.0
