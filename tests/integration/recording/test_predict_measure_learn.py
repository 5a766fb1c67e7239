"""The whole loop on one real job: estimated, recorded, compared, learnt from, estimated again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import memfit
from memfit.quantities import Standing

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

# Matrices above 32 MiB: malloc maps each on its own, so what the job takes does not hang on where small blocks land.
SCRIPT = """
import torch

net = torch.nn.Sequential(torch.nn.Linear(3000, 3000), torch.nn.ReLU(), torch.nn.Linear(3000, 3000))
optimizer = torch.optim.AdamW(net.parameters())
for step in range(6):
    net(torch.randn(256, 3000)).pow(2).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def test_a_job_is_predicted_measured_and_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predicted within its range; what is learnt makes the next expected figure the measured one."""
    monkeypatch.setenv("MEMFIT_LEARNT", str(tmp_path / "learnt.json"))
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    estimate = memfit.estimate(script, on="cpu")

    outcome = memfit.api.run([sys.executable, str(script)], output=str(tmp_path / "job.memfit"), quiet=True)
    recording = memfit.load(tmp_path / "job.memfit")
    comparison = memfit.compare(estimate, recording)
    learnt = memfit.calibrate([recording], estimate=estimate)
    again = memfit.estimate(script, on="cpu")

    assert outcome.exit_code == 0
    assert comparison.standing is Standing.INSIDE
    rows = {row.name: row for row in comparison.pools[0].categories}
    assert rows["parameters"].change_bytes is not None and abs(rows["parameters"].change_bytes) < 65536
    assert [one.kind for one in learnt.learnt] == ["host_allocator"], learnt.notes
    assert "learnt-here" in {item.slug for item in again.assumptions}
    measured = recording.peak_bytes("host")
    assert abs(again.pool("host").peak_bytes.expected - measured) < 0.03 * measured
    assert again.pool("host").peak_bytes.high >= measured
