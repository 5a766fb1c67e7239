"""`memfit advise`: shown, printed as JSON, saved and read again; a patch for review; exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memfit import api
from memfit.advice import Review
from memfit.cli.main import main
from memfit.documents import Advice, Change, Hint, LargestBatch, Plan
from memfit.quantities import GIB, ByteRange

PEAK = ByteRange(low=5 * GIB, expected=6 * GIB, high=7 * GIB)
FITTING = ByteRange(low=2 * GIB, expected=3 * GIB, high=4 * GIB)
CHANGE = Change(
    slug="activation-checkpointing", title="recompute Block", saves_bytes=3 * GIB, costs="33 % more time",
    how="checkpoint(block, x)", where="train.py:9", time_factor=1.33,
)  # fmt: skip


def advice(*, fits: bool) -> Advice:
    return Advice(
        target={"kind": "script", "name": "train.py", "arguments": ["--bs", "8"]},
        machine="t4",
        pool="cuda:0",
        budget_bytes=5 * GIB if fits else GIB,
        now_bytes=PEAK,
        plans=(Plan(changes=(CHANGE,), peak_bytes=FITTING, fits=fits, time_factor=1.33, measured_bytes=3 * GIB),),
        floor_bytes=FITTING,
        floor_holds={"parameters": 2 * GIB, "framework": GIB},
        largest_batch=LargestBatch(
            name="--bs", now=8, batch=5, peak_bytes=FITTING, next_peak_bytes=PEAK, likely_batch=6, accumulation=2,
            how="--bs 5",
        ),
        hints=(Hint(slug="batch-not-found", text="a hint\x1b[2J", how="type this"),),
        cost={"seconds": 9.0, "estimates": 12},
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the front door was asked; it answers with advice that fits within more than a GiB."""
    calls: list[dict[str, Any]] = []

    def advised(name: str, words: list[str], **options: Any) -> tuple[Advice, Review]:
        calls.append({"name": name, "words": words, **options})
        patch = Review(
            patch="--- a/train.py\n+++ b/train.py\n", environment={"X": "1"}, arguments=("--bs", "4"),
            by_hand=(("amp", "with torch.autocast(…)"),),
        )  # fmt: skip
        return advice(fits=options["within_bytes"] != GIB), patch

    monkeypatch.setattr(api, "advised", advised)
    return calls


def test_plans_are_shown_with_what_to_type(asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    """Savings, costs, code, the largest batch, and no control characters; exit code 0."""
    assert main(["advise", "--on", "t4", "train.py", "--bs", "8"]) == 0

    text = capsys.readouterr().out
    for words in ("CAN FIT", "-3.00 GiB", "33 % more time", "train.py:9: checkpoint(block, x)", "3.00 GiB measured",
                  "6 does not fit", "--bs 5", "type this"):  # fmt: skip
        assert words in text.replace("\n", " ") or words in " ".join(text.split())
    assert "\x1b" not in text
    assert asked[0]["on"] == "t4" and asked[0]["words"] == ["--bs", "8"]


def test_nothing_that_fits_is_exit_code_3_and_shows_the_floor(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """An impossible budget: the lowest that changes come to, and what holds it."""
    assert main(["advise", "--within", "1GiB", "train.py"]) == 3

    text = " ".join(capsys.readouterr().out.split())
    assert "DOES NOT FIT" in text and "the lowest that any changes came to: plan with 4.00 GiB" in text
    assert "parameters 2.00 GiB" in text


def test_json_is_the_document_and_is_read_again(
    asked: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The contract: schema, kind, plans with changes and peaks; `memfit report` shows a saved one."""
    saved = tmp_path / "advice.json"

    assert main(["advise", "--json", "-o", str(saved), "train.py"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["kind"], told["budget_bytes"]) == (1, "advice", 5 * GIB)
    plan = told["plans"][0]
    assert {"slug", "saves_bytes", "costs", "how"} <= set(plan["changes"][0])
    assert plan["peak_bytes"] == {"low": 2 * GIB, "expected": 3 * GIB, "high": 4 * GIB}
    assert api.load(saved) == advice(fits=True)
    assert main(["report", str(saved)]) == 0
    assert "recompute Block" in capsys.readouterr().out


def test_a_saved_one_becomes_a_page(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    """Every plan with its meter and what to type, the largest batch, hints; nothing of the job's text is markup."""
    saved, page = tmp_path / "advice.json", tmp_path / "advice.html"
    main(["advise", "-o", str(saved), "train.py"])

    assert main(["report", str(saved), "-o", str(page)]) == 0

    text = page.read_text(encoding="utf-8")
    for words in ("recompute Block", "checkpoint(block, x)", "train.py:9", "-3.00 GiB", "The largest batch", "a hint",
                  "measured 3.00 GiB", "can fit"):  # fmt: skip
        assert words in text
    assert "\x1b" not in text


def test_apply_writes_a_file_to_review(
    asked: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is edited: a file is written that says what to set and holds the patch."""
    target = tmp_path / "try.patch"

    assert main(["advise", "--apply", str(target), "--on", "t4", "train.py"]) == 0

    text = target.read_text(encoding="utf-8")
    assert "# set: export X=1" in text and "# run with: --bs 4" in text and "# by hand: amp" in text
    assert text.endswith("+++ b/train.py\n")
    assert "review it" in capsys.readouterr().err


def test_wishes_are_passed_on(asked: list[dict[str, Any]]) -> None:
    """What may be considered, and what may happen to the results."""
    main(["advise", "--results", "same", "--without", "smaller-batch", "--only", "mixed-precision", "train.py"])

    wishes = asked[0]["wishes"]
    assert (wishes.results, wishes.without, wishes.only) == (
        "same", frozenset({"smaller-batch"}), frozenset({"mixed-precision"}),
    )  # fmt: skip


def test_ranks_are_passed_on_by_number_and_by_launcher(asked: list[dict[str, Any]]) -> None:
    """Advice for a job of several processes is no advice for one of them alone."""
    main(["advise", "--ranks", "2x8", "train.py"])
    main(["advise", "torchrun", "--nproc-per-node", "4", "train.py", "--bs", "8"])

    assert [(each["ranks"], each["name"], list(each["words"])) for each in asked] == [
        ("2x8", "train.py", []),
        ("1x4", "train.py", ["--bs", "8"]),
    ]
