"""The page on published figures is what its data gives, and its data is whole."""

from __future__ import annotations

import json
import shlex

from benchmarks.published import predict
from benchmarks.published.figures import HALVES, METRICS, rows, sources
from benchmarks.published.page import PAGE, judged, text

from memfit.recipes import naming
from memfit.recipes.wishes import read


def test_page_is_current() -> None:
    """docs/published-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m benchmarks.published.page"


def test_every_row_can_be_asked() -> None:
    """Its model comes along, its words are the recipe's, its half and metric are known, and it is there once."""
    seen = set()
    for row in rows():
        read(["-", *shlex.split(row.words)], row.name)
        read(["-", *shlex.split(f"{row.words} {row.later}")], row.name)
        assert {row.model, row.later_model} <= set(naming.known()), row.model
        assert row.half in HALVES and row.metric in METRICS and row.peak_bytes > 1 << 28, row.name
        assert (row.source, row.name, row.metric) not in seen, row.name
        seen.add((row.source, row.name, row.metric))


def test_rows_of_one_command_are_told_apart_by_what_was_added(tmp_path, monkeypatch) -> None:
    """Two documents ask the same of two versions; what was said with some of a row's words stands in for all."""
    found = [row for row in rows() if row.command == "hf:Qwen/Qwen2.5-0.5B --seq 1 --generate 2048 --on a100-80gb"]
    older, newer = sorted(found, key=lambda row: row.later)
    assert older.later != newer.later
    monkeypatch.setattr(predict, "FIRST", tmp_path / "first.jsonl")
    monkeypatch.setattr(predict, "LATER", tmp_path / "later.jsonl")
    assert predict.newest(older) is None
    lines = [
        {"command": older.command, "said": "at first"},
        {"command": older.command, "added": older.later, "said": "later"},
    ]
    predict.FIRST.write_text(json.dumps(lines[0]) + "\n")
    predict.LATER.write_text(json.dumps(lines[1]) + "\n")
    assert predict.newest(older)["said"] == "later"
    assert predict.newest(newer)["said"] == "at first"


def test_what_its_own_document_rules_out_is_below_what_it_holds() -> None:
    """Weights, gradients and Adam's two states, over the devices that share them."""
    full = [row for row in rows() if "--train full" in row.words and row.on.startswith("4x")]
    assert {(row.copies, row.ranks) for row in full} == {(4, 4)}
    assert {(row.copies, row.ranks) for row in rows() if "ddp" in row.words} == {(1, 1)}


def test_sources_say_where_and_when() -> None:
    """Every source has its address, and what it leaves uncovered has its reason."""
    for source in sources():
        assert source["address"].startswith("https://"), source["name"]
        assert source["date"] and source["versions"] and source["measured"], source["name"]
        assert all(each["rows"] > 0 and each["why"] for each in source.get("not_covered", ()))


def test_every_miss_has_its_cause() -> None:
    """A row that is off by more than a tenth, or above `high`, says why."""
    assert [each.row.name for each in judged() if each.missed and not each.row.why] == []
