"""`memfit advise` on a real script: changes that are made within the job's process, and a plan run for real."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")

import memfit
from memfit.errors import JobFailed
from memfit.quantities import MIB

pytestmark = [pytest.mark.torch, pytest.mark.slow]

TRAIN = """
    import torch
    from torch import nn

    batch_size = 256

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.down = nn.Linear(512, 2048), nn.Linear(2048, 512)

        def forward(self, x):
            return x + self.down(torch.relu(self.up(x)))

    model = nn.Sequential(*(Block() for _ in range(6)))
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(20):
        optimizer.zero_grad()
        model(torch.randn(batch_size, 512)).square().mean().backward()
        optimizer.step()
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "train.py"
    path.write_text(textwrap.dedent(TRAIN), encoding="utf-8")
    return str(path)


def test_a_plan_fits_and_is_what_a_real_run_comes_to(script: str) -> None:
    """The best plan stays within the budget, measured in a process of its own; the batch's number is found."""
    now = memfit.estimate(script, on="cpu").pool("host").peak_bytes
    within = round(now.high * 0.85)
    wanted = ["malloc-threshold", "lighter-optimizer", "smaller-batch"]

    advice = memfit.advise(script, on="cpu", within_bytes=within, only=wanted, verify=True)

    best = advice.best
    assert best is not None and advice.plans[0] == best and best.peak_bytes.high <= within < now.high
    assert best.measured_bytes is not None and best.measured_bytes <= within
    assert abs(best.measured_bytes - best.peak_bytes.expected) < 0.1 * best.peak_bytes.expected
    found = advice.largest_batch
    assert found is not None and (found.name, found.now) == ("batch_size", 256)


def test_runs_for_real_judge_where_they_are_asked_for(script: str) -> None:
    """The job as it is was run, and batches near the budget; the one found leaves free what runs differ by."""
    within = round(memfit.estimate(script, on="cpu").pool("host").peak_bytes.high * 1.2)

    advice = memfit.advise(script, on="cpu", within_bytes=within, only=["lighter-optimizer"], measure=True)

    now, found = advice.now_measured_bytes, advice.largest_batch
    assert now is not None and advice.now_bytes.low < now < advice.now_bytes.high and advice.fits_now
    assert found is not None and found.batch > 256 and found.runs_bytes["256"] == now
    assert found.peak_bytes is not None and found.peak_bytes.high <= within
    assert any(abs(int(size) - found.batch) <= 0.04 * int(size) for size in found.runs_bytes)


def test_an_impossible_budget_tells_the_floor(script: str) -> None:
    """No plan, the lowest peak, and what holds it."""
    advice = memfit.advise(script, on="cpu", within_bytes=50 * MIB, only=["activation-checkpointing"])

    assert advice.best is None and advice.floor_bytes.high > 50 * MIB
    assert advice.floor_holds["framework"] > 50 * MIB


CARD = "rtx4090-24gb"


@pytest.mark.parametrize("trains", [True, False])
def test_offloaded_parameters_are_estimated_as_the_code_that_is_told(script: str, tmp_path: Path, trains: bool) -> None:
    """The plan is, to the byte, the estimate of the script with what is told to be typed; the host holds what left."""
    text = Path(script).read_text().replace("for _ in range(6)))", "for _ in range(6)))\nMOVED")
    text = text.replace("torch.randn(batch_size, 512)", 'torch.randn(batch_size, 512, device="cuda")')
    if not trains:
        text = text.partition("optimizer")[0] + (
            'with torch.no_grad():\n    for step in range(3):\n        model(torch.randn(64, 512, device="cuda"))\n'
        )
    now, told = tmp_path / "now.py", tmp_path / "told.py"
    now.write_text(text.replace("MOVED", 'model.to("cuda")'))

    advice = memfit.advise(str(now), on=CARD, within_bytes=400 * MIB, only=["parameter-offload"])

    (plan,) = advice.plans
    told.write_text(text.replace("MOVED", plan.changes[0].how))
    typed, before = memfit.estimate(str(told), on=CARD), memfit.estimate(str(now), on=CARD)
    assert plan.peak_bytes == typed.pool("cuda:0").peak_bytes
    assert plan.changes[0].saves_bytes > (4 if trains else 0.4) * before.pool("cuda:0").breakdown_bytes["parameters"]
    assert plan.host_bytes is not None
    assert plan.host_bytes.expected == pytest.approx(typed.pool("host").peak_bytes.expected, rel=0.05)
    assert plan.host_bytes.expected > before.pool("host").peak_bytes.expected


def test_a_script_that_fails_says_so(tmp_path: Path) -> None:
    """As an estimate of it would."""
    path = tmp_path / "broken.py"
    path.write_text("import torch\nraise RuntimeError('no data')\n")

    with pytest.raises(JobFailed, match="no data"):
        memfit.advise(str(path), on="cpu")
