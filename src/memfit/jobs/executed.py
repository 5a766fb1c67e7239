"""What small runs showed that went as they would on a GPU → the estimate: the device's pool and the host's."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memfit.documents import Assumption, Component, Estimate, Machine
from memfit.errors import UsageError
from memfit.estimating import CUDA_HOST_SOURCE
from memfit.estimating.executed import SmallRun, executed_device_pool, share_of_device
from memfit.estimating.host_pool import CUDA_HOST_SIDE
from memfit.jobs.anchored import OWN_BYTES, imports_part
from memfit.jobs.environment import environment_of
from memfit.jobs.hosted import host_pool, target_of
from memfit.jobs.request import Request
from memfit.machines import Device, details, device_overhead, parse_request
from memfit.probing.watching import Reading
from memfit.quantities import Basis, ByteRange, Category, format_bytes
from memfit.registry import AS_ON_GPU
from memfit.sensors import frameworks_found

_SHOWN = ("tensorflow", "tensorflow-cpu", "keras", "numpy")
_FLAGS = "XLA_FLAGS"  # may hold some of the user's own
_LAZY = ("1", "true")


def device_of(request: Request) -> Device:
    """The one GPU that such a job can be estimated on.

    Raises:
        UsageError: it is no NVIDIA GPU, or they are several.
    """
    device, count = parse_request(request.on or "")
    if not device.is_cuda:
        raise UsageError(
            f"jobs of TensorFlow are estimated for the CPU and for NVIDIA GPUs, not for {device.name}",
            hint="Keras's jobs are planned for TPUs under KERAS_BACKEND=jax; `memfit devices` lists devices",
            slug="cannot-simulate",
        )
    if count > 1:
        raise UsageError(
            f"jobs of TensorFlow are estimated on one device, and {request.on} has {count}",
            hint=f"--on {device.name} with the part of a batch that one of them has",
            slug="cannot-simulate",
        )
    return device


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """What frameworks must find before they are imported, to go as they would on a GPU."""
    wanted: dict[str, str] = {}
    for module in AS_ON_GPU.values():
        wanted |= importlib.import_module(module).SURROUNDINGS
    flags = environment.get(_FLAGS, "")
    return {**wanted, _FLAGS: f"{flags} {wanted.get(_FLAGS, '')}".strip()}


def document_on_device(
    request: Request, readings: Sequence[Reading], assumed: Mapping[str, str], *, knob: str, seconds: float
) -> Estimate:
    """The estimate.

    Args:
        request: what was asked.
        readings: of jobs.small, the smallest batch first, their notes with ``device``.
        assumed: what was assumed on the way.
        knob: the number that was taken for the batch, "" where the framework's own batches were cut.
        seconds: that it all took.
    """
    device, note = device_of(request), readings[-1].note
    assert isinstance(note, dict)
    context = device_overhead(device, "").range.expected
    capacity = share_of_device(device, context)
    batch = note["batch"] or 1
    runs = [_run(each.note) for each in readings]
    pool = executed_device_pool(
        runs,
        batch,
        known_bytes=note["parameters_bytes"] + note["optimizer_bytes"],
        steps=note["steps"],
        capacity_bytes=capacity,
    )
    told = {**assumed, **_assumed(runs, batch, knob, capacity, context)}
    return Estimate(
        target=target_of(request),
        machine=Machine(name=device.name, details=details(device, 1)),
        pools=(pool, host_pool(tuple(_host_parts(readings[-1])), request.host_memory_bytes)),
        assumptions=tuple(Assumption(slug=slug, text=text) for slug, text in told.items()),
        environment=environment_of({name: v for name, v in frameworks_found().items() if name in _SHOWN}),
        cost={
            "seconds": round(seconds, 2),
            "process_peak_bytes": max(each.rise_bytes or 0 for each in readings),
            "steps": note["steps"],
            **({"batch": batch} if note["batch"] else {}),
        },
    )


def _run(note: Any) -> SmallRun:
    seen = note["device"]
    return SmallRun(
        size=note["cut"] or 1,
        held_bytes=seen["held_bytes"],
        began_bytes=seen["began_bytes"],
        peak_bytes=seen["peak_bytes"],
        given_bytes=seen["given_bytes"],
        convolution_bytes=note["convolution_bytes"],
        operator=seen["operator"],
        is_compiled=seen["is_compiled"],
        blocks=seen["blocks"],
    )


def _assumed(runs: Sequence[SmallRun], batch: int, knob: str, capacity: int | None, context: int) -> dict[str, str]:
    """Slug → sentence: what holds for such jobs."""
    told: dict[str, str] = {}
    assume = told.__setitem__
    sizes = " and ".join(str(run.size) for run in runs)
    cut = f"batches of {sizes} instead of {batch}" if runs[-1].size != batch else "its batches as they are"
    assume(
        "executed-on-cpu",
        f"TensorFlow ran a few steps here, with {cut}, and told each tensor that it held; its executor on a GPU holds "
        "the same ones, in nearly the same order" + (f"; {knob} was taken for the batch" if knob else ""),
    )
    assume(
        "device-not-measured",
        "no card was measured with TensorFlow: workspaces are those of XLA's programs",
    )
    if len(runs) == 1 and runs[0].size != batch:
        assume("one-small-run", "one size of batch was seen alone: all of a step is taken to grow with it")
    if runs[-1].is_compiled:
        assume(
            "plan-of-the-cpu",
            "steps are compiled by XLA, as Keras does where there is a GPU: the CPU's plan stands in for the GPU's",
        )
    if capacity is not None:
        assume("tensorflow-preallocates", _preallocation(capacity, context))
    return told


def _preallocation(capacity: int, context: int) -> str:
    """What the process will show against what the job needs."""
    lazily = os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "").lower() in _LAZY
    how = "takes memory as it needs it, up to" if lazily else "takes at its start, whatever the job needs,"
    return (
        f"TensorFlow {how} {format_bytes(capacity)} of the device: the peak is judged against that, and nvidia-smi "
        f"shows that and the CUDA context ({format_bytes(context)}); TF_FORCE_GPU_ALLOW_GROWTH=true lets it grow"
    )


def _host_parts(reading: Reading) -> Iterator[Component]:
    """The host of such a job: imports, its data, graphs and compilers, and the driver."""
    note: Any = reading.note
    imported = max(note["imported_bytes"] - OWN_BYTES, 0)
    yield imports_part(imported)
    if note["data_bytes"]:
        yield Component(
            category=Category.DATASET,
            range=ByteRange.exactly(note["data_bytes"]),
            basis=Basis.MEASURED,
            source="arrays that fit() was given whole",
        )
    tensors = note["device"]["given_bytes"] + note["device"]["scratch_bytes"]
    left = max((reading.rise_bytes or 0) - OWN_BYTES - imported - note["data_bytes"] - tensors, 0)
    yield Component(
        category=Category.OTHER,
        range=ByteRange(low=left // 2, expected=left, high=left + tensors),
        basis=Basis.MEASURED,
        source="graphs, compiled code and what else the small run held beside its tensors",
    )
    yield Component(category=Category.FRAMEWORK, range=CUDA_HOST_SIDE, basis=Basis.ASSUMED, source=CUDA_HOST_SOURCE)
