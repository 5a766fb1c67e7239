"""What the CUDA allocator of a running job holds, read where the job has initialised CUDA itself; nothing is reset."""

from __future__ import annotations

from typing import Any

from memfit.quantities import Marks


def add_gauges(torch: Any, marks: Marks) -> None:
    """What the caching allocator holds, once the job has initialised CUDA itself."""

    def begin() -> int | None:
        if torch.cuda.is_initialized():
            for device in range(torch.cuda.device_count()):
                _gauges_of(torch, marks, device)
            marks.gauge("cuda", lambda: None)
        return None

    marks.gauge("cuda", begin)


def _gauges_of(torch: Any, marks: Marks, device: int) -> None:
    stats: dict[str, Any] = {}
    peaks = {"allocated_bytes": 0, "reserved_bytes": 0}

    def current() -> int | None:
        stats.clear()
        if not torch.cuda.is_initialized():  # a forked child
            return None
        stats.update(torch._C._cuda_memoryStats(device))
        return _held(stats, "allocated_bytes", "current") if _held(stats, "reserved_bytes", "peak") else None

    def high(name: str) -> int | None:
        """The peak where it rose since the row before; the job's own counters are not reset for it."""
        peak = _held(stats, name, "peak") if stats else 0
        before, peaks[name] = peaks[name], peak
        return peak if peak > before else None

    marks.gauge(f"cuda:{device}/allocated", current)
    marks.gauge(f"cuda:{device}/reserved", lambda: _held(stats, "reserved_bytes", "current") or None if stats else None)
    marks.gauge(f"cuda:{device}/allocated_high", lambda: high("allocated_bytes"))
    marks.gauge(f"cuda:{device}/reserved_high", lambda: high("reserved_bytes"))


def _held(stats: dict[str, Any], name: str, what: str) -> int:
    return int(stats[name]["all"][what])
