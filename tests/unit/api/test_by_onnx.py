"""An ONNX file from the command line, with a stand-in for onnxruntime that takes what it is told to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memfit import api
from memfit.api.by_onnx import rise_of
from memfit.errors import MemfitError, UsageError
from memfit.probing.law import Law
from memfit.probing.sweeping import ProbeResult
from memfit.probing.watching import Reading
from memfit.quantities import MIB, Basis

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="probes fork, and read Linux's figures")
# Opening takes 64 MB for a while, a run 8 MB for each example.
RUNTIME = """
class Input:
    name, type, shape = "given", "tensor(float)", ["batch", 3, "side"]
class InferenceSession:
    def __init__(self, path, providers):
        if open(path).read() != "model":
            raise RuntimeError("Load model failed")
        held = bytearray(64 << 20)
    def get_inputs(self):
        return [Input()]
    def run(self, names, given):
        assert given["given"].shape[1:] == (3, 4)
        held = bytearray(len(given["given"]) * (8 << 20))
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "onnxruntime.py").write_text(RUNTIME, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "model.onnx"
    path.write_text("model", encoding="utf-8")
    return str(path)


def test_a_batch_is_run_and_measured(file: str) -> None:
    one, many = (
        api.estimate(file, ["--batch", str(batch), "--dim", "side=4"], on="cpu").pool("host") for batch in (1, 16)
    )
    assert 60 * MIB < many.peak_bytes.expected - one.peak_bytes.expected < 68 * MIB  # 128 MiB instead of 64
    assert {part.basis for part in many.components} == {Basis.MEASURED, Basis.COMPUTED}


def test_machines_for_it_are_those_with_an_operating_system(file: str) -> None:
    kinds = {row.kind for row in api.machines_for(file, ["--dim", "side=4"])}
    assert {"edge", "phone", "cloud"} <= kinds
    assert "microcontroller" not in kinds


def test_what_does_not_run_is_said_with_what_to_do(file: str) -> None:
    with pytest.raises(MemfitError, match=r"leaves the side .side. open"):
        api.estimate(file)
    with pytest.raises(UsageError, match="does not run on raspberry-pi-pico"):
        api.estimate(file, on="raspberry-pi-pico")
    Path(file).write_text("broken", encoding="utf-8")
    with pytest.raises(MemfitError, match="Load model failed") as caught:
        api.estimate(file, ["--dim", "side=4"])
    assert caught.value.slug == "model-does-not-run"
    with pytest.raises(UsageError, match="there is no file"):
        api.estimate("nowhere.onnx")


def probed(*rises: int) -> ProbeResult:
    readings = tuple(Reading(size=1 << place, rise_bytes=rise * MIB) for place, rise in enumerate(rises))
    flat = Law(constant_bytes=0.0, coefficients={}, caps_bytes={}, points=(), residual_share=0.0)
    return ProbeResult(
        readings=readings, law=flat, target=None, rise_bytes=None, held_bytes=0, stopped="memory", notes=(), seconds=1.0
    )


def test_a_line_is_drawn_where_batches_rise_above_the_opening() -> None:
    rise, basis = rise_of(probed(100, 140, 220), 16)
    assert basis is Basis.EXTRAPOLATED
    assert rise.low == 220 * MIB
    assert rise.expected == 700 * MIB
    assert rise.high > 770 * MIB
    assert rise_of(probed(100, 140, 220), 4)[1] is Basis.MEASURED


def test_nothing_is_told_of_a_batch_that_the_opening_hides() -> None:
    with pytest.raises(MemfitError, match="hides what a batch of 4 does") as caught:
        rise_of(probed(100, 100, 104), 64)
    assert caught.value.slug == "batch-out-of-reach"
