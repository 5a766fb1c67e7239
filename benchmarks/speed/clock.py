"""Runs a command in a fresh process and says how long it took and how large the process became.

Trusts wait4 from this small process: a child's ru_maxrss starts from its parent's size, so nothing heavy is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT, surroundings

DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process: wall and processor seconds, high-water mark in bytes, exit code, what it printed.

    On a machine that others use, processor seconds are the fairer figure.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    code: int
    output: str
    errors: str

    @property
    def times(self) -> dict[str, object]:
        """As a benchmark's row keeps them."""
        return {"process_seconds": round(self.seconds, 2), "process_cpu_seconds": round(self.cpu_seconds, 2)}


def timed(command: list[str]) -> Run:
    """Runs it from the repository's root with memfit importable."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=complained)
        _, status, usage = os.wait4(child.pid, 0)  # not communicate(): it would take the child's usage away
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        return Run(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * 1024,
            code=child.returncode,
            output=said.read(),
            errors=complained.read(),
        )


def estimated(words: list[str]) -> tuple[Run, dict[str, Any] | None]:
    """Runs ``memfit estimate --quiet WORDS`` in a fresh process; with its document, None where it made none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        run = timed([sys.executable, "-m", "memfit", "estimate", "--quiet", "-o", str(file), *words])
        return run, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def keep(name: str, result: dict[str, object]) -> None:
    """Writes one benchmark's figures with where they were taken."""
    DATA.mkdir(parents=True, exist_ok=True)
    document = {"command": f"python -m benchmarks.speed.{name}", **surroundings(), "result": result}
    (DATA / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
