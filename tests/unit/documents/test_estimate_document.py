"""The estimate's own rules: parts that add up, and verdicts that follow from capacity, others and range."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from memfit.documents import Component, Estimate, Machine, PoolEstimate, Role, codec, load, save
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


def sized(name: str, high_gib: int) -> PoolEstimate:
    """A pool of that high end."""
    return replace(pool(name), peak_bytes=ByteRange(low=8 * GIB, expected=10 * GIB, high=high_gib * GIB))


def ranked() -> Estimate:
    """A job of two nodes of four ranks, whose rank 3 is the fullest and whose rank 4 is fuller than rank 0."""
    roles = [("0", 0, 11), ("1-2, 5-7", 1, 12), ("3", 3, 15), ("4", 4, 13)]
    return replace(
        estimate(sized("cuda:3", 15), pool("host")),
        target={"nodes": 2, "ranks_per_node": 4},
        roles=tuple(
            Role(ranks=ranks, count=1, rank=rank, pools=(sized(f"cuda:{rank % 4}", high_gib), pool("host")))
            for ranks, rank, high_gib in roles
        ),
    )


def test_pool_is_found_by_name() -> None:
    """`estimate.pool("host")` is how programs reach a pool; another is a KeyError that says what is there."""
    both = estimate(pool(), pool("host"))

    assert both.pool("host").pool == "host"
    with pytest.raises(KeyError, match="no pool 'cuda:7': it has cuda:0, host"):
        both.pool("cuda:7")


def test_a_kind_of_pool_is_its_fullest() -> None:
    """`estimate.pool("cuda")` is the device to plan for, whatever its number."""
    assert estimate(sized("cuda:0", 11), sized("cuda:1", 12), pool("host")).pool("cuda").pool == "cuda:1"
    assert ranked().pool("cuda").pool == "cuda:3"


@pytest.mark.parametrize(("name", "high_gib"), [("cuda:0", 13), ("cuda:1", 12), ("cuda:2", 12), ("cuda:3", 15)])
def test_any_device_of_a_node_can_be_asked_for(name: str, high_gib: int) -> None:
    """Of several ranks the pools are the fullest one's; the others are told by their roles, of the worst node."""
    found = ranked().pool(name)

    assert (found.pool, found.peak_bytes.high) == (name, high_gib * GIB)


def test_devices_that_no_rank_has_are_not_made_up() -> None:
    """Beyond the node there is none, nor where ranks use a device that is not their own."""
    astray = replace(ranked(), roles=(Role(ranks="0-7", count=8, rank=1, pools=(pool("cuda:0"), pool("host"))),))

    for job, name in ((ranked(), "cuda:4"), (ranked(), "cuda:-1"), (ranked(), "tpu:0"), (astray, "cuda:1")):
        with pytest.raises(KeyError, match="it has cuda:3, host"):
            job.pool(name)


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
