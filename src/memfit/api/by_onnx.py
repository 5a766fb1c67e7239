"""A model's file in ONNX's format → the estimate document: onnxruntime runs it once or twice in a process of its own.

Its weights are read and turned into what kernels want while it is opened, which is often the peak; what a run takes is
up to its planner and kernels. Both are measured at the batch in question where that can be afforded.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from memfit.api.processors import memory_of, on_machine, processor_of
from memfit.documents import Assumption, Component, Estimate
from memfit.errors import MemfitError, UsageError
from memfit.estimating import exactly
from memfit.jobs import Progress
from memfit.jobs.computed import computed_estimate
from memfit.jobs.probed import as_measured
from memfit.machines import MICROCONTROLLER, WholeMachine
from memfit.probing.child.onnx_run import OnnxRun
from memfit.probing.law import SPREAD_BYTES
from memfit.probing.sweeping import ProbeResult, probe
from memfit.quantities import MIB, Basis, ByteRange, Category, format_bytes
from memfit.recipes.wishes import Words, count

_EXAMPLE = "memfit estimate model.onnx --batch 8 --dim sequence=128 --on raspberry-pi-5-4gb"
_MODULES = ("numpy", "onnxruntime")
_ABOVE_FLOOR = 1.3  # set on the tuning half of benchmarks/onnx
_IMPORT_SPREAD_BYTES = 8 * MIB  # by which the import differs between machines and versions


def estimate_onnx(
    target: str,
    words: Sequence[str],
    *,
    on: str | None,
    host_memory_bytes: int | None = None,
    python: str | None = None,
    budget_s: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
) -> Estimate:
    """What onnxruntime holds of a model on a processor.

    Args:
        target: the file.
        words: how it is run: ``--batch``, ``--dim NAME=N`` for each side that the file leaves open.
        on: a machine of the catalogue, or "cpu"; None for this machine.
        host_memory_bytes: to judge the host by.
        python: the interpreter that has onnxruntime; this one by default.
        budget_s: seconds that it may be run.
        progress: called as the work goes on.

    Raises:
        MemfitError: there is no such file, no onnxruntime, or the model does not run.
    """
    began = time.monotonic()
    machine, rest = processor_of(target, words, on=on)
    options = _read(rest, f"memfit estimate {target}")
    if machine is not None and machine.kind == MICROCONTROLLER:
        raise UsageError(
            f"onnxruntime does not run on {machine.name}",
            hint="a .tflite file can: TFLite Micro takes it",
            slug="no-runtime",
        )
    if not Path(target).is_file():
        raise UsageError(f"there is no file {target}", hint=_EXAMPLE)

    def tell(text: str) -> None:
        if progress is not None:
            progress(Progress(stage="probe", text=text, step=0, steps=0, seconds=time.monotonic() - began))

    run = OnnxRun(str(Path(target).resolve()), dict(options.dim))
    try:
        found = probe(
            run, _sizes(options.batch), budget_s=budget_s, modules=_MODULES, python=python, progress=tell
        )  # fmt: skip
    except MemfitError as error:
        raise _explained(error, target) from error
    made = computed_estimate(
        {"kind": "model", "name": target, "arguments": rest, "runtime": "onnxruntime"},
        [],
        _parts(found, options, Path(target).stat().st_size),
        on=None,
        assumptions=_assumptions(found, machine),
        versions={},
        host_memory_bytes=host_memory_bytes or memory_of(machine),
    )
    return on_machine(made, machine, seconds=time.monotonic() - began)


def _explained(error: MemfitError, target: str) -> MemfitError:
    """What went wrong in a probe, with what to do about it where a model is run."""
    if error.slug == "cannot-probe":
        hint = "pip install onnxruntime, or name the interpreter that has it: memfit estimate --python PATH"
        return MemfitError(error.message, hint=hint, slug=error.slug)
    return MemfitError(
        f"{target} does not run: {error.message}",
        hint="--dim NAME=N behind it tells sides that it leaves open; weights in files of their own lie beside it",
        slug="model-does-not-run",
    )


def _read(words: Sequence[str], prog: str) -> argparse.Namespace:
    made = Words(prog, example=_EXAMPLE, description="Run an ONNX model on the processor.", allow_abbrev=False)
    made.add_argument("--batch", type=count, default=1, metavar="N", help="examples at once (1)")
    made.add_argument(
        "--dim", type=_side, action="append", default=[], metavar="NAME=N", help="a side that the file leaves open"
    )
    return made.parse_args(list(words))


def _side(text: str) -> tuple[str, int]:
    """A side's name and size.

    >>> _side("sequence=128")
    ('sequence', 128)
    """
    name, _, size = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"expected a name and a number, like sequence=128, got {text!r}")
    return name, count(size)


def _sizes(batch: int) -> tuple[int, ...]:
    """The batch itself, after smaller ones that tell whether it can be afforded.

    >>> _sizes(1), _sizes(6), _sizes(64)
    ((1,), (1, 3, 6), (8, 16, 32, 64))
    """
    return tuple(sorted({max(batch // times, 1) for times in (8, 4, 2, 1)}))


def rise_of(found: ProbeResult, batch: int) -> tuple[ByteRange, Basis]:
    """What opening and running takes above the import: measured, or by the line through the last two batches.

    Opening is a floor, under which a run's part does not show: only above it does a line say anything.

    Raises:
        MemfitError: the batch was too large to be run here, and smaller ones do not tell.
    """
    seen = [(each.size, each.rise_bytes) for each in found.readings if each.rise_bytes is not None]
    size, rise = seen[-1]
    if size == batch:
        return as_measured(rise), Basis.MEASURED
    if len(seen) < 2 or rise < _ABOVE_FLOOR * seen[-2][1]:
        raise MemfitError(
            f"a batch of {batch:,} is more than may be run here ({found.stopped}), and what opening the model takes "
            f"hides what a batch of {size:,} does",
            hint=f"a batch up to {size:,} can be told; on a machine with more memory or time, larger ones",
            slug="batch-out-of-reach",
        )
    slope = (rise - seen[-2][1]) / (size - seen[-2][0])
    expected = round(rise + slope * (batch - size))
    return ByteRange(low=rise, expected=expected, high=round(1.1 * expected) + SPREAD_BYTES), Basis.EXTRAPOLATED


def _parts(found: ProbeResult, options: argparse.Namespace, file_bytes: int) -> list[Component]:
    rise, basis = rise_of(found, options.batch)
    weights = min(file_bytes, rise.low)
    rest = ByteRange(low=rise.low - weights, expected=rise.expected - weights, high=rise.high - weights)
    return [
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange.around(found.held_bytes, _IMPORT_SPREAD_BYTES),
            basis=Basis.MEASURED,
            source="Python with NumPy and onnxruntime",
        ),
        exactly(Category.PARAMETERS, weights, "the file"),
        Component(
            category=Category.TEMPORARIES,
            range=rest,
            basis=basis,
            source="opening it, which holds weights more than once, or running it: whichever takes more",
        ),
    ]


def _assumptions(found: ProbeResult, machine: WholeMachine | None) -> tuple[Assumption, ...]:
    tried = ", ".join(f"{each.size}: {format_bytes(each.rise_bytes)}" for each in found.readings)
    told = [
        Assumption(
            slug="by-onnxruntime",
            text=f"onnxruntime ran it here on zeros, in a process of its own (above the import, by batch: {tried})",
        ),
        *(Assumption(slug="probe-note", text=note) for note in found.notes),
    ]
    if machine is not None:
        told.append(
            Assumption(
                slug="other-processor",
                text=f"{machine.name} has other kernels: weights are laid out otherwise there, and the import differs",
            )
        )
    return tuple(told)
