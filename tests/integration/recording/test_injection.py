"""How the marks get into a job's processes, and out of their way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.recording.conftest import Run

from memfit.recording.child.inject import SITE, environment


def test_a_plain_process_is_followed(run: Run) -> None:
    """It says hello, and at its end how much it held."""
    marked = run("print('hi')")

    assert (marked.stdout, marked.stderr, marked.code) == ("hi\n", "", 0)
    ((hello, end),) = marked.processes
    assert hello[2]["argv"][-1].endswith("job.py")
    assert (end[0], end[2] > 1 << 20) == ("x", True)


def test_the_job_sees_neither_folder(run: Run) -> None:
    """sys.path is the same as without; children find both in their environment."""
    script = """
import sys, subprocess
print([entry for entry in sys.path if "run" not in entry])
if len(sys.argv) < 2:
    print(subprocess.run([sys.executable, __file__, "child"], capture_output=True, text=True).stdout)
"""

    marked, bare = run(script), run(script, marked=False)

    assert marked.stdout == bare.stdout
    assert len(marked.processes) == 2


def test_hardly_anything_is_loaded(run: Run) -> None:
    """What a plain process has loaded beside its own: ours, and next to nothing for it."""
    script = "import sys; print(*sorted(sys.modules))"

    added = set(run(script).stdout.split()) - set(run(script, marked=False).stdout.split())

    assert {name for name in added if not name.startswith("memfit")} <= {
        *("sitecustomize", "resource", "_json", "atexit", "__future__", "itertools")
    }


def test_the_own_sitecustomize_runs(run: Run, tmp_path: Path) -> None:
    """A user's sitecustomize runs as it would without us, is the module of that name, and may fail as it would."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import sys\nsys.mine = 5\n", encoding="utf-8")
    script = "import sys, sitecustomize; print(sys.mine, sitecustomize.__file__, sitecustomize.__spec__.origin)"
    more = {"PYTHONPATH": str(tmp_path / "own")}

    marked, bare = run(script, more=more), run(script, more=more, marked=False)

    assert marked.stdout == bare.stdout
    assert marked.stdout.startswith("5 ")
    assert len(marked.processes) == 1


def test_an_own_sitecustomize_that_fails(run: Run, tmp_path: Path) -> None:
    """Python's own message about it is the same."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("raise ValueError('x')\n", encoding="utf-8")
    more = {"PYTHONPATH": str(tmp_path / "own")}

    marked, bare = run("print(1)", more=more), run("print(1)", more=more, marked=False)

    assert "Error in sitecustomize" in bare.stderr
    assert (marked.stdout, marked.stderr) == (bare.stdout, bare.stderr)


@pytest.mark.parametrize("option", ["-S", "-I", "-E"])
def test_options_that_leave_us_out(run: Run, option: str) -> None:
    """A Python that was told to look at no environment runs unmarked."""
    marked = run("print(1)", arguments=(option,))

    assert (marked.stdout, marked.stderr, marked.code, marked.processes) == ("1\n", "", 0, ())


def test_without_a_spool_nothing_is_done(tmp_path: Path) -> None:
    """A process that outlives the recording finds no folder."""
    known = {**os.environ, **environment(tmp_path / "gone", tmp_path / "no")}

    done = subprocess.run(
        [sys.executable, "-c", "import sys; print('memfit' in sys.modules)"], env=known, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_library_that_cannot_be_loaded_is_nothing_to_the_job(run: Run, tmp_path: Path) -> None:
    """Whatever is wrong with our own code, the job runs."""
    (tmp_path / "memfit").mkdir()
    (tmp_path / "memfit" / "__init__.py").write_text("raise SystemError", encoding="utf-8")
    known = {**os.environ, **environment(tmp_path, tmp_path)}

    done = subprocess.run([sys.executable, "-c", "print(1)"], env=known, capture_output=True, text=True)

    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_variables_of_a_recording_within_a_recording() -> None:
    """The outer one's folders are not kept on the path; the user's own entries are, in their order."""
    outer = environment(Path("/s1"), Path("/l1"), known={"PYTHONPATH": "/a::/b"})

    inner = environment(Path("/s2"), Path("/l2"), ["gc"], known=outer)

    assert outer["PYTHONPATH"] == os.pathsep.join([str(SITE), "/l1", "/a", "/b"])
    assert inner["PYTHONPATH"] == os.pathsep.join([str(SITE), "/l2", "/a", "/b"])
    assert (inner["MEMFIT_SPOOL"], inner["MEMFIT_PROBES"]) == ("/s2", "gc")


def test_processes_of_multiprocessing_are_followed(run: Run) -> None:
    """Those that are spawned say hello; those that are forked have a file once they mark."""
    script = """
import multiprocessing, sys
def work(value): return value + 1
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(pool.map(work, range(3)))
"""
    marked = run(script)

    assert marked.stdout == "[1, 2, 3]\n" * 2
    assert marked.stderr == ""
    assert 3 <= len(marked.processes) <= 4  # the tracker of shared resources is a Python process too
