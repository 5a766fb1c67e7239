"""Starts one script of the corpus in a process group of its own, with a time limit, and says how it ended.

Trusts the interpreters it is given; a script runs in the first one in which all its packages can be found.
"""

import functools
import os
import pty
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from corpus import HERE, Script, surroundings

SOURCES = Path(os.environ.get("MEMFIT_SOURCES", HERE.parents[1] / "src"))
TIMED_OUT = 124


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended: its exit code (124 for out of time), the seconds it took, the last of what it wrote."""

    code: int
    seconds: float
    tail: str


def run(
    script: Script, command: list[str], corpus: Path, *, limit_s: float, extra: dict[str, str] | None = None
) -> Ended:
    """Runs ``command`` where ``script`` runs, in its surroundings."""
    folder = script.runs_in(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    terminal, keyboard = pty.openpty()  # as a user would, in a terminal: some scripts ask for its width
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment(script, corpus) | (extra or {}),
        stdin=keyboard,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        written, _ = process.communicate(timeout=limit_s)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        written, _ = process.communicate()
        code = TIMED_OUT
    os.close(keyboard)
    os.close(terminal)
    return Ended(code=code, seconds=time.monotonic() - started, tail=written.decode(errors="replace")[-6000:])


def environment(script: Script, corpus: Path) -> dict[str, str]:
    """Its surroundings, with memfit's sources and what made-up data needs on the path."""
    given = surroundings(script, corpus)
    paths = [str(SOURCES), str(HERE / "environment"), *filter(None, [given.get("PYTHONPATH")])]
    return given | {"PYTHONPATH": os.pathsep.join(paths)}


def interpreter(script: Script, interpreters: list[str]) -> str | None:
    """The first interpreter that has every package of ``script``, and a torch it works with; None where none has."""
    fitting = (python for python in interpreters if set(script.packages) <= _found(python))
    return next((python for python in fitting if _old_enough(python, script.torch_below)), None)


def _old_enough(python: str, below: str | None) -> bool:
    return below is None or _numbers(version_of_torch(python)) < _numbers(below)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:2])


@functools.cache
def _found(python: str) -> frozenset[str]:
    from corpus import load

    listed = [script for file in sorted(HERE.glob("*.toml")) for script in load(file=file.name)]
    names = sorted({package for script in listed for package in script.packages})
    check = (
        f"import importlib.util as u; print('\\n'.join(n for n in {names!r} if u.find_spec(n)));"
        "\ntry: import torchvision\nexcept Exception: print('-torchvision')"
    )
    lines = subprocess.run([python, "-c", check], capture_output=True, text=True, check=True).stdout.split()
    return frozenset(lines) - {line.removeprefix("-") for line in lines if line.startswith("-")}


@functools.cache
def version_of_torch(python: str) -> str:
    """The version string of torch in an interpreter."""
    command = [python, "-c", "from importlib.metadata import version; print(version('torch'))"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
