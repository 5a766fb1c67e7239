"""What was learnt moves the expected figure, is told, and never takes `high` below what was measured."""

from __future__ import annotations

import pytest

from memfit.documents import Estimate
from memfit.engine.allocators import PlainAllocator
from memfit.engine.observation import HostSide, Observation
from memfit.engine.trace import Storage, Trace
from memfit.estimating import Learnt, ProcessReading, assemble
from memfit.machines import ContextOverhead, LearntConstant, find
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category
from memfit.sensors import libc_version

TORCH = "2.13.0"
on_glibc = pytest.mark.skipif(not (libc_version() or "").startswith("glibc"), reason="no model of this malloc")


def constant(kind: str, subject: str, low: int, expected: int, high: int) -> LearntConstant:
    return LearntConstant(
        kind=kind,
        subject=subject,
        version=TORCH,
        range=ByteRange(low=low, expected=expected, high=high),
        readings=3,
        date="2026-05-01",
    )


def estimate(*constants: LearntConstant, pool: str = "host", peak_bytes: int | None = 300 * MIB) -> Estimate:
    """A job that makes and frees ten blocks of 20 MiB, three alive at a time."""
    storages = [Storage(pool=pool, size_bytes=20 * MIB, born=2 * at, died=2 * at + 5) for at in range(10)]
    observation = Observation(
        trace=Trace(storages=storages),
        host=HostSide(),
        device_allocator=lambda name: PlainAllocator(),
        assumptions={},
        environment={},
        steps=2,
        passes=2,
    )
    card = None if pool == "host" else find("t4")
    return assemble(
        observation,
        target={"kind": "script", "name": "/somewhere/train.py", "arguments": []},
        device=card,
        device_count=0 if card is None else 1,
        context=None if card is None else ContextOverhead(range=ByteRange.exactly(1), basis=Basis.ASSUMED, source=""),
        process=ProcessReading(peak_bytes=peak_bytes, own_bytes=0),
        host=None,
        environment={},
        cost={},
        learnt=Learnt(constants, TORCH),
    )


def test_nothing_learnt_is_not_mentioned() -> None:
    """Without constants there is no word of them."""
    assert "learnt-here" not in {item.slug for item in estimate().assumptions}


def test_first_step_replaces_the_assumed_one() -> None:
    """The middle is the learnt one and measured; the range can only grow."""
    plain, learnt = estimate().pool("host"), estimate(constant("first_step", "torch", 40, 50 * MIB, 300 * MIB))

    part = next(part for part in learnt.pool("host").components if "learnt on this machine" in part.source)
    assert (part.range.expected, part.basis) == (50 * MIB, Basis.MEASURED)
    assert learnt.pool("host").peak_bytes.high > plain.peak_bytes.high
    assert "first step of torch 50 MiB" in next(item.text for item in learnt.assumptions if item.slug == "learnt-here")


@on_glibc
@pytest.mark.parametrize("ratio", [700, 1000, 1300, 2000])
def test_ratio_of_malloc_meets_what_it_was_learnt_from(ratio: int) -> None:
    """The job's new expected peak is the measured one, and `high` covers it, whatever the model said."""
    plain = estimate().pool("host")
    modelled = plain.reserved_peak_bytes or 0
    measured = plain.peak_bytes.expected - modelled + max(modelled * ratio // 1000, plain.allocated_peak_bytes or 0)

    learnt = estimate(constant("host_allocator", "train.py", ratio, ratio, ratio)).pool("host")

    assert learnt.peak_bytes.expected == pytest.approx(measured, abs=2)
    assert learnt.peak_bytes.high >= max(measured, plain.peak_bytes.high)
    assert learnt.reserved_peak_bytes == modelled  # the model's alone: a second calibration does not compound


@on_glibc
def test_ratio_of_another_script_is_not_used() -> None:
    """What malloc did to one job says too little of another (docs/cli.md)."""
    assert estimate(constant("host_allocator", "other.py", 1500, 1500, 1500)) == estimate()


def test_constants_of_another_version_are_not_used() -> None:
    """Torch 2.12's first step is no news of 2.13."""
    other = constant("first_step", "torch", 1, 2, 3)
    old = LearntConstant(
        kind=other.kind, subject=other.subject, version="2.12.1", range=other.range, readings=1, date="2026-01-01"
    )

    assert estimate(old) == estimate()


def test_baseline_stands_in_where_the_system_tells_no_peak() -> None:
    """Without a reading of the simulating process the learnt import is the framework; a GiB stays its `high`."""
    learnt = estimate(constant("baseline", "torch", 200 * MIB, 220 * MIB, 230 * MIB), peak_bytes=None).pool("host")

    part = next(part for part in learnt.components if part.category is Category.FRAMEWORK)
    assert (part.range.expected, part.range.high) == (220 * MIB, GIB)


def test_driver_side_of_the_host_is_narrowed_but_never_below_the_highest_reading() -> None:
    """The assumed share goes up to 2 GiB; the learnt one to its highest reading and a quarter."""
    plain = estimate(pool="cuda:0").pool("host")
    learnt = estimate(constant("cuda_host", find("t4").product, 500 * MIB, 500 * MIB, 600 * MIB), pool="cuda:0")

    part = next(part for part in learnt.pool("host").components if "learnt on this machine" in part.source)
    assert part.range == ByteRange(low=500 * MIB, expected=500 * MIB, high=750 * MIB)
    assert learnt.pool("host").peak_bytes.high < plain.peak_bytes.high
