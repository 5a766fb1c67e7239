"""A .tflite file from the command line: on this machine, on boards, phones and microcontrollers."""

from __future__ import annotations

import json

import pytest
from tests.unit.litert.building import INT8, model, operator, tensor, written
from tests.unit.litert.test_tflite_file import small

from memfit import api
from memfit.cli.main import main
from memfit.errors import UnknownMachine, UsageError
from memfit.quantities import KIB, MIB, Verdict


def slugs(found):
    return {each.slug for each in found.assumptions}


def wide(side):
    """A copy of a picture in 8-bit integers: twice its bytes at once."""
    tensors = [tensor((1, side, side, 3), kind=INT8, scales=1) for _ in range(2)]
    return model(tensors, [operator(0, (0,), (1,))], (0,), (1,), codes=(22,))


def test_this_machine_runs_it_with_litert(tmp_path):
    found = api.estimate(str(written(tmp_path, small())))
    host = found.pool("host")
    assert found.target["runtime"] == "litert"
    assert host.peak_bytes.low < 8 * MIB < host.peak_bytes.expected < host.peak_bytes.high
    assert {"by-litert", "one-example", "eight-bits"} <= slugs(found)


def test_a_microcontroller_holds_the_arena_and_its_program(tmp_path):
    path = str(written(tmp_path, wide(200)))
    found = api.estimate(path, ["--on", "raspberry-pi-pico"])
    host = found.pool("host")
    assert found.target["runtime"] == "micro"
    assert host.capacity_bytes == 264 * KIB
    assert host.breakdown_bytes["activations"] == 2 * 120_000
    assert found.verdict is Verdict.TIGHT  # 235 KiB and a program of 16 KiB, or of 48
    assert api.estimate(path, on="nucleo-h743zi").verdict is Verdict.FITS
    assert api.estimate(str(written(tmp_path, wide(300), "large.tflite")), on="raspberry-pi-pico").verdict is (
        Verdict.DOES_NOT_FIT
    )
    assert "eight-bits" not in slugs(found)


def test_the_smallest_machines_are_microcontrollers_then_boards_and_phones(tmp_path):
    rows = api.machines_for(str(written(tmp_path, small())))
    kinds = [row.kind for row in rows]
    assert rows[0].machine == "raspberry-pi-pico" or kinds[0] == "microcontroller"
    assert {"microcontroller", "edge", "phone", "cloud"} <= set(kinds)
    assert all(row.host_bytes.expected < MIB for row in rows if row.kind == "microcontroller")
    assert all(row.host_bytes.expected > 4 * MIB for row in rows if row.kind == "phone")


def test_custom_operators_leave_no_verdict_but_a_refusal(tmp_path):
    data = model([tensor((1, 8)), tensor((1, 8))], [operator(0, (0,), (1,))], (0,), (1,), codes=("Filter",))
    found = api.estimate(str(written(tmp_path, data)), on="raspberry-pi-pico")
    assert found.verdict is Verdict.UNKNOWN
    assert "custom-kernels" in slugs(found)


def test_what_cannot_be_estimated_is_refused_with_what_to_type(tmp_path):
    path = str(written(tmp_path, small()))
    with pytest.raises(UsageError, match="is an accelerator"):
        api.estimate(path, on="t4")
    with pytest.raises(UnknownMachine):
        api.estimate(path, on="no-such-board")
    with pytest.raises(UsageError, match="no operating system"):
        api.estimate(path, ["--runtime", "litert"], on="raspberry-pi-pico")
    with pytest.raises(UsageError, match="one process"):
        api.estimate(path, ["--ranks", "2"])
    with pytest.raises(UsageError, match="finished model"):
        api.advise(path)


def test_the_command_says_it_and_ends_with_three_where_it_does_not_fit(tmp_path, capsys):
    path = str(written(tmp_path, wide(300)))
    assert main(["estimate", "--on", "raspberry-pi-pico", "--json", path]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["target"]["runtime"] == "micro"
    assert main(["machines", "--only", "microcontroller", path]) == 0
    assert "stm32f746g-disco" in capsys.readouterr().out
