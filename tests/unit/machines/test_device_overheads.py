"""What a device holds beside tensors: ranges from published readings, by device, era and what was learnt."""

from __future__ import annotations

import pytest

from memfit.machines import LearntConstant, all_devices, collectives_overhead, device_overhead, find
from memfit.machines.overheads import resident_threads
from memfit.machines.readings import context_readings, spread, straight_line
from memfit.quantities import GIB, MIB, Basis, ByteRange

TORCH = "2.6.0+cu124"
KNOWN = {device.name for device in all_devices()} | {""}


def jobs() -> list[tuple[str, int]]:
    rows = [row for row in context_readings() if row.kind == "job" and row.loading == "lazy" and row.device]
    return [(row.device, row.outside_bytes) for row in rows]


def test_every_reading_names_its_source() -> None:
    """A reading belongs to a device of the catalogue, is positive, and says who read it."""
    for row in context_readings():
        assert row.device in KNOWN
        assert row.kind in {"bare", "job", "distributed", "collectives", "library"}
        assert row.loading in {"eager", "lazy"}
        assert 50 * MIB < row.outside_bytes < 8 * GIB
        assert row.source


def test_expected_is_near_what_people_read() -> None:
    """Half of the published readings lie within 15 % of the expected figure for their device."""
    errors = [abs(device_overhead(find(name), TORCH).range.expected - size) / size for name, size in jobs()]

    assert sorted(errors)[len(errors) // 2] < 0.15


def test_few_readings_lie_above_high() -> None:
    """At most one in six published readings is above `high`: those processes held other libraries' memory."""
    above = [name for name, size in jobs() if size > device_overhead(find(name), TORCH).range.high]

    assert len(above) <= len(jobs()) / 6


@pytest.mark.parametrize(
    ("name", "low_mib", "high_mib"),
    [("t4", 110, 260), ("4090", 350, 600), ("a100-80gb", 400, 1100), ("h100", 500, 900), ("gtx1080", 80, 250)],
)
def test_contexts_by_device(name: str, low_mib: int, high_mib: int) -> None:
    """A small device has a small context, a large one a large one; also where nobody read its own."""
    overhead = device_overhead(find(name), TORCH)

    assert low_mib * MIB < overhead.range.low <= overhead.range.expected <= overhead.range.high < high_mib * MIB
    assert overhead.basis is Basis.EXTRAPOLATED


@pytest.mark.parametrize("device", all_devices(), ids=lambda device: device.name)
def test_every_device_has_an_answer(device: object) -> None:
    """No device of the catalogue is without an overhead and a source for it."""
    overhead = device_overhead(device, TORCH)  # type: ignore[arg-type]

    assert overhead.source
    assert overhead.range.high < 2 * GIB


@pytest.mark.parametrize(
    ("torch", "cuda", "env"),
    [
        ("1.10.0+cu113", None, {}),
        ("1.13.1", "11.6", {}),
        ("2.0.0+cu102", None, {}),
        ("2.6.0+cu124", None, {"CUDA_MODULE_LOADING": "EAGER"}),
    ],
)
def test_older_builds_load_every_kernel(torch: str, cuda: str | None, env: dict[str, str]) -> None:
    """Before torch 1.13 with CUDA 11.7 the context held all kernels: near a gibibyte, whatever the device."""
    eager = device_overhead(find("t4"), torch, cuda, env=env)

    assert eager.range.expected > 4 * device_overhead(find("t4"), TORCH).range.expected
    assert "loaded at the start" in eager.source


@pytest.mark.parametrize("torch", ["2.13.0+cpu", "2.6.0", "1.13.1+cu117", "nightly"])
def test_newer_builds_load_kernels_when_used(torch: str) -> None:
    """A CPU build that stands for a device, or a version without a CUDA label, counts as a build of today."""
    assert device_overhead(find("t4"), torch).range == device_overhead(find("t4"), TORCH).range


def test_no_device_no_overhead() -> None:
    """A job on the CPU holds nothing on a device."""
    assert device_overhead(find("cpu"), TORCH).range == ByteRange.exactly(0)


def test_devices_nobody_read_are_marked_as_assumed() -> None:
    """AMD's figures are borrowed, Apple's are not counted: both say so."""
    assert device_overhead(find("mi300x"), TORCH).basis is Basis.ASSUMED
    assert device_overhead(find("apple-m2-16gb"), TORCH).basis is Basis.ASSUMED


def test_generic_card_takes_its_capabilitys_readings() -> None:
    """A card known by size and capability alone gets the spread of that capability."""
    assert device_overhead(find("gpu:24GiB:8.9"), TORCH).range.expected > 0
    assert resident_threads(find("24GiB")) is None


def test_what_was_learnt_here_wins() -> None:
    """A constant of the same product and torch version replaces the published range; another version's does not."""
    own = LearntConstant(
        kind="context",
        subject="Tesla T4",
        version="2.6.0",
        range=ByteRange(low=1, expected=2, high=3),
        readings=5,
        date="2026-01-01",
    )

    here = device_overhead(find("t4"), TORCH, learnt=[own])
    elsewhere = device_overhead(find("t4"), "2.5.0", learnt=[own])

    assert (here.range.expected, here.basis) == (2, Basis.MEASURED)
    assert elsewhere.basis is Basis.EXTRAPOLATED


def test_one_process_needs_no_collectives() -> None:
    """NCCL's buffers come with the second process."""
    assert collectives_overhead(find("a100"), 1).range == ByteRange.exactly(0)
    assert collectives_overhead(find("cpu"), 4).range == ByteRange.exactly(0)
    assert collectives_overhead(find("a100"), 2).range.expected > 300 * MIB


def test_spread_leaves_outliers_above_the_fence() -> None:
    """One process with a foreign library does not stretch the range of all others."""
    assert spread([10, 11, 12, 13, 500]).high < 20
    assert spread([7]) == ByteRange.exactly(7)
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_line_is_not_moved_by_outliers() -> None:
    """A fifth of wild readings leaves the line where the others lie."""
    line = straight_line([(x, 100.0 + 2 * x) for x in range(8)] + [(3.5, 9000.0), (6.5, 8000.0)])

    assert line.slope == pytest.approx(2, abs=0.5)
    assert line.at(5) == pytest.approx(110, abs=5)
