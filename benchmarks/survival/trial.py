"""One trial: a recorded job that has been started, the means to do something to it, and what came of it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

JOB = Path(__file__).with_name("job.py")
_START_S = 60.0


@dataclass(slots=True, kw_only=True)
class Trial:
    """A job under `memfit run`, or one that records itself.

    Args:
        folder: of its own.
        chance: what is random in it.
        job: "growing", "family", "marking" or "inside".
        seconds: how long the job runs if it is left alone.
        output: the recording.
        options: of `memfit run`.
        shell: words of a shell that come before the command, as a limit to set.
    """

    folder: Path
    chance: random.Random
    job: str
    seconds: float = 4.0
    output: Path | None = None
    options: tuple[str, ...] = ()
    shell: str = "exec"
    process: subprocess.Popen[bytes] = field(init=False)
    died_s: float = 0.0
    said: str = ""

    @property
    def recording(self) -> Path:
        return self.output or self.folder / "job.memfit"

    @property
    def side(self) -> Path:
        return self.folder / "side"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def start(self) -> None:
        """Start it; it may be that nothing of it has begun when this returns."""
        self.temporary.mkdir()
        words = [sys.executable, str(JOB), self.job, str(self.side), str(self.seconds)]
        if self.job == "inside":
            words.append(str(self.recording))
        else:
            run = [sys.executable, "-m", "memfit", "run", "-o", str(self.recording), *self.options, "--"]
            words = [*run, *words]
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f'{self.shell} "$@"', "sh", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "stderr").open("wb"),
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,
        )

    def child(self) -> int | None:
        """The process that the first one started: the job, or the recorder of a job that records itself."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            for pid in children(self.process.pid):
                if _words(pid)[1:3] in ([str(JOB), self.job], ["-m", "memfit.recording.attached"]):
                    return pid
            time.sleep(0.005)
        return None

    def begun(self) -> bool:
        """Wait until there is a recording and an iteration; False when the job ended before."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.recording.exists() and self.side.exists() and self.side.stat().st_size:
                return True
            time.sleep(0.01)
        return False

    def wait_a_while(self, most_s: float = 2.0) -> None:
        time.sleep(self.chance.uniform(0.0, most_s))

    def kill(self, pid: int | None, *, group: bool = False) -> None:
        """SIGKILL; the time of the first death is that of the trial."""
        self.died_s = self.died_s or time.time()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(pid, signal.SIGKILL)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code of the first process."""
        code = self.process.wait(seconds)
        self.died_s = self.died_s or time.time()
        self.said = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")
        return code

    def clear(self) -> None:
        """Nothing of the trial lives on."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def told(self) -> list[tuple[float, int]]:
        """(time, number) of the iterations that the job says it made."""
        data = self.side.read_bytes() if self.side.exists() else b""
        return [(at, int(number)) for at, number in struct.iter_unpack("dd", data[: len(data) // 16 * 16])]


def children(pid: int) -> list[int]:
    """The numbers of a process's children."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _words(pid: int) -> list[str]:
    """A process's command."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []
