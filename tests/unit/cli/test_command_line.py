"""The command line as a user meets it: verbs, help, exit codes, errors, pipes. Runs real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENTS = Path(__file__).parents[2] / "golden" / "documents"


def memfit(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memfit", *words], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_no_words_show_the_help() -> None:
    """`memfit` alone tells what there is to type."""
    told = memfit()

    assert told.returncode == 0
    assert "memfit estimate --on" in told.stdout


def test_version_is_told() -> None:
    """`memfit --version` names the package's version."""
    told = memfit("--version")

    assert told.stdout.startswith("memfit 0.")


def test_help_loads_no_machinery() -> None:
    """`memfit --help` imports no verb, no drawing library and no framework."""
    script = (
        "import sys; sys.argv = ['memfit', '--help']\n"
        "from memfit.cli.main import main; main()\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    loaded = set(told.stderr.split())
    assert not loaded & {"rich", "torch", "numpy", "psutil", "json", "argparse", "memfit.api", "memfit.documents"}
    assert {name for name in loaded if name.startswith("memfit.cli.")} == {"memfit.cli.main"}


def test_help_loads_little_more_than_the_interpreter_does() -> None:
    """Help is instant: its cost is what it imports. benchmarks/speed/help.py measures the time, side by side."""

    def loaded(code: str) -> set[str]:
        script = f"import sys; sys.argv = ['memfit', '--help']\n{code}\nprint(*sys.modules, file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return set(done.stderr.split())

    more = loaded("from memfit.cli.main import main; main()") - loaded("import typing")

    assert len(more) <= 25


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("estmate", "memfit estimate"), ("reprot", "memfit report"), ("device", "memfit devices")],
)
def test_unknown_verb_names_the_nearest(typed: str, meant: str) -> None:
    """A typing error is answered with the verb that was meant."""
    told = memfit(typed)

    assert told.returncode == 2
    assert f"did you mean `{meant}`?" in told.stderr
    assert "docs/messages.md#unknown-verb" in told.stderr


def test_unknown_option_names_the_nearest() -> None:
    """A typing error in an option is answered with the option that was meant."""
    told = memfit("estimate", "--stepz=3", "train.py")

    assert told.returncode == 2
    assert "hint: did you mean --steps?" in told.stderr


@pytest.mark.parametrize("words", [["--steps", "0"], ["--timeout", "-1"], ["--timeout", "nan"], ["--passes", "x"]])
def test_values_out_of_bounds_are_refused(words: list[str]) -> None:
    """A value that cannot be meant is wrong usage, told in a sentence."""
    told = memfit("estimate", *words, "train.py")

    assert told.returncode == 2
    assert told.stderr.startswith(f"memfit: error: argument {words[0]}: ")
    assert "Traceback" not in told.stderr


def test_missing_target_is_wrong_usage() -> None:
    """`memfit estimate` without a script says what to type."""
    told = memfit("estimate", "--on", "cpu")

    assert told.returncode == 2
    assert "no TARGET" in told.stderr


def test_errors_are_json_for_programs() -> None:
    """With --json a failure is a document on stdout, and still a sentence on stderr."""
    told = memfit("report", "--json", "not-there.json")

    error = json.loads(told.stdout)
    assert told.returncode == 1
    assert (error["schema"], error["kind"], error["slug"]) == (1, "error", "invalid-document")
    assert error["message"] in told.stderr


def test_result_that_could_not_be_saved_is_said_before_the_work(tmp_path: Path) -> None:
    """An output in a folder that is not there fails at once, not after minutes."""
    told = memfit("estimate", "-o", str(tmp_path / "missing" / "estimate.json"), "train.py")

    assert told.returncode == 1
    assert "cannot save" in told.stderr


def test_report_shows_a_saved_estimate() -> None:
    """A report of a job that does not fit is itself no failure."""
    told = memfit("report", str(DOCUMENTS / "does-not-fit.json"), PYTHONIOENCODING="utf-8")

    assert told.returncode == 0
    assert told.stdout.startswith(" DOES NOT FIT ")
    assert "\x1b" not in told.stdout


def test_report_hands_the_document_on_as_json() -> None:
    """--json prints the document that was read."""
    told = memfit("report", "--json", str(DOCUMENTS / "fits.json"))

    assert json.loads(told.stdout) == json.loads((DOCUMENTS / "fits.json").read_text())


def test_reader_that_leaves_early_is_no_error() -> None:
    """`memfit devices | head -1` ends without a complaint."""
    told = subprocess.run(
        f"for i in 1 2 3; do '{sys.executable}' -m memfit devices --json; done | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
    )

    assert told.stderr == ""


def test_devices_are_found_by_part_of_a_name() -> None:
    """A pattern narrows the list; its case and hyphens do not matter."""
    told = memfit("devices", "--json", "A100 80GB")

    names = [device["name"] for device in json.loads(told.stdout)["devices"]]
    assert "a100-80gb" in names
    assert "h100-80gb" not in names


def test_unknown_device_names_the_nearest() -> None:
    """A device that is not in the catalogue is wrong usage, with the nearest names."""
    told = memfit("devices", "rtx4099")

    assert told.returncode == 2
    assert "did you mean rtx4090-24gb" in told.stderr
