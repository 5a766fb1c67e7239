"""The registry of benchmark jobs: complete, split evenly, loadable without any framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.accuracy.jobs import HALVES, JOBS

ROOT = Path(__file__).resolve().parents[3]


def test_there_are_enough_jobs_of_many_families() -> None:
    """At least 52 jobs, of at least ten families."""
    families = {job.family for job in JOBS.values()}

    assert len(JOBS) >= 52
    assert len(families) >= 10


def test_every_family_is_split_evenly_between_the_halves() -> None:
    """Within a family and overall, the halves differ by at most one job."""
    overall = Counter(job.half for job in JOBS.values())
    by_family = Counter((job.family, job.half) for job in JOBS.values())

    assert set(overall) == set(HALVES)
    assert abs(overall["tuning"] - overall["judging"]) <= 1
    for family in {job.family for job in JOBS.values()}:
        assert abs(by_family[family, "tuning"] - by_family[family, "judging"]) <= 1


def test_every_job_is_a_function_of_its_module() -> None:
    """The table names functions that exist, and every job function is in the table."""
    found = set()

    for module in {job.module for job in JOBS.values()}:
        tree = ast.parse((ROOT / "benchmarks/accuracy/jobs" / f"{module}.py").read_text(encoding="utf-8"))
        for item in tree.body:
            if isinstance(item, ast.FunctionDef) and [argument.arg for argument in item.args.args] == [
                "device",
                "steps",
                "scale",
            ]:
                found.add((module, item.name))

    assert found == {(job.module, job.name) for job in JOBS.values()}


def test_jobs_know_nothing_of_memfit() -> None:
    """No job imports or names memfit, but for the docstring of the package."""
    for file in (ROOT / "benchmarks/accuracy/jobs").glob("*.py"):
        if file.name == "__init__.py":
            continue

        assert "memfit" not in file.read_text(encoding="utf-8"), file.name


def test_the_registry_loads_no_framework() -> None:
    """A launcher that reads the registry stays small."""
    code = "import sys, benchmarks.accuracy.jobs; print([n for n in ('torch', 'numpy') if n in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
