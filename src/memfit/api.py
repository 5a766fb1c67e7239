"""The front door: what the command line and Python callers use. Loads no framework by itself."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfit import documents
from memfit.documents import Check, Comparison, Diagnosis, Document, Estimate, Recording
from memfit.errors import JobFailed, UsageError
from memfit.jobs import Progress as Progress
from memfit.jobs import Request, run_job

if TYPE_CHECKING:
    from memfit.calibrating.store import Calibration as Calibration
    from memfit.frameworks.torch.simulation import Simulation


def estimate(
    target: str | os.PathLike[str] | Callable[[], Any] | Any,
    arguments: Sequence[str] = (),
    *,
    on: str | None = None,
    steps: int = 3,
    timeout_s: float = 300.0,
    passes: int | None = None,
    python: str | None = None,
    module: bool = False,
    batch: Sequence[Any] | None = None,
    optimizer: str | None = "AdamW",
    host_memory_bytes: int | None = None,
    debug: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Estimate:
    """How much memory a job would need, without running it at its size.

    Args:
        target: a script, a module's name (with ``module=True``), "package.module:function", a callable without
            arguments that runs a few steps, or a torch.nn.Module (with ``batch``). Scripts run in a process of their
            own; callables and modules run in this one.
        arguments: the script's command line.
        on: the device to simulate, "rtx4090-24gb", "2xh100-80gb", "cpu" for a machine without one; None for what this
            machine has.
        steps: optimizer steps to simulate; two at least show what the first one leaves behind.
        timeout_s: seconds after which the job ends with what was seen.
        passes: for a job that only infers: forward passes to see; None lets it run to its end.
        python: the interpreter that has the job's packages; this one by default.
        module: the target is a module, as with ``python -m``.
        batch: for a torch.nn.Module: its forward arguments, as tensors or (shape, dtype) pairs.
        optimizer: for a torch.nn.Module: a name in torch.optim, None to run it without gradients.
        host_memory_bytes: the host memory of the machine in question; this machine's by default.
        debug: let the job print to stderr.
        progress: called as the work goes on.

    Returns:
        The estimate: peaks with ranges for every memory pool, their breakdown, and the verdict.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.

    >>> memfit.estimate("train.py", ["--batch-size", "64"], on="a100-40gb").verdict   # doctest: +SKIP
    <Verdict.FITS: 'fits'>
    """
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}", slug="bad-steps")
    on = on or _own_devices()
    count = _device_count(on)
    request = Request(
        target=_name(target),
        arguments=tuple(str(word) for word in arguments),
        module=module,
        on=on if count else None,
        device_count=count,
        steps=steps,
        passes=passes,
        timeout_s=timeout_s,
        host_memory_bytes=host_memory_bytes,
        debug=debug,
    )
    if not isinstance(target, (str, os.PathLike)):
        return _estimate_object(target, batch, optimizer, request)
    if not module and ":" not in request.target and not Path(request.target).is_file():
        raise JobFailed(
            f"there is no script {request.target}",
            hint="give the path of a Python file, or -m for a module",
            slug="no-script",
        )
    return run_job(request, python=python, progress=progress)


def _name(target: Any) -> str:
    if isinstance(target, (str, os.PathLike)):
        return os.fspath(target)
    return getattr(target, "__qualname__", None) or type(target).__name__


def _estimate_object(target: Any, batch: Sequence[Any] | None, optimizer: str | None, request: Request) -> Estimate:
    from memfit.jobs.inprocess import estimate_callable, estimate_module
    from memfit.registry import framework_of

    if batch is not None and framework_of(target) == "torch":
        return estimate_module(target, tuple(batch), optimizer, request)
    if framework_of(target) is not None:
        raise UsageError(
            f"{request.target} is a model: memfit needs to know what it is called with",
            hint="memfit.estimate(model, batch=(example,), on=...)",
            slug="no-batch",
        )
    if not callable(target):
        raise UsageError(f"expected a script, a callable or a model, got {type(target).__name__}", slug="bad-target")
    return estimate_callable(target, request)


def simulate(on: str | None = None, **options: Any) -> Simulation:
    """A simulated device as a context manager: ordinary PyTorch code inside it allocates nothing of its size.

    Args:
        on: the device, "h100-80gb"; None or "cpu" simulates a machine without one.
        options: further arguments of memfit.frameworks.torch.simulation.Simulation.

    >>> with memfit.simulate("h100-80gb") as sim:            # doctest: +SKIP
    ...     model = Model().cuda()
    ...     print(torch.cuda.memory_allocated())
    """
    from memfit.jobs.machine import simulated_machine
    from memfit.registry import adapter

    adapter("torch")
    import sys

    torch = sys.modules["torch"]
    from memfit.frameworks.torch.simulation import Simulation

    machine = simulated_machine(on, torch.__version__, torch.version.cuda)
    return Simulation(**{**machine.simulation_arguments(), **options})


def load(path: str | os.PathLike[str]) -> Document | Recording:
    """Read what memfit saved: an estimate, a recording (a file or a folder of files), or what was made of them.

    Args:
        path: of the file or folder; its kind is told from what is in it.

    Raises:
        InvalidDocument: the file is missing, damaged, or of another program.
    """
    from memfit.recording import reader

    if Path(path).is_dir() or reader.is_recording(path):
        return reader.read(path)
    return documents.load(Path(path))


def made_of(shown: Sequence[Document | Recording]) -> tuple[Document, ...]:
    """What can be made of documents that are shown together and is not among them: the comparison of both sides."""
    estimates = [one for one in shown if isinstance(one, Estimate)]
    recordings = [one for one in shown if isinstance(one, Recording)]
    if not estimates or not recordings or any(isinstance(one, Comparison) for one in shown):
        return ()
    return (compare(estimates[0], recordings[0]),)


def compare(
    first: Estimate | Recording | str | os.PathLike[str], second: Estimate | Recording | str | os.PathLike[str]
) -> Comparison:
    """What was predicted beside what was measured, by pool, category and phase; or two of a kind, before and after.

    Args:
        first: an estimate or a recording, or the file of one.
        second: the other; of two of a kind the later one.

    Returns:
        The comparison: where the measured peaks lie in the predicted ranges, and why they differ where it can be told.

    Raises:
        MemfitError: a file that is neither.

    >>> memfit.compare("estimate.json", "job.memfit").pools[0].error_share   # doctest: +SKIP
    0.021
    """
    from memfit.analysis.comparison import compare as lay

    return lay(_comparable(first), _comparable(second))


def check(
    job: Estimate | Recording | str | os.PathLike[str],
    budgets: Mapping[str, int] | int,
    *,
    growth_bytes: int | None = None,
) -> Check:
    """A job against budgets of memory and of growth.

    Args:
        job: an estimate (judged by its high end) or a recording, or the file of one.
        budgets: bytes by pool; one number for the devices of the job, or for the host where it uses none.
        growth_bytes: what an iteration may add; None asks a recording for leaks alone.

    Returns:
        The check: ``passed``, and a verdict with its figures for every budget. What cannot be shown to be within its
        budget (nothing was read, the job was cut short) has not passed.

    Raises:
        MemfitError: a file that is neither, or a budget for a pool that the job does not have.

    >>> memfit.check("estimate.json", 16 * 1024**3).passed   # doctest: +SKIP
    True
    """
    from memfit.analysis.checking import ANY
    from memfit.analysis.checking import check as hold
    from memfit.analysis.growing import diagnose_iterations

    document = _comparable(job)
    return hold(
        document,
        {ANY: budgets} if isinstance(budgets, int) else budgets,
        growth_bytes=growth_bytes,
        diagnosis=diagnose_iterations(document) if isinstance(document, Recording) else None,
    )


def diagnose(
    readings: Any,
    seconds: Any = None,
    *,
    iterations: Any = None,
    swap_bytes: Any = None,
    peak_bytes: Any = None,
    summed_rss_bytes: Any = None,
    live_bytes: Any = None,
    limit_bytes: int | Mapping[str, int] | None = None,
    **columns: str | None,
) -> Diagnosis:
    """How memory behaves over iterations, whether it is a leak, how fast it grows, and when it reaches a limit.

    Args:
        readings: bytes, one reading per iteration: a list, an array, a data frame's column; or the path of a saved
            series (.csv, .json, .npy).
        seconds: the time of each reading, on any clock.
        iterations: the iteration of each reading; 0, 1, 2, … when None.
        swap_bytes: what of it was in swap at each reading: growth that swapping hides.
        peak_bytes: the highest point within each iteration: growth that shows only there.
        summed_rss_bytes: for the proportional size of several processes: their resident sizes summed.
        live_bytes: what the program knows to be in use of it: the rest is the allocator's.
        limit_bytes: where memory ends, or several limits by name.
        columns: for a path: which column is what: ``column``, ``time``, ``iteration``, ``swap``, and its ``unit``.

    Returns:
        The diagnosis: ``growth``, ``is_leak`` (None when it cannot be told yet), ``bytes_per_iteration``,
        ``limit_reached``, ``evidence`` and more.

    Raises:
        MemfitError: no numbers, negative ones, series of different lengths, or a file that is no series.

    >>> memfit.diagnose([10**9 + 10**6 * step for step in range(100)]).growth   # doctest: +SKIP
    <Growth.LINEAR_LEAK: 'linear_leak'>
    """
    from memfit.analysis import diagnose_series

    if isinstance(readings, (str, os.PathLike)):
        return _diagnose_file(Path(readings), limit_bytes, columns)
    return diagnose_series(
        readings,
        seconds=seconds,
        iterations=iterations,
        swap_bytes=swap_bytes,
        peak_bytes=peak_bytes,
        summed_rss_bytes=summed_rss_bytes,
        live_bytes=live_bytes,
        limit_bytes=limit_bytes,
    )


def _diagnose_file(
    path: Path, limit_bytes: int | Mapping[str, int] | None, columns: dict[str, str | None]
) -> Diagnosis:
    from memfit.analysis import diagnose_series
    from memfit.readings import load_readings

    found = load_readings(path, **columns)
    return diagnose_series(
        found.readings_bytes,
        seconds=found.seconds,
        iterations=found.iterations,
        swap_bytes=found.swap_bytes,
        limit_bytes=limit_bytes,
        name=found.name,
        notes=found.notes,
        target={"kind": "series", "name": path.name},
    )


def _comparable(given: Estimate | Recording | str | os.PathLike[str]) -> Estimate | Recording:
    if isinstance(given, Estimate | Recording):
        return given
    found = load(os.fspath(given))
    if not isinstance(found, Estimate | Recording):
        raise UsageError(
            f"{os.fspath(given)} is a {type(found).__name__.lower()}: it cannot be compared",
            hint="give what `memfit estimate -o FILE` and `memfit run -o FILE` saved",
            slug="not-comparable",
        )
    return found


def calibrate(
    recordings: Sequence[Recording | str | os.PathLike[str]] = (),
    *,
    estimate: Estimate | str | os.PathLike[str] | None = None,
    measure: bool = False,
    python: str | None = None,
) -> Calibration:
    """Learn this machine's constants, for later estimates: they are kept in the user's data folder.

    Args:
        recordings: of jobs on this machine, or their files.
        estimate: of the job that the recordings are of; without it only the devices' contexts can be learnt.
        measure: import the frameworks that are found, in fresh processes, and run a first small step.
        python: the interpreter to measure with; this one by default.

    Returns:
        What was learnt, all that is known, and what could not be learnt.

    Raises:
        MemfitError: a file that is no recording or estimate, or a framework that cannot be imported.
    """
    from memfit.calibrating import measured, read
    from memfit.calibrating.store import add

    predicted = None if estimate is None else _comparable(estimate)
    if isinstance(predicted, Recording):
        raise UsageError("--estimate is a recording, expected an estimate", slug="not-comparable")
    readings, notes = read([_recording(each) for each in recordings], predicted)
    if measure:
        readings += measured(python)
    return add(_learnt_file(), readings, datetime.date.today().isoformat(), notes)


def _learnt_file() -> Path:
    from memfit.machines import user_data_file

    return user_data_file(os.environ)


def _recording(given: Recording | str | os.PathLike[str]) -> Recording:
    found = _comparable(given)
    if isinstance(found, Estimate):
        raise UsageError(
            "an estimate was given where a recording is expected: nothing is measured in it",
            hint="memfit calibrate job.memfit --estimate estimate.json",
            slug="not-comparable",
        )
    return found


def _own_devices() -> str | None:
    from memfit.jobs.machine import own_devices
    from memfit.sensors import read_devices

    return own_devices(read_devices())


def _device_count(on: str | None) -> int:
    """How many devices the name asks for, 0 for the CPU; a name that nobody knows ends here, before anything starts."""
    from memfit.machines import parse_request

    if on is None:
        return 0
    device, count = parse_request(on)
    return 0 if device.is_cpu else count
