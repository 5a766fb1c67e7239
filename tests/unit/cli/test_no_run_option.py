"""``--no-run`` reaches the choice of a way."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.cli.main import main


def test_a_job_that_must_run_is_refused_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorFlow without a run: exit 2, the reason, and what to do instead."""
    script = tmp_path / "train.py"
    script.write_text("import tensorflow", encoding="utf-8")

    assert main(["estimate", "--no-run", "--on", "cpu", str(script)]) == 2
    assert "executor" in capsys.readouterr().err
