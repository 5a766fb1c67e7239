"""Jobs of several processes: one rank of each kind is simulated, and their estimates are put together by node."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from memfit.documents import Estimate
from memfit.errors import UsageError
from memfit.estimating import node_estimate, same_needs
from memfit.jobs.request import Request

_AT_ONCE = 2  # simulations side by side
_FEW_STAGES = 3  # of which each is simulated
_STAGES = ("pp", "pipe", "pipeline", "stage")  # names that a mesh's dimension of pipeline stages goes by
# A script without a store at hand never asks one: nobody listens here.
_MASTER = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How many processes a job consists of.

    >>> Launch.parse("2x8").ranks
    16
    """

    nodes: int
    per_node: int

    @property
    def ranks(self) -> int:
        return self.nodes * self.per_node

    @classmethod
    def parse(cls, text: str) -> Launch:
        """From "8" (one node) or "2x8" (two nodes of eight).

        Raises:
            UsageError: it is neither.
        """
        found = re.fullmatch(r"(?:(\d{1,6})[x×])?(\d{1,4})", text.strip())
        nodes, per_node = (int(found[1] or 1), int(found[2])) if found else (0, 0)
        if nodes < 1 or per_node < 1:
            raise UsageError(f"ranks are given as 8, or as 2x8 for two nodes of eight, got {text!r}", slug="bad-ranks")
        return cls(nodes=nodes, per_node=per_node)


def rank_environment(request: Request) -> dict[str, str]:
    """What torchrun would set for the request's rank; nothing for a job in one process."""
    if not request.ranks_per_node:
        return {}
    node, local = divmod(request.rank, request.ranks_per_node)
    return {
        **_MASTER,
        "RANK": str(request.rank),
        "LOCAL_RANK": str(local),
        "WORLD_SIZE": str(request.nodes * request.ranks_per_node),
        "LOCAL_WORLD_SIZE": str(request.ranks_per_node),
        "GROUP_RANK": str(node),
        "NODE_RANK": str(node),
        "GROUP_WORLD_SIZE": str(request.nodes),
        "MEMFIT_STAGES_FILE": request.stages_file,
    }


def estimate_ranks(request: Request, launch: Launch, run: Callable[[Request, bool], Estimate]) -> Estimate:
    """The estimate of a job in several processes.

    The first and the last rank are simulated, or with a mesh that has a dimension of pipeline stages the first rank of
    the first, the second and the last stage: later ones hold fewer micro-batches than the second.

    Args:
        request: the job; what it says of ranks is replaced.
        launch: how many processes.
        run: gives the estimate of one rank; its second argument says whether to show progress.
    """
    with tempfile.TemporaryDirectory(prefix="memfit-stages-") as folder:
        request = replace(
            request,
            nodes=launch.nodes,
            ranks_per_node=launch.per_node,
            stages_file=str(Path(folder) / "stages.json"),
        )
        first = run(replace(request, rank=0), True)
        others = _others(first, launch)
        # A stage needs to know what the one before it gives; of many stages, all are taken to give what the first does.
        in_turn = 1 < _stages(first, launch.ranks)[0] <= _FEW_STAGES
        asked = [replace(request, rank=rank) if in_turn else _with_own_file(request, rank) for rank in others]
        with ThreadPoolExecutor(1 if in_turn else _AT_ONCE) as pool:
            found = list(pool.map(lambda each: run(each, False), asked))
    seen = {0: first, **dict(zip(others, found, strict=True))}
    return node_estimate(first, seen, _spread(seen, launch), per_node=launch.per_node, nodes=launch.nodes)


def fullest_rank(estimate: Estimate, launch: Launch) -> int:
    """The rank whose device is the fullest; alone it stands for the job, as long as no other hands it its tensors.

    Args:
        estimate: of all the ranks.
        launch: how many they are.

    Raises:
        UsageError: they are stages of a pipeline, or are on one device by mistake.
    """
    if _stages(estimate, launch.ranks)[0] > 1:
        raise UsageError(
            "advice is not for pipeline stages: what one stage takes hangs on what the one before it gives",
            hint="`memfit estimate` tells what each stage needs, and what another batch changes",
            slug="no-advice",
        )
    mistake = next((each for each in estimate.assumptions if each.slug == "ranks-share-device"), None)
    if mistake is not None:
        raise UsageError(mistake.text, hint="give every rank its own device first", slug=mistake.slug)
    return max(estimate.roles, key=lambda role: max(pool.peak_bytes.high for pool in role.pools[:-1])).rank


def _with_own_file(request: Request, rank: int) -> Request:
    """The request of a rank that runs beside another: what the first stage gives, in a file that is its own."""
    given = Path(request.stages_file)
    own = given.with_name(f"stages-{rank}.json")
    if given.is_file():
        shutil.copyfile(given, own)
    return replace(request, rank=rank, stages_file=str(own))


def _stages(first: Estimate, ranks: int) -> tuple[int, int]:
    """How many pipeline stages there are, and how many ranks lie between two of them."""
    for mesh in first.environment.get("meshes", ()):
        between = ranks
        for name, size in mesh:
            between //= max(size, 1)
            if str(name).lower() in _STAGES and size > 1:
                return size, between
    return 1, ranks


def _others(first: Estimate, launch: Launch) -> list[int]:
    stages, between = _stages(first, launch.ranks)
    wanted = {between, (stages - 1) * between} if stages > 1 else {launch.ranks - 1}
    return sorted(wanted - {0})


def _spread(seen: dict[int, Estimate], launch: Launch) -> dict[int, Sequence[range]]:
    """Which ranks each simulated one stands for."""
    stages, between = _stages(seen[0], launch.ranks)
    last = launch.ranks - 1
    if stages == 1:
        if last == 0 or same_needs(seen[0], seen[last]):
            return {0: [range(launch.ranks)]}
        return {0: [range(1)], last: [range(1, launch.ranks)]}
    ends = {0: range(between), (stages - 1) * between: range((stages - 1) * between, launch.ranks)}
    if stages > 2:
        ends[between] = range(between, (stages - 1) * between)
    return {rank: [ranks] for rank, ranks in sorted(ends.items())}
