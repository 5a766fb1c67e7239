"""`memfit check`: exit codes for CI, options before a script and after a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.analysis.jobs import predicted, predicted_pool

from memfit.cli.main import main
from memfit.documents import save


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A saved estimate of 900 to 1100 MiB whose last step leaves nothing more."""
    save(predicted(), tmp_path / "estimate.json")
    return str(tmp_path / "estimate.json")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--budget", "2GiB"], 0),
        (["--budget", "1GiB"], 3),
        (["--budget", "host=1GiB"], 3),
        (["--budget", "2GiB", "--growth", "1KiB"], 0),
        (["--budget", "cuda:0=1GiB"], 2),
        (["--budget", "host=1GiB", "--budget", "host=2GiB"], 2),
        (["--budget", "much"], 2),
        ([], 2),
    ],
)
def test_exit_code_is_the_answer(file: str, words: list[str], code: int) -> None:
    """Before the file or behind it, the options mean the same."""
    assert main(["check", *words, file]) == code
    assert main(["check", file, *words]) == code


def test_growth_above_its_budget_is_code_four(tmp_path: Path) -> None:
    """The estimate's tensors stay 1 MiB more after each step: beyond 1 KiB that is 4, if the peak is within."""
    import dataclasses

    pool = predicted_pool(framework=300, activations=500)
    steps = tuple(dataclasses.replace(step, end_bytes=step.step << 20) for step in pool.steps)
    save(predicted(dataclasses.replace(pool, steps=steps)), tmp_path / "e.json")

    assert main(["check", str(tmp_path / "e.json"), "--budget", "2GiB", "--growth", "1KiB"]) == 4
    assert main(["check", str(tmp_path / "e.json"), "--budget", "1MiB", "--growth", "1KiB"]) == 3


def test_json_is_the_document(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints a document of kind check with the same verdict."""
    main(["check", file, "--budget", "1GiB", "--json"])

    document = json.loads(capsys.readouterr().out)

    assert (document["kind"], document["passed"], document["over"]) == ("check", False, True)


@pytest.mark.torch
@pytest.mark.slow
def test_a_script_is_estimated(tmp_path: Path) -> None:
    """A script in the place of the file, its own options behind it."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, torch\n"
        "net = torch.nn.Linear(int(sys.argv[1]), 64); opt = torch.optim.SGD(net.parameters())\n"
        "for _ in range(3): net(torch.randn(8, int(sys.argv[1]))).sum().backward(); opt.step(); opt.zero_grad()\n"
    )

    assert main(["check", "--budget", "8GiB", "--on", "cpu", str(script), "64"]) == 0
    assert main(["check", "--budget", "8MiB", "--on", "cpu", str(script), "64"]) == 3
