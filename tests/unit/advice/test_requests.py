"""What is asked of schedulers: sizes, units, reasons, and what is refused."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memfit import api, documents
from memfit.advice.requests import SYSTEMS, Need, asked_for, need_of_estimate, need_of_recordings, resource_request
from memfit.documents import Ending, Estimate, Recording, Series
from memfit.errors import UsageError
from memfit.quantities import GIB, MIB

DOCUMENTS = Path(__file__).parents[2] / "golden" / "documents"
NEED = Need(host_bytes=3 * GIB + 1, devices=2, device="h100-80gb", device_bytes=60 * GIB, shm_bytes=300 * MIB)


def estimated() -> Estimate:
    loaded = documents.load(DOCUMENTS / "fits.json")
    assert isinstance(loaded, Estimate)
    return loaded


def recorded(*peaks: int, iterations: tuple[documents.Iterations, ...] = ()) -> Recording:
    sizes = array("q", peaks)
    held = Series(
        pool="host", scope="job", name="held", seconds=array("d", range(len(peaks))),
        last_bytes=sizes, low_bytes=sizes, high_bytes=sizes,
    )  # fmt: skip
    return Recording(
        command=("python", "train.py"), started="2026-11-27T00:00:00Z", machine={}, environment={}, limits=(),
        series=(held,) if peaks else (), iterations=iterations, phases=(), phase_totals=(), processes=(), events=(),
        holdings=(), ending=Ending(how="ended"),
    )  # fmt: skip


def test_an_estimate_is_asked_for_by_its_high_end() -> None:
    """With the kernel's share above it; one device for each pool."""
    estimate = estimated()

    need = need_of_estimate(estimate)

    high = estimate.pool("host").peak_bytes.high
    assert high < need.host_bytes < high * 1.03 + 64 * MIB
    assert need.devices == len(estimate.pools) - 1


def test_every_rank_of_a_node_has_a_device() -> None:
    """The document of several ranks has the fullest one's alone; Slurm's figures are of one node."""
    alone = estimated()
    several = replace(alone, target={**alone.target, "ranks_per_node": 4, "nodes": 2})

    need = need_of_estimate(several)

    assert (need.devices, need.nodes) == (4, 2)
    assert SYSTEMS["slurm"](need)[0] == "#SBATCH --nodes=2"
    assert "#SBATCH --gres=gpu:4" in SYSTEMS["slurm"](need)


def test_runs_that_differ_widen_the_margin() -> None:
    """A tenth above the highest of one run; the distance between runs where that is more."""
    alone = need_of_recordings([recorded(1 * GIB, 4 * GIB)]).host_bytes
    apart = need_of_recordings([recorded(4 * GIB), recorded(3 * GIB)]).host_bytes

    assert 4.4 * GIB < alone < 4.6 * GIB
    assert 5.0 * GIB < apart < 5.2 * GIB


@pytest.mark.parametrize(
    ("system", "pattern"),
    [
        ("slurm", r"^#SBATCH --mem=3073M\n#SBATCH --gres=gpu:2\n"),
        ("kubernetes", r'memory: "3073Mi"'),
        ("ray", r"^@ray.remote\(memory=3222274048, num_gpus=2\)$"),
        ("docker", r"--memory=3073m --memory-swap=3073m --shm-size=300m --gpus=2 "),
        ("systemd", r"-p MemoryMax=3073M -p MemorySwapMax=0 "),
    ],
)
def test_each_system_is_asked_in_its_own_units(system: str, pattern: str) -> None:
    """All of them mean 2**20 bytes by M, and are rounded up."""
    assert re.search(pattern, resource_request(NEED, system).text, re.MULTILINE)


def test_kubernetes_resources_are_yaml() -> None:
    """As its own parser reads it, and requests are limits."""
    yaml = pytest.importorskip("yaml")

    told: Any = yaml.safe_load(resource_request(NEED, "kubernetes").text)["resources"]

    assert told["requests"] == told["limits"] == {"memory": "3073Mi", "nvidia.com/gpu": 2}


def test_too_little_is_refused_unless_it_is_forced() -> None:
    """The message says by how much, the hint what to ask for; forced, the comment keeps the risk."""
    with pytest.raises(UsageError, match="below what the job may need") as caught:
        asked_for(NEED, 2 * GIB, force=False)
    assert caught.value.slug == "request-too-small"

    forced = resource_request(asked_for(NEED, 2 * GIB, force=True), "slurm").text
    assert "--mem=2048M" in forced and "it can be killed" in forced
    assert "--mem=8192M" in resource_request(asked_for(NEED, 8 * GIB, force=False), "slurm").text


def test_the_command_line_knows_the_same_systems() -> None:
    """It names them without loading what makes the requests."""
    from memfit.cli.request import SYSTEMS as NAMED

    assert tuple(SYSTEMS) == NAMED


def test_what_tells_no_need_is_refused() -> None:
    """Two estimates, an unknown system, a recording without readings."""
    estimate = estimated()
    for given, system, slug in (
        ([estimate, estimate], "slurm", "no-need"),
        ([estimate], "pbs", "unknown-system"),
        ([recorded()], "slurm", "no-host-readings"),
    ):
        with pytest.raises(UsageError) as caught:
            api.request(given, system)
        assert caught.value.slug == slug


def test_what_grows_needs_to_know_how_far() -> None:
    """A leak of 10 MiB an iteration: without the planned iterations it is refused, with them it is added."""
    steps = 400
    sizes = [2 * GIB + 10 * MIB * at for at in range(steps)]
    numbers, seconds = array("q", range(1, steps + 1)), array("d", range(1, steps + 1))
    iterations = documents.Iterations(
        pid=1, unit="step", numbers=numbers, seconds=seconds, columns={"host/rss": array("q", sizes)}
    )
    leaking = recorded(*sizes, iterations=(iterations,))

    with pytest.raises(UsageError) as caught:
        api.request(leaking, "slurm")
    assert caught.value.slug == "job-grows"

    asked = int(re.findall(r"--mem=(\d+)M", api.request(leaking, "slurm", iterations=1_000))[0]) * MIB
    peak = sizes[-1]
    assert peak * 1.1 + 590 * 10 * MIB < asked < peak * 1.15 + 640 * 10 * MIB
