"""Runs small scripts as a recorded job's processes run, and reads what they left in the spool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import memfit
from memfit.recording.child.inject import environment


@dataclass(frozen=True)
class Marked:
    """What came of a script: its result, and its processes' lines by process."""

    stdout: str
    stderr: str
    code: int
    processes: tuple[tuple[list[Any], ...], ...]

    def of(self, kind: str) -> list[list[Any]]:
        return [line for lines in self.processes for line in lines if line[0] == kind]

    @property
    def counts(self) -> dict[str, int]:
        """Iterations by unit, of all processes."""
        counted: dict[str, int] = {}
        for lines in self.processes:
            last = {line[2]: line[3] for line in lines if line[0] == "i"}
            counted = {unit: counted.get(unit, 0) + last.get(unit, 0) for unit in {*counted, *last}}
        return counted

    @property
    def totals(self) -> dict[str, Any]:
        """Phases summed, of the process that has the most."""
        last = [[line[2] for line in lines if line[0] == "t"][-1:] for lines in self.processes]
        return max((found[0] for found in last if found), key=len, default={})

    @property
    def roles(self) -> list[tuple[str, int | None]]:
        return sorted(((line[2], line[3]) for line in self.of("r")), key=str)

    @property
    def notes(self) -> list[str]:
        return [line[3] for line in self.of("n")]


Run = Callable[..., Marked]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a script's text; ``arguments`` go to Python before it, ``more`` is added to the environment."""

    def run(
        script: str,
        *,
        arguments: tuple[str, ...] = (),
        more: dict[str, str] | None = None,
        marked: bool = True,
        python: str = sys.executable,
    ) -> Marked:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        spool, library = folder / "spool", folder / "library"
        spool.mkdir(parents=True)
        library.mkdir()
        (library / "memfit").symlink_to(Path(memfit.__file__).resolve().parent, target_is_directory=True)
        (folder / "job.py").write_text(script, encoding="utf-8")
        known = {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **(more or {})}
        if marked:
            known |= environment(spool, library, known=known)
        command = [python, *arguments, str(folder / "job.py")]
        done = subprocess.run(command, env=known, capture_output=True, text=True, cwd=folder, timeout=300)
        processes = tuple(
            tuple(json.loads(line) for line in path.read_text(encoding="ascii").splitlines() if line)
            for path in sorted(spool.iterdir())
        )
        return Marked(done.stdout, done.stderr, done.returncode, processes)

    return run
