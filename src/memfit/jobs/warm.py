"""The parent's side of jobs.variants: variants of one job, one after another, each in a fork of a warm process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from memfit.errors import JobFailed, JobTimedOut
from memfit.jobs.launch import Seen, environment_of_child, result, write_request
from memfit.jobs.request import Request

_GRACE_SECONDS = 20.0  # as in launch: the child ends itself at its time limit


class Warm:
    """A process with the framework loaded; started at once, closed with the context.

    Args:
        python: the interpreter; this one by default.
        libraries: modules beside the framework that the jobs import, as far as they are installed there.
    """

    def __init__(self, python: str | None = None, libraries: Sequence[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="memfit-")
        self._count = 0
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [python or sys.executable, "-m", "memfit.jobs.variants", *libraries],
            env=environment_of_child(Path(self._folder.name)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def look_at(self, request: Request) -> Seen:
        """Simulate one variant.

        Raises:
            MemfitError: what went wrong, in a sentence.
        """
        self._count += 1
        folder = Path(self._folder.name) / str(self._count)
        folder.mkdir()
        write_request(folder, request)
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None and answers is not None
        try:
            asked.write(f"{folder}\n".encode())
            asked.flush()
        except OSError as error:
            raise JobFailed("the process that simulates variants has ended", slug="child-died") from error
        self._wait(answers, request.timeout_s + _GRACE_SECONDS)
        return result(folder, 0, request)

    def _wait(self, answers: IO[bytes], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        ready, _, _ = select.select([answers], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise JobTimedOut(
                f"a variant of the job did not end within {seconds:g} s", hint="give it longer with --timeout"
            )
        if not answers.readline():
            raise JobFailed("the process that simulates variants has ended", slug="child-died")

    def __enter__(self) -> Warm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()

    def _kill(self) -> None:
        """End it and the fork that it waits for: they have a session of their own."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
