"""Numbers of the page from a kept recording: levels, differences, verdicts. Pure arithmetic and formatting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIB = 1024 * 1024
Data = Mapping[str, Any]


def size(value: float) -> str:
    """Bytes for readers: "4 KiB", "52.3 MiB"."""
    sign, value = ("−" if value < 0 else ""), abs(value)
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)):
        if value >= bytes_:
            shown = value / bytes_
            return f"{sign}{shown:,.0f} {unit}" if shown >= 10 else f"{sign}{shown:.1f} {unit}"
    return f"{sign}{value:.0f} B"


def judged(data: Data) -> Mapping[str, Any]:
    """The series of the diagnosis that the page speaks of: all processes, or the resident size of one."""
    series: list[Mapping[str, Any]] = list(data["diagnosis"])
    together = [one for one in series if one["name"].startswith("held by all")]
    alone = [one for one in series if one["pool"] == "host"]
    chosen = (together if len(data["processes"]) > 1 else None) or alone or series
    return chosen[0]


def level(data: Data, share: float) -> float:
    """The median resident size at the ends of the first (or, with a negative share, the last) iterations."""
    rows = data["ends"]
    count = max(3, int(abs(share) * len(rows)))
    part = sorted(row[2] for row in (rows[:count] if share > 0 else rows[-count:]))
    return float(part[len(part) // 2])


def start(data: Data) -> float:
    """The level over the first tenth of the iterations."""
    return level(data, 0.1)


def end(data: Data) -> float:
    """The level over the last tenth."""
    return level(data, -0.1)


def held_peak(data: Data) -> float:
    """The most that was held: by the process as the kernel counts it, or by all together while the job iterated."""
    return float(data["peak_bytes"] if len(data["processes"]) == 1 else max(row[3] for row in data["clock"]))


def verdict(data: Data) -> str:
    """ "no: saturating", "leak: 716 KiB per iteration", "not to be told yet"."""
    one = judged(data)
    name = str(one["growth"]).replace("_", " ")
    if one["is_leak"] is None:
        return f"{name}"
    if one["is_leak"]:
        return f"**leak**: {name}, {size(rate(one))} per iteration"
    return f"no leak: {name}"


def rate(series: Mapping[str, Any]) -> float:
    """Bytes per iteration, 0 where the diagnosis gives no rate."""
    found = series["bytes_per_iteration"]
    return float(found["expected"]) if found else 0.0


def holding(data: Data, category: str) -> int:
    """Bytes of a category that the last look into the job found."""
    return sum(row["bytes"] or 0 for row in data["held_by"] if row["category"] == category)


def added(data: Data, phase: str) -> int | None:
    """The most that one stay in a phase added to the resident size; None where it was not read."""
    found = data["phases"].get(phase, {}).get("most_added_bytes")
    return None if found is None else int(found)
