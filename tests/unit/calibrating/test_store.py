"""The user's file: readings add up, constants are handed on and removed, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.calibrating import Reading
from memfit.calibrating.store import add, remove, take_in
from memfit.errors import UsageError
from memfit.machines import load_learnt

TODAY = "2026-05-01"


def reading(size: int, kind: str = "baseline") -> Reading:
    return Reading(kind=kind, subject="torch", version="2.13.0", size=size)


def test_readings_add_up_over_calls(tmp_path: Path) -> None:
    """Lowest and highest of all, the median of them, and their count."""
    file = tmp_path / "learnt.json"

    add(file, [reading(300), reading(100)], TODAY)
    found = add(file, [reading(110)], TODAY)

    (one,) = load_learnt(file)
    assert (one.range.low, one.range.expected, one.range.high, one.readings) == (100, 110, 300, 3)
    assert found.learnt == (one,)


def test_high_never_falls_below_what_was_once_measured(tmp_path: Path) -> None:
    """A hundred small readings later the high one still stands."""
    file = tmp_path / "learnt.json"

    add(file, [reading(900), *(reading(100 + at) for at in range(100))], TODAY)

    (one,) = load_learnt(file)
    assert one.range.high == 900
    assert one.readings == 101 and len(one.sizes) == 64


def test_nothing_learnt_writes_nothing(tmp_path: Path) -> None:
    """No reading: no file comes into being."""
    found = add(tmp_path / "learnt.json", [], TODAY, ["why not"])

    assert not (tmp_path / "learnt.json").exists()
    assert found.notes == ("why not",)


def test_constants_of_another_machine_say_so(tmp_path: Path) -> None:
    """What is taken in replaces what is known, keeps the rest, and carries where it came from."""
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    add(here, [reading(100), reading(5, "first_step")], TODAY)
    add(there, [reading(200)], TODAY)

    take_in(here, there)

    found = {one.kind: one for one in load_learnt(here)}
    assert found["baseline"].range.expected == 200
    assert found["baseline"].note.startswith("from there.json")
    assert found["first_step"].range.expected == 5


def test_a_kind_or_all_can_be_forgotten(tmp_path: Path) -> None:
    """Removing a kind keeps the others; removing without one keeps nothing."""
    file = tmp_path / "learnt.json"
    add(file, [reading(100), reading(5, "first_step")], TODAY)

    remove(file, "baseline")

    assert [one.kind for one in load_learnt(file)] == ["first_step"]
    assert remove(file).constants == ()


def test_an_unknown_kind_is_named_with_those_there_are(tmp_path: Path) -> None:
    """A slip in the kind forgets nothing."""
    with pytest.raises(UsageError) as caught:
        remove(tmp_path / "learnt.json", "contexts")

    assert "context" in caught.value.hint
