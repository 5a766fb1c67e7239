"""What a report says, as plain data, apart from how it is drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from memfit.documents import Component, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category, Phase, Verdict
from memfit.reports.view import view


def pool(capacity_bytes: int | None = 24 * GIB, **fields: Any) -> PoolEstimate:
    """A device whose peak is 8 to 12 GiB, 10 expected."""
    parts = (
        Component(category=Category.ACTIVATIONS, range=ByteRange.exactly(7 * GIB), basis=Basis.TRACED),
        Component(category=Category.FRAMEWORK, range=ByteRange.exactly(2 * GIB), basis=Basis.MEASURED),
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange(low=-GIB, expected=GIB, high=3 * GIB),
            basis=Basis.ASSUMED,
        ),
    )
    peak = ByteRange(low=8 * GIB, expected=10 * GIB, high=12 * GIB)
    defaults: Mapping[str, Any] = {
        "pool": "cuda:0",
        "capacity_bytes": capacity_bytes,
        "peak_bytes": peak,
        "components": parts,
    }
    return PoolEstimate(**{**defaults, **fields})


def estimate(*pools: PoolEstimate, **fields: Any) -> Estimate:
    defaults: Mapping[str, Any] = {"target": {"name": "train.py"}, "machine": Machine(name="card")}
    return Estimate(**{**defaults, "pools": pools, **fields})


@pytest.mark.parametrize(
    ("capacity_bytes", "other_bytes", "reason"),
    [
        (24 * GIB, 0, "cuda:0: expect 10.00 GiB, plan with 12.00 GiB of 24.00 GiB: 12.00 GiB to spare"),
        (24 * GIB, 4 * GIB, "cuda:0: expect 10.00 GiB, plan with 12.00 GiB of 20.00 GiB free: 8.00 GiB to spare"),
        (11 * GIB, 0, "cuda:0: expect 10.00 GiB, plan with 12.00 GiB of 11.00 GiB: up to 1.00 GiB short"),
        (8 * GIB, 0, "cuda:0: expect 10.00 GiB, plan with 12.00 GiB of 8.00 GiB: expect to be 2.00 GiB short"),
        (None, 0, "cuda:0: expect 10.00 GiB, plan with 12.00 GiB; the capacity is unknown"),
    ],
)
def test_reason_says_how_much_is_spare_or_short(capacity_bytes: int | None, other_bytes: int, reason: str) -> None:
    """The sentence under the verdict has the figure to plan with, and how far it is from the capacity."""
    seen = view(estimate(pool(capacity_bytes, other_processes_bytes=other_bytes)))

    assert seen.reason == reason


def test_reason_is_of_the_pool_that_decides() -> None:
    """A device that fits does not hide a host that does not."""
    host = pool(8 * GIB, pool="host")

    seen = view(estimate(pool(), host))

    assert seen.verdict is Verdict.DOES_NOT_FIT
    assert seen.reason.startswith("host: ")


def test_category_from_several_parts_names_each_basis() -> None:
    """A share that is partly measured and partly assumed says both."""
    shares = {share.name: share for share in view(estimate(pool())).pools[0].shares}

    assert shares["framework"].size_bytes == 3 * GIB
    assert shares["framework"].basis == "measured, assumed"
    assert shares["activations"].share == pytest.approx(0.7)


def test_figures_that_are_unknown_are_left_out() -> None:
    """Allocated, reserved and used stand side by side by name; one that is not known is not shown as zero."""
    seen = view(estimate(pool(reserved_peak_bytes=9 * GIB))).pools[0]

    assert seen.figures == (("reserved by the allocator", 9 * GIB), ("used", 10 * GIB))


def test_place_of_the_peak_is_put_in_words() -> None:
    """Phase and step first, then the user's line, the module and the operator; unknown parts are left out."""
    at = PeakLocation(phase=Phase.BACKWARD, step=2, operator="aten.mm.default", where="train.py:42")

    assert view(estimate(pool(peak_at=at))).pools[0].peak_at == "backward of step 2 · train.py:42 · aten.mm.default"
    assert view(estimate(pool())).pools[0].peak_at == ""


def test_tensors_of_like_layers_are_counted_together() -> None:
    """Twelve equal activations of twelve layers are one line."""
    layers = tuple((72 * MIB, "activations", f"gpt.py:85 · blocks.{n}.mlp.0 · aten.addmm.default") for n in range(12))
    lone = (50 * MIB, "parameters", "gpt.py:9 · blocks.3.head · aten.empty.memory_format")

    first, second = view(estimate(pool(top=(*layers, lone)))).pools[0].largest

    assert (first.count, first.size_bytes, first.where) == (12, 72 * MIB, "gpt.py:85 · blocks.*.mlp.0 · addmm")
    assert (second.count, second.where) == (1, "gpt.py:9 · blocks.3.head · empty")


def test_environment_and_cost_are_one_line_each() -> None:
    """What the figures hold for, and what the estimate took; what is too long or no plain value is left out."""
    seen = view(
        estimate(
            environment={"torch": "2.13.0", "platform": "x" * 60, "nested": {"a": 1}, "empty": ""},
            cost={"seconds": 4.21, "process_peak_bytes": 412 * MIB, "steps": 3},
        )
    )

    assert seen.environment == "torch 2.13.0"
    assert seen.cost == "4.2 s, 412 MiB of host memory, 3 steps simulated"


def test_no_pool_is_no_crash() -> None:
    """An estimate without pools is unknown, and says so."""
    seen = view(estimate())

    assert seen.verdict is Verdict.UNKNOWN
    assert seen.reason == "the job uses no memory that was followed"


def test_views_are_plain_frozen_data() -> None:
    """A picture drawn twice is the same picture."""
    seen = view(estimate(pool()))

    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.target = "other"  # type: ignore[misc]
