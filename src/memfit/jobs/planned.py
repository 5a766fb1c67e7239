"""The plans of a JAX job's programs → its estimate: the device's pool, the host's, and what both rest on."""

from __future__ import annotations

from collections.abc import Mapping

from memfit.documents import Assumption, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.engine.plans import PlannedJob
from memfit.estimating.planned import CUDA, STAND_IN, TPU, cpu_parts, planned_device_pool, planned_host_parts
from memfit.jobs.environment import environment_of
from memfit.jobs.hosted import host_estimate, host_pool, target_of
from memfit.jobs.request import Request
from memfit.machines import Device, details
from memfit.quantities import MIB, Phase, format_bytes
from memfit.sensors import frameworks_found, process_memory

_SHOWN = ("jax", "jaxlib", "flax", "equinox", "optax", "keras", "numpy")
_FRACTION = 0.75  # XLA_PYTHON_CLIENT_MEM_FRACTION where it is not set: JAX's "GPU memory allocation" page, 0.4 to 0.11
_OWN_BYTES = 15 * MIB  # as in jobs.child


def document_of_plans(
    request: Request,
    device: Device,
    planned: PlannedJob,
    *,
    missing: str,
    assumed: Mapping[str, str],
    environment: Mapping[str, str],
    seconds: float,
) -> Estimate:
    """The estimate.

    Args:
        request: what was asked.
        device: the simulated one.
        planned: its programs' plans.
        missing: what to install for the device's own compiler, "" where it planned.
        assumed: slug → sentence.
        environment: of the job: how much JAX may take of a GPU.
        seconds: that it took.
    """
    on_tpu = device.vendor == "google"
    whole = device.usable_bytes or device.memory_bytes
    share = 1.0 if on_tpu else memory_fraction(environment)
    capacity = None if whole is None else round(whole * share)
    compiler = "the CPU's compiler" if missing else "libtpu" if on_tpu else "XLA for CUDA"
    version = planned.versions.get("compiler", "")
    pool = planned_device_pool(
        planned,
        "tpu:0" if on_tpu else "cuda:0",
        capacity,
        STAND_IN if missing else TPU if on_tpu else CUDA,
        f"by the plan of {compiler} {version}".rstrip(),
    )
    told = _assumed(device, planned, missing, environment, capacity, share)
    process = process_memory()
    peak = (process.peak_rss_bytes or process.rss_bytes) if process is not None else 0
    return Estimate(
        target=target_of(request),
        machine=Machine(
            name=device.name,
            details=details(device, request.device_count),
        ),
        pools=(pool, _host(request, peak, on_tpu)),
        assumptions=tuple(Assumption(slug=slug, text=text) for slug, text in {**assumed, **told}.items()),
        environment=environment_of(
            {name: version for name, version in frameworks_found().items() if name in _SHOWN} | dict(planned.versions)
        ),
        cost={"seconds": round(seconds, 2), "process_peak_bytes": peak, "steps": planned.steps},
    )


def document_without_a_run(
    request: Request, planned: PlannedJob, *, made_bytes: int, assumed: Mapping[str, str], seconds: float
) -> Estimate:
    """The estimate of a job for the CPU that was planned alone.

    Args:
        request: what was asked.
        planned: its programs' plans.
        made_bytes: what the process held when the script had run, before any program was compiled.
        assumed: slug → sentence.
        seconds: that it took.
    """
    fullest, process = planned.runs[0], process_memory()
    peak_bytes = (process.peak_rss_bytes or process.rss_bytes) if process is not None else 0
    return host_estimate(
        target_of(request),
        cpu_parts(planned, made_bytes=made_bytes, compiled_bytes=max(peak_bytes - made_bytes, 0), own_bytes=_OWN_BYTES),
        peak_at=PeakLocation(
            phase=Phase.BACKWARD if fullest.trains else None, operator=fullest.name, where=fullest.where or None
        ),
        assumptions=tuple(Assumption(slug=slug, text=text) for slug, text in assumed.items()),
        versions={name: version for name, version in frameworks_found().items() if name in _SHOWN},
        cost={
            "seconds": round(seconds, 2),
            "process_peak_bytes": peak_bytes,
            "steps": planned.steps,
        },
        host_memory_bytes=request.host_memory_bytes,
    )


def _assumed(
    device: Device,
    planned: PlannedJob,
    missing: str,
    environment: Mapping[str, str],
    capacity_bytes: int | None,
    share: float,
) -> dict[str, str]:
    """Slug → sentence: what holds for jobs that are planned."""
    told: dict[str, str] = {}
    assume = told.__setitem__
    if missing:
        assume(
            "plan-of-the-cpu",
            f"the programs were planned by the CPU's compiler, which stands in for {device.name}'s: `{missing}` into "
            "the job's environment brings that one, and it needs no device",
        )
    if device.vendor != "google" and capacity_bytes is not None:
        assume("jax-preallocates", _preallocation(share, capacity_bytes, environment))
    if device.vendor != "google":
        assume(
            "device-kind-hidden",
            "the script found CPUs: where it or a library chooses by the kind of device, as for attention and LSTMs of "
            "cuDNN, the general way was planned",
        )
    if planned.unplanned:
        assume("programs-bounded", f"{planned.unplanned} programs that cannot reach the peak were not compiled")
    return told


def memory_fraction(environment: Mapping[str, str]) -> float:
    """The part of a GPU that JAX may take at most, preallocated or not.

    >>> memory_fraction({"XLA_PYTHON_CLIENT_MEM_FRACTION": ".9"})
    0.9
    """
    said = environment.get("XLA_CLIENT_MEM_FRACTION") or environment.get("XLA_PYTHON_CLIENT_MEM_FRACTION") or ""
    try:
        return min(float(said), 1.0)
    except ValueError:
        return _FRACTION


def _preallocation(share: float, size: int, environment: Mapping[str, str]) -> str:
    """What the process will show against what the job needs."""
    lazily = environment.get("XLA_PYTHON_CLIENT_PREALLOCATE", "").lower() in ("false", "0")
    how = "takes memory as it needs it, up to" if lazily else "takes at its start, whatever the job needs,"
    return (
        f"JAX {how} {share:.0%} of the device ({format_bytes(size)}): the peak is judged against that, and nvidia-smi "
        "shows that and the CUDA context; XLA_PYTHON_CLIENT_MEM_FRACTION changes the share"
    )


def _host(request: Request, peak_bytes: int, on_tpu: bool) -> PoolEstimate:
    parts = planned_host_parts(peak_bytes, _OWN_BYTES, on_tpu=on_tpu)
    return host_pool(parts, request.host_memory_bytes, own_bytes=peak_bytes)
