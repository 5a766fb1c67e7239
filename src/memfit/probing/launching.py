"""Where probes come from: a warm process that has imported what they need and forks, or a fork of this process.

The warm process is of any interpreter, starts once, and is small: what it holds is the baseline. A callable that
another process cannot find again (a closure, something of a notebook) is probed by forking this one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from memfit.errors import MemfitError
from memfit.library import library
from memfit.probing.child import reading
from memfit.probing.watching import Limits, Reading, Watch


class Source(Protocol):
    """Something that makes probes.

    Attributes:
        held_bytes: what the probing process holds before it forks: the import baseline, or this process.
    """

    held_bytes: int

    def probe(self, size: int, limits: Limits) -> Reading: ...


def source_of(
    call: Callable[[Any], Any], *, modules: Sequence[str] = (), python: str | None = None
) -> WarmProcess | ForkOfThis:
    """The best source for a callable: a warm process where it can be found again, else a fork of this one."""
    found = findable(call)
    if found is None:
        return ForkOfThis(call)
    return WarmProcess(found, modules=modules, python=python)


def findable(call: Callable[[Any], Any]) -> bytes | None:
    """The callable pickled, when a process that has not run ``__main__`` can load it; else None."""
    try:
        told = pickle.dumps(call)
    except Exception:  # a class's own __reduce__ may raise anything
        return None
    return None if b"__main__" in told or b"__mp_main__" in told else told


class WarmProcess:
    """A process that has imported the callable's modules and forks a probe for each size.

    Args:
        call: the callable, pickled.
        modules: to import besides.
        python: the interpreter; this one by default. It needs no memfit of its own.

    Raises:
        MemfitError: it cannot be started, or the callable cannot be loaded there.
    """

    def __init__(self, call: bytes, *, modules: Sequence[str] = (), python: str | None = None) -> None:
        _check_system()
        self._call = base64.b64encode(call).decode("ascii")
        self._folder = tempfile.TemporaryDirectory(prefix="memfit-probe-")
        self._count = 0
        requests, ours = os.pipe()
        theirs, answers = os.pipe()
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, "-m", "memfit.probing.child.zygote", str(requests), str(answers)],
                env=self._environment(),
                pass_fds=(requests, answers),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise _failed(f"cannot start {python or sys.executable}: {error.strerror}") from error
        finally:
            os.close(requests)
            os.close(answers)
        self._requests = os.fdopen(ours, "w", encoding="utf-8")
        self._answers = os.fdopen(theirs, encoding="utf-8")
        self.held_bytes = self._warmed(modules)

    def probe(self, size: int, limits: Limits) -> Reading:
        """Fork a probe and follow it to its end."""
        self._count += 1
        files = _files(Path(self._folder.name), self._count)
        pid = int(self._ask({"call": self._call, "size": size, "files": files})["pid"])
        watch = Watch(pid, files, limits, lambda: _ended(pid))
        found = watch.follow(size)
        self._answer()
        return found

    def close(self) -> None:
        """End the warm process."""
        with contextlib.suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        self._folder.cleanup()

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if error is not None:
            self._process.kill()
        self.close()

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        environment.pop("MEMFIT_SPOOL", None)  # within a recorded job: a probe is no step of it
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait do not spin: probes share the machine
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = str(library(Path(self._folder.name))) + (os.pathsep + known if known else "")
        return environment

    def _warmed(self, modules: Sequence[str]) -> int:
        own = sys.path if self._process.args[0] == sys.executable else []  # type: ignore[index]
        told = self._ask({"modules": list(modules), "path": [*own], "call": self._call})
        if "error" in told:
            self.close()
            raise _failed(f"what is to be probed cannot be loaded: {told['error']}")
        return int(told["held_bytes"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
        except BrokenPipeError as error:
            raise _failed("the process that probes has ended") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise _failed("the process that probes ended without an answer")
        told = json.loads(line)
        assert isinstance(told, dict)
        return told


class ForkOfThis:
    """Probes are forks of this process: they find its objects, closures and data without copying them.

    Threads of this process do not exist in a fork: a library that waits for its own pool there hangs, and is stopped
    by the time limit.

    Args:
        call: the callable.
        folder: where probes leave their readings; the system's own for such by default.
    """

    def __init__(self, call: Callable[[Any], Any], *, folder: Path | None = None) -> None:
        _check_system()
        self._folder = folder
        self._callable = call
        self.held_bytes = reading.sizes().get("VmRSS", 0)

    def probe(self, size: int, limits: Limits) -> Reading:
        """Fork a probe and follow it to its end."""
        mapped = reading.mapped_files()
        with tempfile.TemporaryDirectory(prefix="memfit-probe-", dir=self._folder) as folder:
            files = _files(Path(folder), 1)
            pid = os.fork()
            if pid == 0:
                reading.run(lambda: self._callable, size, files, mapped)
            return Watch(pid, files, limits, lambda: os.waitpid(pid, os.WNOHANG)[0] != 0).follow(size)

    def close(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> ForkOfThis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        return None


def _files(folder: Path, number: int) -> dict[str, str]:
    return {name: str(folder / f"{name}-{number}") for name in ("log", "began", "reading")}


def _ended(pid: int) -> bool:
    """Whether a process that is another's child has ended; unburied counts."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not _exists(pid)
    return text.rpartition(")")[2].split()[0] in "ZX"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _check_system() -> None:
    if not hasattr(os, "fork"):
        raise MemfitError(
            "probing forks processes, which this system does not have",
            hint="probe on Linux, or in its subsystem on Windows",
            slug="cannot-probe",
        )


def _failed(text: str) -> MemfitError:
    return MemfitError(text, hint="check that the interpreter (--python) has what it needs", slug="cannot-probe")
