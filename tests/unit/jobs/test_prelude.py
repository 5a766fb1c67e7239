"""What a script does first: only what would be done anyhow, in its order, and nothing that is the job's own."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from memfit.jobs.prelude import execute, prelude


def told(code: str, folder: Path) -> list[str]:
    return [ast.unparse(each) for each in prelude(code, folder)]


def test_imports_and_the_environment_are_taken(tmp_path: Path) -> None:
    """Docstrings between them do not end them."""
    code = (
        '"""Title."""\nfrom __future__ import annotations\nimport os\nos.environ["A"] = "1"\n'
        'os.environ.setdefault("B", "2")\n"""Text."""\nimport json as j\nfrom ast import parse\n'
    )

    assert told(code, tmp_path) == [
        "from __future__ import annotations", "import os", "os.environ['A'] = '1'",
        "os.environ.setdefault('B', '2')", "import json as j", "from ast import parse",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ending",
    [
        "x = 1",
        "os.environ['A'] = str(1)",
        "from helpers import model",
        "import package.part",
        "from . import model",
        "import is_not_installed_anywhere",
        "try:\n    import json\nexcept ImportError:\n    pass",
    ],
)
def test_what_may_do_anything_ends_it(ending: str, tmp_path: Path) -> None:
    """Statements, values that are computed, modules of the script's own folder, and all that stands behind them."""
    (tmp_path / "helpers.py").touch()
    (tmp_path / "package").mkdir()

    assert told(f"import os\n{ending}\nimport json\n", tmp_path) == ["import os"]


def test_text_that_is_no_script_has_none(tmp_path: Path) -> None:
    """A syntax error is the script's to tell."""
    assert prelude("import (", tmp_path) == []


def test_what_fails_ends_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script meets it again by itself."""
    monkeypatch.setenv("MEMFIT_PRELUDE", "0")
    code = "import os\nos.environ['MEMFIT_PRELUDE'] = '1'\nfrom json import nothing\nos.environ['MEMFIT_PRELUDE'] = '2'"

    execute(ast.parse(code).body, "train.py")

    assert os.environ["MEMFIT_PRELUDE"] == "1"
