"""What a recorded job waits for: would more memory make it faster, or is it its data, the disk or the processor?

Trusts the kernel's pressure stall information, which speaks of the whole machine, and the phases that were marked.
"""

from __future__ import annotations

from collections.abc import Iterator

from memfit.documents import Hindrance, Recording, Series

# A tenth of the time: less is not worth a change of machine. Chosen, not measured.
SLOW_SHARE = 0.1
_FEWEST_SECONDS = 5.0  # of readings, below which a share says little
_IMPORTANT_PHASES = ("forward", "backward", "optimizer")


def hindrances(recording: Recording, *, leaks: bool = False) -> tuple[Hindrance, ...]:
    """What the job waited for, memory first; nothing for a recording that read none of it.

    Args:
        recording: of the job.
        leaks: it was found to leak: more memory then only moves the end.
    """
    others = (_data(recording), *_machine_waits(recording), _device(recording))
    found = [each for each in others if each is not None]
    memory = _memory(recording, leaks=leaks, blamed=[each.what for each in found if each.slows])
    if memory.slows is None and all(each.slows is None for each in found):
        return ()
    return (memory, *found)


def _memory(recording: Recording, *, leaks: bool, blamed: list[str]) -> Hindrance:
    share = stalled_share(recording.one("host", "machine", "stalled_us"))
    swap = recording.one("host", "job", "swap")
    swapped = bool(swap is not None and swap.peak_bytes)
    if share is None:
        text = "not told: the kernel counted no waits for memory (/proc/pressure is missing), or the job was too short"
        return Hindrance(what="memory", slows=None, share=None, text=text)
    slows = share >= SLOW_SHARE
    seen = f"processes of this machine waited for memory in {share:.1%} of the time"
    if leaks:
        rest = "; the job leaks: more memory only moves its end, mend what the diagnosis names"
    elif slows:
        rest = ": more memory, or less use of it (`memfit advise`), will make it faster"
    elif swapped:
        rest = ", though parts were swapped out: more memory will hardly make it faster"
    else:
        rest = ": more memory will not make it faster" + (f"; look at {', '.join(blamed)}" if blamed else "")
    return Hindrance(what="memory", slows=slows, share=share, text=seen + rest)


def _data(recording: Recording) -> Hindrance | None:
    """The share of its steps that the training process spends waiting for the next batch."""
    by_process: dict[int, dict[str, float]] = {}
    for total in recording.phase_totals:
        by_process.setdefault(total.pid, {})[total.name] = total.seconds
    trained = [each for each in by_process.values() if any(each.get(name) for name in _IMPORTANT_PHASES)]
    if not trained:
        return None
    times = max(trained, key=lambda each: sum(each.values()))
    whole = sum(times.values())
    share = times.get("data", 0.0) / whole
    if whole < _FEWEST_SECONDS:
        return None
    seen = f"the next batch is waited for in {share:.0%} of the marked time"
    rest = ": more loader workers, prefetching, lighter decoding or faster storage" if share >= SLOW_SHARE else ""
    return Hindrance(what="data loading", slows=share >= SLOW_SHARE, share=share, text=seen + rest)


def _machine_waits(recording: Recording) -> Iterator[Hindrance]:
    for what, name, waited, do in (
        ("disk", "stalled_io_us", "reading or writing", "faster storage, fewer and larger files, data kept in RAM"),
        ("processor", "stalled_cpu_us", "a free core", "fewer threads or workers, or more cores"),
    ):
        share = stalled_share(recording.one("host", "machine", name))
        if share is None:
            continue
        seen = f"processes of this machine waited for {waited} in {share:.1%} of the time"
        slows = share >= SLOW_SHARE
        yield Hindrance(what=what, slows=slows, share=share, text=f"{seen}: {do}" if slows else seen)


def _device(recording: Recording) -> Hindrance | None:
    if all(pool.endswith("host") for pool in recording.pools):
        return None
    text = "not told: how busy a device is was not recorded; `nvidia-smi dmon` shows it"
    return Hindrance(what="device", slows=None, share=None, text=text)


def stalled_share(waits: Series | None) -> float | None:
    """The share of the time in which something was waited for, by a counter of microseconds; None without readings."""
    if waits is None or len(waits.seconds) < 2 or waits.seconds[-1] - waits.seconds[0] < _FEWEST_SECONDS:
        return None
    passed_us = (waits.seconds[-1] - waits.seconds[0]) * 1e6
    return min(max(waits.last_bytes[-1] - waits.last_bytes[0], 0) / passed_us, 1.0)
