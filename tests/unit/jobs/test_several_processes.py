"""Jobs of several processes: launchers' command lines, which ranks are simulated, what a node holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memfit.documents import Component, Estimate, Machine, PoolEstimate
from memfit.errors import UsageError
from memfit.estimating.host_pool import SHARED_SOURCE
from memfit.jobs.launchers import launched
from memfit.jobs.ranks import Launch, estimate_ranks, fullest_rank, rank_environment
from memfit.jobs.request import Request
from memfit.quantities import MIB, Basis, ByteRange, Category

REQUEST = Request(target="train.py", on="8xa100-40gb", device_count=8)


def pool(name: str, *sizes_mib: tuple[Category, int, str]) -> PoolEstimate:
    parts = tuple(
        Component(category=category, range=ByteRange.exactly(size * MIB), basis=Basis.TRACED, source=source)
        for category, size, source in sizes_mib
    )
    total = sum(size for _, size, _ in sizes_mib) * MIB
    return PoolEstimate(pool=name, capacity_bytes=None, peak_bytes=ByteRange.exactly(total), components=parts)


def one(request: Request, *, device_mib: int = 100, meshes: object = (), device: str | None = None) -> Estimate:
    """What a simulated rank would give: a device, and a host of 60 MiB of which 40 are shared."""
    local = request.rank % request.ranks_per_node
    host = pool("host", (Category.FRAMEWORK, 20, "imports"), (Category.FRAMEWORK, 40, SHARED_SOURCE))
    card = pool(device or f"cuda:{local}", (Category.PARAMETERS, device_mib, "simulated run"))
    return Estimate(
        target={"kind": "script", "name": "train.py", "arguments": []},
        machine=Machine(name="a100-40gb"),
        pools=(card, host),
        environment={"meshes": meshes} if meshes else {},
        cost={"seconds": 1.0},
    )


def test_ranks_are_read_as_nodes_and_ranks_on_each() -> None:
    """Eight on one node, or two nodes of eight."""
    assert Launch.parse("8") == Launch(nodes=1, per_node=8)
    assert Launch.parse("128x8").ranks == 1024


@pytest.mark.parametrize("text", ["", "0", "2x0", "eight", "2x", "-1", "8x8x8"])
def test_other_words_for_ranks_are_refused(text: str) -> None:
    """What was seen and what is expected stand in the message."""
    with pytest.raises(UsageError, match="2x8"):
        Launch.parse(text)


@pytest.mark.parametrize(
    ("line", "ranks", "target"),
    [
        ("torchrun --standalone --nproc-per-node=8 train.py --lr 1", "1x8", "train.py --lr 1"),
        ("torchrun --nnodes 2 --nproc_per_node 4 --rdzv-endpoint a:1 train.py", "2x4", "train.py"),
        ("torchrun --nnodes=1:4 --nproc-per-node=2 -m package.train", "4x2", "package.train"),
        ("accelerate launch --multi_gpu --num_processes 8 --num_machines 2 train.py -x", "2x4", "train.py -x"),
        ("deepspeed --num_gpus=4 train.py --deepspeed", "1x4", "train.py --deepspeed"),
    ],
)
def test_launchers_are_understood(line: str, ranks: str, target: str) -> None:
    """How many they start, and of what."""
    found = launched(line.split())

    assert found is not None
    launch, rest, _ = found
    assert launch == Launch.parse(ranks)
    assert rest == target.split()


def test_a_script_is_no_launcher_and_a_launcher_needs_a_script() -> None:
    """Plain scripts pass; a number that cannot be known beforehand is asked for."""
    assert launched(["train.py", "--nproc-per-node=8"]) is None
    with pytest.raises(UsageError, match="names no script"):
        launched(["torchrun", "--nproc-per-node=8"])
    with pytest.raises(UsageError, match="how many"):
        launched(["torchrun", "--nproc-per-node=gpu", "train.py"])


def test_a_rank_finds_its_place_in_its_environment() -> None:
    """As torchrun sets it; a job in one process finds nothing."""
    place = rank_environment(replace(REQUEST, nodes=2, ranks_per_node=4, rank=6))

    assert (place["RANK"], place["LOCAL_RANK"], place["WORLD_SIZE"], place["NODE_RANK"]) == ("6", "2", "8", "1")
    assert rank_environment(REQUEST) == {}


def test_like_ranks_are_one_role_and_a_node_counts_shared_pages_once() -> None:
    """Eight ranks of 20 MiB and the 40 that they share."""
    found = estimate_ranks(REQUEST, Launch.parse("4x8"), lambda request, shown: one(request))

    assert [(role.ranks, role.count) for role in found.roles] == [("0-31", 32)]
    assert found.pool("host").peak_bytes.expected == (8 * 20 + 40) * MIB
    assert found.pool("cuda:0").peak_bytes.expected == 100 * MIB


def test_the_fullest_rank_decides() -> None:
    """Rank 0 needs more than the others: the pools are its, and both kinds are told."""
    found = estimate_ranks(
        REQUEST, Launch.parse("8"), lambda request, shown: one(request, device_mib=100 if request.rank else 130)
    )

    assert [(role.ranks, role.count) for role in found.roles] == [("0", 1), ("1-7", 7)]
    assert found.pool("cuda:0").peak_bytes.expected == 130 * MIB


def test_of_three_pipeline_stages_each_learns_from_the_one_before() -> None:
    """What a stage gives is in the file that the next one finds."""
    learnt: dict[int, str] = {}

    def run(request: Request, shown: bool) -> Estimate:
        file = Path(request.stages_file)
        learnt[request.rank] = file.read_text() if file.is_file() else ""
        file.write_text(f"given by {request.rank}")
        return one(request, meshes=[[["pp", 3], ["dp", 2]]])

    estimate_ranks(REQUEST, Launch.parse("6"), run)

    assert learnt == {0: "", 2: "given by 0", 4: "given by 2"}


def test_of_many_pipeline_stages_the_later_ones_learn_from_the_first() -> None:
    """They are simulated side by side, and none overwrites what another reads."""
    learnt: dict[int, str] = {}

    def run(request: Request, shown: bool) -> Estimate:
        file = Path(request.stages_file)
        learnt[request.rank] = file.read_text() if file.is_file() else ""
        file.write_text(f"given by {request.rank}")
        return one(request, meshes=[[["pp", 4], ["dp", 2]]])

    estimate_ranks(REQUEST, Launch.parse("8"), run)

    assert learnt == {0: "", 2: "given by 0", 6: "given by 0"}


def test_of_many_pipeline_stages_three_are_simulated() -> None:
    """Of four stages of eight ranks the first, the second and the last; the third is taken to be like the second."""
    asked: list[int] = []

    def run(request: Request, shown: bool) -> Estimate:
        asked.append(request.rank)
        return one(request, device_mib=300 - request.rank, meshes=[[["pp", 4], ["dp", 8]]])

    found = estimate_ranks(REQUEST, Launch.parse("4x8"), run)

    assert sorted(asked) == [0, 8, 24]
    assert [role.ranks for role in found.roles] == ["0-7", "8-23", "24-31"]


def test_ranks_that_share_a_device_by_mistake_are_added_up() -> None:
    """Every rank put its tensors on cuda:0: eight times a rank's, and a hint."""
    found = estimate_ranks(REQUEST, Launch.parse("8"), lambda request, shown: one(request, device="cuda:0"))

    assert found.pool("cuda:0").peak_bytes.expected == 800 * MIB
    assert "ranks-share-device" in {item.slug for item in found.assumptions}


def test_the_fullest_rank_stands_for_the_job_in_advice() -> None:
    """The last rank holds more: changes are estimated of that one."""
    launch = Launch(nodes=2, per_node=4)

    found = estimate_ranks(REQUEST, launch, lambda each, _: one(each, device_mib=120 if each.rank else 100))

    assert fullest_rank(found, launch) == 7


@pytest.mark.parametrize(
    ("odd", "slug"),
    [({"meshes": ((("pp", 2), ("dp", 2)),)}, "no-advice"), ({"device": "cuda:0"}, "ranks-share-device")],
    ids=["stages", "one device"],
)
def test_one_rank_does_not_stand_for_stages_or_for_ranks_that_share_a_device(odd: dict[str, Any], slug: str) -> None:
    """A stage hangs on the one before it; what is on one device by mistake is to be mended first."""
    launch = Launch(nodes=1, per_node=4)
    found = estimate_ranks(REQUEST, launch, lambda each, _: one(each, **odd))

    with pytest.raises(UsageError) as refused:
        fullest_rank(found, launch)

    assert refused.value.slug == slug
