"""What to ask a scheduler or a container for, from an estimate or from recordings of earlier runs of the same job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memfit.documents import Estimate, Recording, ResourceRequest
from memfit.errors import UsageError
from memfit.quantities import MIB, Category, format_bytes

# Charged to the container beside the processes' own pages: page tables (2 MiB for each GiB of pages of 4 KiB), stacks
# and socket buffers of the kernel. Assumed: 1 % and 32 MiB.
_KERNEL_SHARE = 0.01
_KERNEL_BYTES = 32 * MIB
_RUNS_SHARE = 0.10  # above the highest recorded peak: one run alone does not show how runs differ. Assumed.
_DOCKER_SHM_BYTES = 64 * MIB  # Docker's and Kubernetes' own /dev/shm (docs.docker.com, docker run --shm-size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one node of a job is to be given.

    Args:
        host_bytes: memory of the container or the node's share.
        devices: how many accelerators.
        nodes: how many like this one the job runs on.
        device: the one that was estimated on, "" when unknown.
        device_bytes: memory that each of them needs; None when unknown.
        shm_bytes: of it in /dev/shm; 0 when none is known to be used.
        reasons: how the figure came about, in sentences.
    """

    host_bytes: int
    devices: int = 0
    nodes: int = 1
    device: str = ""
    device_bytes: int | None = None
    shm_bytes: int = 0
    reasons: tuple[str, ...] = ()


def need_of_estimate(estimate: Estimate) -> Need:
    """From a prediction: its high end, and what the kernel charges besides.

    Of several ranks the document has the fullest one's device alone, and a node has one for each of its ranks.
    """
    host = estimate.pool("host")
    ranks, nodes = (int(estimate.target.get(key) or 1) for key in ("ranks_per_node", "nodes"))
    devices = [pool for pool in estimate.pools if pool.pool != "host"]
    shm = sum(part.range.high for part in host.components if part.category is Category.LOADER)
    size, kernel = _with_kernel(host.peak_bytes.high)
    return Need(
        host_bytes=size,
        devices=max(len(devices), ranks) if devices else 0,
        nodes=nodes,
        device=estimate.machine.name if devices else "",
        device_bytes=max((pool.peak_bytes.high for pool in devices), default=None),
        shm_bytes=shm,
        reasons=(
            f"the estimate's high end, {format_bytes(host.peak_bytes.high)} (expected "
            f"{format_bytes(host.peak_bytes.expected)}), {kernel}",
        ),
    )


def need_of_recordings(recordings: Sequence[Recording], *, growth_bytes: int = 0, growth_text: str = "") -> Need:
    """From earlier runs: the highest peak, a margin for how runs differ, and what growth will add.

    Args:
        recordings: of the same job.
        growth_bytes: what it will grow beyond what was seen.
        growth_text: how that was told; "" without growth.

    Raises:
        UsageError: none of them read the host's memory.
    """
    peaks = [peak for each in recordings if (peak := each.peak_bytes("host"))]
    if not peaks:
        raise UsageError("the recordings hold no reading of the host's memory", slug="no-host-readings")
    highest = max(peaks)
    margin = max(round(_RUNS_SHARE * highest), highest - min(peaks))
    size, kernel = _with_kernel(highest + margin + growth_bytes)
    pools = sorted({series.pool for each in recordings for series in each.series if series.pool.startswith("cuda")})
    device_peaks = [peak for each in recordings for pool in pools if (peak := each.peak_bytes(pool))]
    runs = "one run" if len(peaks) == 1 else f"{len(peaks)} runs"
    reasons = [
        f"the highest peak of {runs}, {format_bytes(highest)}, with {format_bytes(margin)} for how runs differ and for "
        f"spikes between readings, {kernel}"
    ]
    if growth_text:
        reasons.append(f"{format_bytes(growth_bytes)} for growth: {growth_text}")
    return Need(
        host_bytes=size, devices=len(pools), device_bytes=max(device_peaks, default=None), reasons=tuple(reasons)
    )


def _with_kernel(size: int) -> tuple[int, str]:
    more = round(size * _KERNEL_SHARE) + _KERNEL_BYTES
    return size + more, f"and {format_bytes(more)} that the kernel charges besides"


def asked_for(need: Need, wanted_bytes: int | None, *, force: bool) -> Need:
    """The need with another size of the user's own.

    Raises:
        UsageError: it is below what the job needs, and was not forced.
    """
    if wanted_bytes is None:
        return need
    short = need.host_bytes - wanted_bytes
    if short > 0 and not force:
        raise UsageError(
            f"{format_bytes(wanted_bytes)} is {format_bytes(short)} below what the job may need: it would be killed "
            "without a word",
            hint=f"ask for {format_bytes(need.host_bytes)}, or --force it",
            slug="request-too-small",
        )
    said = "as you asked" + (f": {format_bytes(short)} below what it may need, it can be killed" if short > 0 else "")
    return Need(
        host_bytes=wanted_bytes, devices=need.devices, device=need.device, device_bytes=need.device_bytes,
        shm_bytes=need.shm_bytes, reasons=(*need.reasons, f"{format_bytes(wanted_bytes)} {said}"),
    )  # fmt: skip


def resource_request(need: Need, system: str, job: str = "") -> ResourceRequest:
    """What to type or paste, with the reasons.

    Args:
        need: of one node.
        system: a name in SYSTEMS.
        job: what it is called.
    """
    notes = [*need.reasons]
    if need.devices and need.device_bytes is not None:
        named = f", as {need.device} was estimated" if need.device else ""
        notes.append(f"{need.devices} device(s) with at least {format_bytes(need.device_bytes)} each{named}")
    return ResourceRequest(
        job=job, system=system, lines=tuple(SYSTEMS[system](need)), reasons=tuple(notes), host_bytes=need.host_bytes,
        device_bytes=need.device_bytes, devices=need.devices, shm_bytes=need.shm_bytes,
    )  # fmt: skip


def _mebibytes(size: int) -> int:
    return -(-size // MIB)


def _slurm(need: Need) -> list[str]:
    """`sbatch`: --mem is of one node, and its M is MiB (slurm.schedmd.com/sbatch.html)."""
    lines = [f"#SBATCH --nodes={need.nodes}"] if need.nodes > 1 else []
    lines += [f"#SBATCH --mem={_mebibytes(need.host_bytes)}M"]
    return [*lines, f"#SBATCH --gres=gpu:{need.devices}"] if need.devices else lines


def _kubernetes(need: Need) -> list[str]:
    """A container's resources; requests equal to limits, so that the pod is not evicted first."""
    size = f'"{_mebibytes(need.host_bytes)}Mi"'
    device = [f"    nvidia.com/gpu: {need.devices}"] if need.devices else []
    lines = ["resources:", "  requests:", f"    memory: {size}", *device, "  limits:", f"    memory: {size}", *device]
    if need.shm_bytes > _DOCKER_SHM_BYTES:
        lines += [
            "# loader workers pass batches through /dev/shm, which is 64 MiB unless it is mounted:",
            "# volumeMounts: [{name: shm, mountPath: /dev/shm}]",
            f"# volumes: [{{name: shm, emptyDir: {{medium: Memory, sizeLimit: {_mebibytes(need.shm_bytes)}Mi}}}}]",
        ]
    return lines


def _ray(need: Need) -> list[str]:
    """Ray's `memory` is in bytes, and is for scheduling: it does not bound the process."""
    device = f", num_gpus={need.devices}" if need.devices else ""
    return [f"@ray.remote(memory={_mebibytes(need.host_bytes) * MIB}{device})"]


def _docker(need: Need) -> list[str]:
    """Docker's m is MiB; the same for memory and swap leaves no swap."""
    size = f"{_mebibytes(need.host_bytes)}m"
    shm = f" --shm-size={_mebibytes(need.shm_bytes)}m" if need.shm_bytes > _DOCKER_SHM_BYTES else ""
    device = f" --gpus={need.devices}" if need.devices else ""
    return [f"docker run --memory={size} --memory-swap={size}{shm}{device} IMAGE …"]


def _systemd(need: Need) -> list[str]:
    """systemd's M is MiB (systemd.resource-control)."""
    return [f"systemd-run --user --scope -p MemoryMax={_mebibytes(need.host_bytes)}M -p MemorySwapMax=0 COMMAND …"]


SYSTEMS: Mapping[str, Callable[[Need], list[str]]] = {
    "slurm": _slurm,
    "kubernetes": _kubernetes,
    "ray": _ray,
    "docker": _docker,
    "systemd": _systemd,
}
