"""Numbers that a script gives a name to, and the knobs among them: found without running it, run with others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memfit.documents import Knob
from memfit.jobs import Request
from memfit.jobs.constants import named_numbers, run_with
from memfit.jobs.knobs import accumulation_knob, batch_knobs, turned

SCRIPT = """
import argparse
BATCH_SIZE, lr = 64, 1
parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=12)
parser.add_argument("-a", "--gradient_accumulation_steps", type=int, default=4)
loader = DataLoader(data, batch_size=32, shuffle=True)
test_loader = DataLoader(data, test_batch_size=1000)
def train(micro_batch=8, *, bs=2): ...
config = {"batch_size": 16, "name": "x"}
size: int = 7
"""


def test_numbers_are_found_with_their_places() -> None:
    """Assignments, options, keyword arguments, defaults and entries of dicts; texts and floats are none."""
    found = {(one.name, one.value) for one in named_numbers(SCRIPT)}

    assert found == {
        ("BATCH_SIZE", 64), ("lr", 1), ("--batch-size", 12), ("--gradient_accumulation_steps", 4), ("batch_size", 32),
        ("test_batch_size", 1000), ("micro_batch", 8), ("bs", 2), ("batch_size", 16), ("size", 7),
    }  # fmt: skip


def test_a_text_that_is_no_python_has_none() -> None:
    """Nothing is raised for what cannot be read."""
    assert named_numbers("def (") == [] and named_numbers("a\0b") == []


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        ([], Knob(name="--batch-size", kind="option", value=12)),
        (["--batch-size", "3"], Knob(name="--batch-size", kind="argument", value=3)),
        (["--lr=1", "--train_batch_size=24"], Knob(name="--train_batch_size", kind="argument", value=24)),
        (["--eval-batch-size=99"], Knob(name="--batch-size", kind="option", value=12)),
        (["batch_size=5"], Knob(name="batch_size", kind="argument", value=5)),
    ],
)
def test_the_likeliest_batch_comes_first(arguments: list[str], first: Knob) -> None:
    """What stands on the command line before an option's default, and that before numbers in the script."""
    assert batch_knobs(SCRIPT, arguments, [])[0] == first


def test_a_loader_that_was_seen_decides_between_numbers() -> None:
    """The number that the training loader has is meant; the loader itself is the last resort."""
    loaders = [{"batch_size": 32, "trains": True}, {"batch_size": 7, "trains": False}]

    found = batch_knobs("batch_size = 32\nother_batch_size = 9", [], loaders)

    assert [(knob.kind, knob.value) for knob in found] == [("constant", 32), ("constant", 9), ("loader", 32)]


def test_accumulation_is_found() -> None:
    """By its name, wherever the batch could be."""
    assert accumulation_knob(SCRIPT, []) == Knob(name="--gradient_accumulation_steps", kind="option", value=4)
    assert accumulation_knob("x = 1", []) is None


def test_a_knob_is_turned_where_it_is() -> None:
    """On the command line, in the script, in the loader."""
    request = Request(target="train.py", arguments=("--lr=1", "--bs", "8"))

    assert turned(request, Knob(name="--bs", kind="argument", value=8), 4).arguments == ("--lr=1", "--bs", "4")
    assert turned(request, Knob(name="--n", kind="option", value=8), 4).arguments[-2:] == ("--n", "4")
    assert turned(request, Knob(name="n", kind="constant", value=8, places=("1:4",)), 4).constants == {"1:4": 4}
    loader = turned(request, Knob(name="batch_size", kind="loader", value=8), 4).changes
    assert loader == {"loader_batch": {"old": 8, "new": 4}}


def test_a_script_runs_with_other_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `python` would run it, name and all; the file stays as it is."""
    script = tmp_path / "train.py"
    script.write_text("import sys\nbatch = 12\nif __name__ == '__main__':\n    sys.seen = (batch, __file__)\n")
    (number,) = [one for one in named_numbers(script.read_text()) if one.name == "batch"]
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    run_with(script, {number.place: 3})

    assert sys.seen == (3, str(script))  # type: ignore[attr-defined]
    assert "batch = 12" in script.read_text()
