"""docs/judgement.md says what the recorded answers say, and meets what the project promises of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.judgement.loops import cases
from benchmarks.judgement.real.benign import LOOPS as BENIGN
from benchmarks.judgement.real.leaking import LOOPS as LEAKING
from benchmarks.judgement.real.record import WORKERS

from memfit.analysis import diagnose_series

ROOT = Path(__file__).parents[3]


def test_the_judgement_page_is_that_of_the_data() -> None:
    """`judge --check` finds nothing to rewrite."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.judgement.judge", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_real_loop_is_recorded() -> None:
    """Each loop in the repository has its readings, and no readings are without their loop."""
    loops = {loop.__name__ for loop in (*LEAKING, *BENIGN)} | {WORKERS}

    assert {case.name for case in cases()} == loops
    assert {case.name for case in cases() if case.is_leak} == {loop.__name__ for loop in LEAKING}


def test_real_loops_are_judged_as_they_are() -> None:
    """Of the recorded loops none that is benign is called a leak, and every leak is found; one may be undetermined."""
    found = {case.name: diagnose_series(case.shown, summed_rss_bytes=case.summed).is_leak for case in cases()}

    wrong = [case.name for case in cases() if (found[case.name] is True) != case.is_leak]

    assert wrong == []
