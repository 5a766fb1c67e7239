"""Recording from inside: ``with memfit.record() as rec``. A recorder of its own process watches this one.

    python -m memfit.recording.attached FOLDER

is that process: FOLDER holds request.json; it says "ready" on its output and records until it reads "done", its input
closes, or the process that it watches is gone.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from memfit.documents import Recording
from memfit.errors import MemfitError
from memfit.library import library
from memfit.recording.child.start import current as current_marker
from memfit.recording.child.start import start as start_marker
from memfit.recording.command import SystemClock
from memfit.recording.place import header, place
from memfit.recording.reader import read
from memfit.recording.recorder import INTERVAL_S, Recorder
from memfit.recording.spool import Spool
from memfit.recording.writer import USUAL_BYTES, Writer
from memfit.sensors.device_watch import DeviceWatch
from memfit.sensors.portable_tree import process_tree_of

if TYPE_CHECKING:
    from memfit.recording.child.marker import Marker

_START_SECONDS = 20.0
_END_SECONDS = 20.0


class Record:
    """A recording of this process and what it starts, from ``with`` to its end.

    Under `memfit run`, and without a path, the steps and phases go into the recording that is being made already.

    Args:
        path: where to; None for a name made of the program and the time, a folder for one of several ranks.
        interval_s: between samples.
        probes: experiments that this process may make on itself ("gc", "malloc_trim").

    Attributes:
        path: the file, once it is being written.

    >>> with memfit.record("job.memfit") as rec:             # doctest: +SKIP
    ...     for batch in batches:
    ...         train(batch)
    ...         rec.step()
    >>> memfit.diagnose(rec.recording).growth                # doctest: +SKIP
    """

    path: Path

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        interval_s: float = INTERVAL_S,
        largest_bytes: int = USUAL_BYTES,
        probes: Sequence[str] = (),
    ) -> None:
        self._wanted = None if path is None else os.fspath(path)
        self._interval_s = interval_s
        self._largest_bytes = largest_bytes
        self._probes = tuple(probes)
        self._marker: Marker | None = None
        self._lent = False
        self._child: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Record:
        if self._child is not None:
            raise MemfitError("this recording has begun already", hint="make a new one with memfit.record()")
        if self._wanted is None and (running := current_marker()) is not None:
            self._marker, self._lent = running, True  # `memfit run` is recording this process already
            return self
        words = sys.argv if sys.argv and sys.argv[0] else [sys.executable]
        self.path, _ = place(self._wanted, words, SystemClock())
        self._folder = tempfile.TemporaryDirectory(prefix="memfit-record-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        (folder / "spool").mkdir()
        request = {
            "pid": os.getpid(), "path": str(self.path.absolute()), "words": list(words), "interval_s": self._interval_s,
            "largest_bytes": self._largest_bytes,
        }  # fmt: skip
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        self._child = self._start(folder)
        self._marker = start_marker(str(folder / "spool"), probes=self._probes)
        return self

    def step(self, unit: str = "step", count: int = 1) -> None:
        """An iteration has just ended, says the job: what a framework says of the same unit counts no more."""
        if self._marker is not None:
            self._marker.by_hand(unit, count)

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase as a context manager: ``with rec.phase("evaluation"): …``."""
        if self._marker is None:
            raise MemfitError(
                "the recording has not begun", hint="with memfit.record() as rec: …", slug="not-recording"
            )
        return self._marker.phase(name)

    @property
    def recording(self) -> Recording:
        """What has been written so far; all of it after the ``with`` block.

        Raises:
            MemfitError: nothing was recorded yet, or `memfit run` records this process and has the file.
        """
        if self._child is None:
            why = "`memfit run` writes it" if self._lent else "it has not begun"
            raise MemfitError(
                f"there is no recording here: {why}", hint="memfit.record(path) makes its own", slug="not-recording"
            )
        return read(self.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lent:
            return
        if self._marker is not None:
            self._marker.close()
        if self._child is not None and self._child.stdin is not None:
            try:
                self._child.stdin.write("done\n")
                self._child.stdin.close()
                self._child.wait(_END_SECONDS)
            except BrokenPipeError:  # the recorder was killed
                self._child.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self, folder: Path) -> subprocess.Popen[str]:
        """The recorder, once it has said that it is ready."""
        environment = {**os.environ, "PYTHONPATH": _search_path(library(folder))}
        child = subprocess.Popen(
            [sys.executable, "-m", "memfit.recording.attached", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            start_new_session=os.name == "posix",
        )  # fmt: skip
        assert child.stdout is not None and child.stderr is not None
        if child.stdout.readline().strip() != "ready":
            said = child.stderr.read().strip().splitlines()
            child.wait(_START_SECONDS)
            raise MemfitError(f"the recorder did not start: {said[-1] if said else 'it said nothing'}", slug="internal")
        return child


def _search_path(folder: Path) -> str:
    """For the recorder, which needs what memfit needs: this process's own packages, memfit first."""
    return os.pathsep.join([str(folder), *[entry for entry in sys.path if entry]])


def main(folder: Path) -> None:
    """Record the process that asked for it until it closes our input or ends."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    clock, devices = SystemClock(), DeviceWatch(os.environ)
    head = header(request["words"], os.environ, clock, devices, interval_s=request["interval_s"])
    writer = Writer(Path(request["path"]), head, largest_bytes=request["largest_bytes"])
    tree = process_tree_of(request["pid"], without=os.getpid())
    recorder = Recorder(
        writer, tree, clock, interval_s=request["interval_s"], devices=devices,
        spool=Spool(folder / "spool", clock.monotonic()),
    )  # fmt: skip
    recorder.tick()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    told: str | None = None
    while tree.members and told is None:
        if select.select([sys.stdin], [], [], recorder.pause_s())[0]:
            told = sys.stdin.readline()  # empty when the process ended without a word
        recorder.tick()
    if told:
        recorder.finish("detached", text="recorded from inside, to the end of the block")
    elif recorder.kills.look(clock.monotonic()) or recorder.kills.recent(clock.monotonic()):
        recorder.finish("oom_killed", signal=9, text="the kernel killed the process for memory within the block")
    else:
        recorder.finish("lost", text="the process ended within the recorded block")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
