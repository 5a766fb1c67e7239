"""docs/devices.md tells the figures that the program uses."""

from __future__ import annotations

from pathlib import Path

from memfit.machines import device_overhead, find
from memfit.machines.overheads import _jobs, _line
from memfit.machines.readings import context_readings
from memfit.quantities import KIB, MIB

PAGE = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")
SHOWN = ("a100-80gb", "h100-80gb", "rtx3090-24gb", "rtx4090-24gb", "rtx5090-32gb", "t4-16gb")


def row(name: str) -> str:
    read = [reading.outside_bytes // MIB for reading in _jobs() if reading.device == name]
    span = device_overhead(find(name), "2.6.0").range
    figures = " | ".join(str(size // MIB) for size in (span.low, span.expected, span.high))
    return f"| {name} | {len(read)} | {min(read)} to {max(read)} | {figures} |"


def test_table_of_readings_is_current() -> None:
    """The table holds what was read and what is made of it."""
    for name in SHOWN:
        assert row(name) in PAGE


def test_sentence_on_misses_is_current() -> None:
    """How many readings lie above `high` is told as it is."""
    above = [one for one in _jobs() if one.outside_bytes > device_overhead(find(one.device), "2.6.0").range.high]

    assert f"{len(above)} of the {len(_jobs())} readings lie above `high`" in PAGE


def test_line_is_current() -> None:
    """The fixed part and the part per thread are those of the readings."""
    assert f"{_line().base / MIB:.0f} MiB and {_line().slope / KIB:.1f} KiB for each thread" in PAGE


def test_old_builds_are_current() -> None:
    """The range of builds that load every kernel."""
    eager = [one.outside_bytes for one in context_readings() if one.loading == "eager"]

    assert (len(eager), round(min(eager) / MIB, -2), round(max(eager) / MIB / 1024, 1)) == (9, 300, 1.6)
