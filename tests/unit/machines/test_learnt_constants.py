"""Constants learnt on the user's machine: kept whole, read with distrust."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from memfit.errors import InvalidDocument
from memfit.machines import LearntConstant, load_learnt, store_learnt, user_data_file
from memfit.quantities import ByteRange

ONE = LearntConstant(
    kind="context",
    subject="Tesla T4",
    version="2.6.0",
    range=ByteRange(low=100, expected=200, high=300),
    readings=4,
    date="2026-05-01",
    note="driver 580",
)


def test_constants_come_back_as_they_were_kept(tmp_path: Path) -> None:
    """What is stored is loaded, in a folder that did not exist."""
    path = tmp_path / "new" / "learnt.json"

    store_learnt(path, [ONE, replace(ONE, subject="NVIDIA L4")])

    assert load_learnt(path) == (ONE, replace(ONE, subject="NVIDIA L4"))


def test_later_constant_replaces_the_earlier(tmp_path: Path) -> None:
    """One figure for each kind, subject and version: the last one given."""
    path, newer = tmp_path / "learnt.json", replace(ONE, readings=9)

    store_learnt(path, [ONE, newer])

    assert load_learnt(path) == (newer,)


def test_nothing_learnt_yet(tmp_path: Path) -> None:
    """No file is no constants."""
    assert load_learnt(tmp_path / "learnt.json") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": 2, "constants": []}',
        '{"schema": 1, "constants": [{}]}',
        '{"schema": 1, "constants": 5}',
        '{"schema": 1, "constants": [{"kind": "k", "subject": "s", "version": "", "low_bytes": 9, "expected_bytes": 2,'
        ' "high_bytes": 3, "readings": 1, "date": "d"}]}',
        "[" * 100_000,
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is not what was written is said to be so, never half read."""
    path = tmp_path / "learnt.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidDocument, match="learnt constants"):
        load_learnt(path)


def test_where_the_file_lives(tmp_path: Path) -> None:
    """In the user's data folder, or where MEMFIT_LEARNT points."""
    assert user_data_file({"MEMFIT_LEARNT": str(tmp_path / "x.json")}) == tmp_path / "x.json"
    assert user_data_file({"XDG_DATA_HOME": str(tmp_path)}).name == "learnt.json"
