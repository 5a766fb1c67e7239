"""The estimate's own rules: parts that add up, and verdicts that follow from capacity, others and range."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.documents import Component, Estimate, Machine, PoolEstimate, codec, load, save
from memfit.errors import InvalidDocument
from memfit.quantities import GIB, Basis, ByteRange, Category, Verdict

SAVED = Path(__file__).parents[2] / "golden" / "documents" / "fits.json"


def pool(name: str = "cuda:0", capacity_bytes: int | None = 24 * GIB, other_bytes: int | None = None) -> PoolEstimate:
    peak = ByteRange(low=8 * GIB, expected=10 * GIB, high=12 * GIB)
    part = Component(category=Category.ACTIVATIONS, range=peak, basis=Basis.TRACED)
    return PoolEstimate(
        pool=name,
        capacity_bytes=capacity_bytes,
        other_processes_bytes=other_bytes,
        peak_bytes=peak,
        components=(part,),
    )


def estimate(*pools: PoolEstimate) -> Estimate:
    return Estimate(target={}, machine=Machine(name="card"), pools=pools)


@pytest.mark.parametrize(
    ("capacity_bytes", "other_bytes", "verdict"),
    [
        (12 * GIB, None, Verdict.FITS),
        (12 * GIB - 1, None, Verdict.TIGHT),
        (13 * GIB, 2 * GIB, Verdict.TIGHT),
        (10 * GIB - 1, None, Verdict.DOES_NOT_FIT),
        (24 * GIB, 15 * GIB, Verdict.DOES_NOT_FIT),
        (None, None, Verdict.UNKNOWN),
    ],
)
def test_verdict_follows_from_what_is_free(
    capacity_bytes: int | None, other_bytes: int | None, verdict: Verdict
) -> None:
    """High fits: fits. Expected fits: tight. What others hold is taken off first."""
    assert pool(capacity_bytes=capacity_bytes, other_bytes=other_bytes).verdict is verdict


@pytest.mark.parametrize(
    ("capacities", "verdict"),
    [
        ((24, 24), Verdict.FITS),
        ((24, 11), Verdict.TIGHT),
        ((11, 8), Verdict.DOES_NOT_FIT),
        ((11, None), Verdict.UNKNOWN),
        ((8, None), Verdict.DOES_NOT_FIT),
        ((), Verdict.UNKNOWN),
    ],
)
def test_worst_pool_decides(capacities: tuple[int | None, ...], verdict: Verdict) -> None:
    """One pool that does not fit stops the job, whatever the others say."""
    pools = [pool(f"cuda:{n}", None if capacity is None else capacity * GIB) for n, capacity in enumerate(capacities)]

    assert estimate(*pools).verdict is verdict


def test_parts_that_do_not_add_up_are_refused() -> None:
    """A pool whose parts miss a byte is no estimate."""
    part = Component(category=Category.OTHER, range=ByteRange.exactly(9), basis=Basis.TRACED)

    with pytest.raises(ValueError, match="parts add up to 9, the peak is 10"):
        PoolEstimate(pool="host", capacity_bytes=None, peak_bytes=ByteRange.exactly(10), components=(part,))


def test_pool_is_found_by_name() -> None:
    """`estimate.pool("host")` is how programs reach a pool; a name that is not there is a KeyError."""
    both = estimate(pool(), pool("host"))

    assert both.pool("host").pool == "host"
    with pytest.raises(KeyError):
        both.pool("cuda:7")


def test_failed_save_leaves_the_old_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is written whole or not at all."""
    path = tmp_path / "estimate.json"
    save(estimate(pool()), path)
    before = path.read_bytes()
    monkeypatch.setattr(codec, "to_json", lambda _: {"no": {1, 2}})

    with pytest.raises(TypeError):
        save(estimate(), path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("low", 1.5), ("high", "12"), ("expected", True), ("low", float("inf")), ("high", None)],
)
def test_sizes_that_are_not_whole_are_refused(field: str, value: object) -> None:
    """A size is an int: no fraction, text, truth value or infinity is taken for one."""
    document = codec.to_json(load(SAVED))
    document["pools"][0]["peak_bytes"][field] = value

    with pytest.raises(InvalidDocument):
        codec.from_json(document)
