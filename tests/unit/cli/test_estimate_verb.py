"""`memfit estimate`: what reaches the estimator, what is saved and shown, and the exit code. A stand-in estimates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import memfit
from memfit import documents
from memfit.cli.main import main
from memfit.errors import JobFailed

DOCUMENTS = Path(__file__).parents[2] / "golden" / "documents"
Estimator = Callable[..., Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the estimator was asked; `answer` in it is the name of the document that it returns, or an error."""
    seen: dict[str, Any] = {"answer": "fits"}

    def estimate(target: str, arguments: list[str], **options: Any) -> documents.Estimate:
        seen.update(options, target=target, arguments=arguments)
        if isinstance(seen["answer"], BaseException):
            raise seen["answer"]
        return documents.load(DOCUMENTS / f"{seen['answer']}.json")

    monkeypatch.setattr(
        memfit,
        "api",
        SimpleNamespace(
            estimate=estimate,
            is_estimator=lambda target, words: False,
            is_model=lambda target: False,
            launched=lambda words: None,
        ),
        raising=False,
    )
    return seen


@pytest.mark.parametrize(
    ("words", "target", "arguments"),
    [
        (["train.py"], "train.py", []),
        (["--on", "cpu", "train.py", "--on", "x", "--json"], "train.py", ["--on", "x", "--json"]),
        (["--on=cpu", "train.py", "--", "-x"], "train.py", ["--", "-x"]),
        (["--on", "cpu", "--", "train.py", "-h"], "train.py", ["-h"]),
        (["-m", "--on", "cpu", "package.train", "--lr=1"], "package.train", ["--lr=1"]),
        (["--quiet", "train.py", "-m", "two words", ""], "train.py", ["-m", "two words", ""]),
    ],
)
def test_words_after_the_target_belong_to_the_script(
    words: list[str], target: str, arguments: list[str], asked: dict[str, Any]
) -> None:
    """As with python: memfit's options stand before the script, the script's after it, untouched."""
    main(["estimate", *words])

    assert (asked["target"], asked["arguments"]) == (target, arguments)
    assert asked["module"] is ("-m" in words[:1])


def test_options_reach_the_estimator(asked: dict[str, Any]) -> None:
    """Every option of the command is an argument of memfit.estimate."""
    main(
        [
            "estimate",
            "--on",
            "2xh100",
            "--steps",
            "5",
            "--timeout",
            "9.5",
            "--passes",
            "4",
            "--python",
            "py",
            "--host-memory",
            "1GiB",
            "t.py",
        ]
    )

    assert (asked["on"], asked["steps"], asked["timeout_s"], asked["passes"]) == ("2xh100", 5, 9.5, 4)
    assert (asked["python"], asked["host_memory_bytes"]) == ("py", 1 << 30)


def test_forward_only_is_a_bound_on_passes(asked: dict[str, Any]) -> None:
    """Two passes: the second runs while the results of the first are held."""
    main(["estimate", "--forward-only", "generate.py"])

    assert asked["passes"] == 2


@pytest.mark.parametrize(("answer", "code"), [("fits", 0), ("tight", 0), ("unknown-capacity", 0), ("does-not-fit", 3)])
def test_exit_code_tells_whether_it_fits(answer: str, code: int, asked: dict[str, Any]) -> None:
    """Only a job that does not fit is told apart: tight and unknown are for the reader to judge."""
    asked["answer"] = answer

    assert main(["estimate", "train.py"]) == code


def test_output_saves_the_document(asked: dict[str, Any], tmp_path: Path) -> None:
    """-o saves what `memfit report` reads."""
    main(["estimate", "-o", str(tmp_path / "saved.json"), "train.py"])

    assert documents.load(tmp_path / "saved.json") == documents.load(DOCUMENTS / "fits.json")


def test_json_is_the_document_alone(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read stdout: nothing but the document is on it."""
    main(["estimate", "--json", "train.py"])

    assert json.loads(capsys.readouterr().out)["kind"] == "estimate"


def test_quiet_is_one_line(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet prints the verdict with its figures, and no progress."""
    main(["estimate", "--quiet", "train.py"])

    told = capsys.readouterr()
    assert told.out.count("\n") == 1
    assert told.out.startswith("FITS on rtx4090-24gb: ")
    assert told.err == ""


def test_failure_of_the_job_shows_its_hint(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """What the estimator refuses is told with its hint and the place to read more."""
    asked["answer"] = JobFailed("train.py ended with ValueError: no data", hint="run it with python first")

    code = main(["estimate", "train.py"])

    assert code == 1
    assert capsys.readouterr().err == (
        "memfit: error: train.py ended with ValueError: no data\n"
        "hint: run it with python first\n"
        "more: docs/messages.md#job-failed\n"
    )


def test_option_in_the_wrong_place_is_pointed_at(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """`memfit estimate train.py --on h100` fails in the script; the hint says where --on belongs."""
    asked["answer"] = JobFailed("train.py ended with exit code 2")

    main(["estimate", "train.py", "--on", "h100"])

    assert "options of memfit stand before it" in capsys.readouterr().err


def test_forgotten_device_is_pointed_at(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A script that insists on CUDA, estimated without --on, is answered with the option that is missing."""
    asked["answer"] = JobFailed("AssertionError: Torch not compiled with CUDA enabled (train.py:3)")

    main(["estimate", "train.py"])

    assert "hint: the script wants a GPU: name one, like --on" in capsys.readouterr().err


def test_control_characters_of_a_job_do_not_reach_the_terminal(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A message that quotes the job is printed without its escape sequences."""
    asked["answer"] = JobFailed("said: \x1b[2J\x07")

    main(["estimate", "train.py"])

    assert "\x1b" not in capsys.readouterr().err


def test_interruption_ends_with_130(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is the user's wish, not an error: one line, the shell's exit code."""
    asked["answer"] = KeyboardInterrupt()

    assert main(["estimate", "train.py"]) == 130
    assert capsys.readouterr().err == "\nmemfit: interrupted\n"


def test_own_fault_is_told_as_such(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A bug of memfit is a sentence too, and says that the job is not to blame."""
    asked["answer"] = ZeroDivisionError("division by zero")

    code = main(["estimate", "train.py"])

    told = capsys.readouterr().err
    assert code == 1
    assert "memfit itself failed at test_estimate_verb.py" in told
    assert "Traceback" not in told


def test_debug_shows_the_traceback(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """--debug is for those who want to see why."""
    asked["answer"] = ZeroDivisionError("division by zero")

    main(["estimate", "--debug", "train.py"])

    assert "Traceback" in capsys.readouterr().err
