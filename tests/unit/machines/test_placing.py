"""Where a job fits: by the figures to plan with, the smallest first, over-provisioning said as plainly as lack."""

from __future__ import annotations

from datetime import date

import pytest

from memfit import api
from memfit.documents import Component, Estimate, Machine, Placement, PoolEstimate
from memfit.machines import all_machines, chosen, find, placements
from memfit.quantities import GIB, Basis, ByteRange, Category, Verdict

TODAY = date(2026, 11, 27)


def pool(name: str, expected: int, high: int, allocated: int | None = None) -> PoolEstimate:
    size = ByteRange(low=expected, expected=expected, high=high)
    part = Component(category=Category.ACTIVATIONS, range=size, basis=Basis.TRACED)
    return PoolEstimate(
        pool=name, capacity_bytes=None, peak_bytes=size, components=(part,), allocated_peak_bytes=allocated
    )


def job(host_gib: float, *device_gib: float, on: str = "h100-80gb", used: bool = True) -> Estimate:
    """A job whose high figures are a tenth above the expected ones."""
    pools = [
        pool(f"cuda:{n}", int(size * GIB), int(size * 1.1 * GIB), int(size * GIB) if used else 0)
        for n, size in enumerate(device_gib)
    ]
    pools.append(pool("host", int(host_gib * GIB), int(host_gib * 1.1 * GIB)))
    return Estimate(
        target={"name": "train.py"},
        machine=Machine(name=on if device_gib else "cpu"),
        pools=tuple(pools),
        environment={"torch": "2.6.0+cu124"},
    )


def row(estimate: Estimate, name: str) -> Placement:
    return next(each for each in placements(estimate, all_machines(), TODAY) if each.machine == name)


def test_smallest_stands_first_and_fits_with_its_high_end() -> None:
    """21 GiB are expected and 23.1 to be planned with: an L4 of 22 GiB is tight, the next larger device does."""
    found = placements(job(4, 21, on="l4-24gb"), chosen(["aws"]), TODAY)
    sizes = [each.devices * each.device_bytes for each in found]
    first = next(each for each in found if each.verdict is Verdict.FITS)

    assert sizes == sorted(sizes)
    tight = row(job(4, 21, on="l4-24gb"), "g6.xlarge")
    assert tight.verdict is Verdict.TIGHT
    assert first.device_bytes > 23.1 * GIB > tight.device_bytes


def test_ram_counts_as_much_as_the_device() -> None:
    """A job that fits an L4 but not the RAM beside it needs the larger instance."""
    estimate = job(20, 5, on="l4-24gb")

    assert row(estimate, "g6.xlarge").verdict is Verdict.DOES_NOT_FIT
    assert row(estimate, "g6.2xlarge").verdict is Verdict.FITS


def test_devices_are_counted() -> None:
    """A job on two devices does not fit a machine with one, however large."""
    estimate = job(4, 5, 5, on="l4-24gb")

    assert row(estimate, "g6.16xlarge").verdict is Verdict.DOES_NOT_FIT
    assert row(estimate, "g6.12xlarge").verdict is Verdict.FITS


def test_unused_devices_are_not_asked_for() -> None:
    """A script that was given a device and put nothing there runs on a machine without one."""
    found = placements(job(3, 0, used=False), chosen(["aws"]), TODAY)
    first = next(each for each in found if each.verdict is Verdict.FITS)

    assert (first.device, first.device_share) == (None, None)


def test_mostly_idle_machine_is_too_large() -> None:
    """Two of 80 GiB are used: said, as a lack would be; so is one of eight devices."""
    assert row(job(4, 2), "p5.4xlarge").oversized
    assert row(job(4, 60), "p5.48xlarge").oversized
    assert not row(job(4, 60), "p5.4xlarge").oversized
    assert not row(job(4, 200), "p5.48xlarge").oversized  # what does not fit is not too large


def test_unified_memory_is_shared() -> None:
    """On a DGX Spark host and device needs add up in one memory."""
    estimate = job(20, 60, on="gb10-128gb")
    placed = row(estimate, "gb10-128gb")

    assert placed.host_bytes.expected == 80 * GIB and placed.verdict is Verdict.FITS
    assert row(job(70, 60, on="gb10-128gb"), "gb10-128gb").verdict is Verdict.DOES_NOT_FIT


def test_context_is_exchanged_when_figures_are_carried_over() -> None:
    """From an H100 to an L4 the tensors stay and the context shrinks; what was estimated there stays as it is."""
    estimate = job(4, 10)
    here, there = row(estimate, "p5.4xlarge"), row(estimate, "g6.xlarge")

    assert here.estimated and here.device_need_bytes == estimate.pools[0].peak_bytes
    assert not there.estimated and there.device_need_bytes is not None
    assert 0 < estimate.pools[0].peak_bytes.expected - there.device_need_bytes.expected < GIB


def test_nothing_is_carried_over_to_other_kernels() -> None:
    """Flash attention begins with capability 8.0: what an H100 needs says nothing of a T4, nor the other way round."""
    assert row(job(4, 10), "g4dn.xlarge").verdict is Verdict.UNKNOWN
    assert row(job(4, 10, on="t4-16gb"), "g4dn.xlarge").verdict is Verdict.FITS
    assert row(job(4, 10, on="t4-16gb"), "VM.GPU3.1").verdict is Verdict.FITS
    assert row(job(4, 10, on="t4-16gb"), "p5.4xlarge").verdict is Verdict.UNKNOWN


def test_other_makers_devices_are_not_proposed() -> None:
    """A CUDA job is not sent to AMD's or Apple's devices, nor to phones."""
    makers = {find(each.device).vendor for each in placements(job(4, 10), all_machines(), TODAY) if each.device}
    kinds = {each.kind for each in placements(job(0.1), all_machines(), TODAY)}

    assert makers == {"nvidia"}
    assert not kinds & {"phone", "microcontroller"}


@pytest.mark.parametrize(("device_gib", "host_gib"), [(1, 1), (10, 30), (70, 100)])
def test_more_memory_never_stops_a_job_from_fitting(device_gib: int, host_gib: int) -> None:
    """Where a job fits, a smaller one does."""
    large, small = (placements(job(host_gib * s, device_gib * s), all_machines(), TODAY) for s in (1, 0.5))
    fits = {each.machine for each in large if each.verdict is Verdict.FITS}

    assert fits <= {each.machine for each in small if each.verdict is Verdict.FITS}


def test_devices_with_other_kernels_are_estimated_on_themselves() -> None:
    """A T4 runs no flash attention: with a way to estimate again it is proposed or refused like others, and its kin."""
    asked: list[str] = []

    def again(device: str) -> Estimate:
        asked.append(device)
        old = device in ("t4-16gb", "v100-16gb", "v100-32gb")
        return job(4, 20 if old else 10, on=device)

    found = {row.machine: row for row in api.placed(job(4, 10), again, only=["aws"])}

    assert "t4-16gb" in asked and len(asked) <= 5
    assert found["g4dn.xlarge"].verdict is Verdict.DOES_NOT_FIT and found["g4dn.xlarge"].estimated
    assert found["p3dn.24xlarge"].verdict is Verdict.FITS and not found["p3dn.24xlarge"].estimated
    assert api.placed(job(4, 10), only=["aws"])[0].verdict is not Verdict.FITS


def test_a_job_is_estimated_again_beside_machines_of_other_makers() -> None:
    """All of the catalogue: those of another vendor are no kin, and are left out without a word."""
    asked: list[str] = []

    def again(device: str) -> Estimate:
        asked.append(device)
        return job(4, 10)

    found = api.placed(job(4, 10), again)

    assert asked
    assert not any("mi300" in (row.device or "") for row in found)
