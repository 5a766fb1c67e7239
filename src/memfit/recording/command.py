"""Runs the user's command and records it. The command keeps its input, its output, its signals and its exit code."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memfit.documents import JobState
from memfit.errors import MemfitError, UsageError
from memfit.library import library
from memfit.quantities import format_bytes
from memfit.recording.child.inject import environment as injected
from memfit.recording.place import header, place
from memfit.recording.recorder import INTERVAL_S, Recorder
from memfit.recording.spool import Spool
from memfit.recording.warning import Watchman
from memfit.recording.writer import USUAL_BYTES, Writer
from memfit.sensors.device_watch import DeviceWatch
from memfit.sensors.portable_tree import process_tree_of

_LONGEST_SLEEP_S = 1.0
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH", "SIGINT", "SIGQUIT")
_BY_TERMINAL = ("SIGINT", "SIGQUIT")
_SI_USER = 0  # siginfo: sent by kill(2), not by the terminal, which reaches the command by itself
_START_HINTS = {
    errno.ENOEXEC: "a script needs a first line like #!/bin/sh, or its interpreter before it: memfit run -- sh FILE …",
    errno.ENOENT: "the first line of the script names an interpreter that is not there",
    errno.E2BIG: "the command is too long for the system: give it a file with the arguments",
}
_LARGEST_CODE = 128  # siginfo: SI_KERNEL
_SUBREAPER = 36  # prctl(2): PR_SET_CHILD_SUBREAPER


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    def cpu(self) -> float:
        return time.thread_time()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to record.

    Args:
        interval_s: between samples of the resident sizes.
        largest_bytes: of the file; it is thinned when it would grow beyond.
        marks: whether to look into the job's Python processes for iterations and phases.
        probes: experiments that the job's processes may make on themselves ("gc", "malloc_trim").
        warn_at: share of a limit at which to warn; None never.
        warn: called with the sentence.
        stop_at: share of a limit at which the command is sent SIGTERM; None never.
        follow: go on while processes that the command left behind are alive.
        observe: called about once a second with the state.
    """

    interval_s: float = INTERVAL_S
    largest_bytes: int = USUAL_BYTES
    marks: bool = True
    probes: tuple[str, ...] = ()
    warn_at: float | None = None
    warn: Callable[[str], None] = lambda text: None
    stop_at: float | None = None
    follow: bool = False
    observe: Callable[[JobState], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a command.

    Args:
        exit_code: as a shell would tell it: 128 + n for a command that signal n ended.
        path: the recording.
        moved: where an earlier file of that name is now; None when there was none.
        peaks: the highest that the job held in each pool, in bytes.
        text: how it ended, for a person.
    """

    exit_code: int
    path: Path
    moved: Path | None
    peaks: Mapping[str, int]
    text: str

    @property
    def summary(self) -> str:
        """One line for the end of a run."""
        sizes = ", ".join(f"{pool} {format_bytes(size)}" for pool, size in sorted(self.peaks.items()))
        kept = f" (the file that was there is now {self.moved})" if self.moved else ""
        return f"memfit: peak {sizes or 'not read'}; {self.text}; recorded in {self.path}{kept}"


def record_command(words: Sequence[str], output: str | None, options: Options) -> Outcome:
    """Run a command to its end and record it.

    Args:
        words: the command and its arguments.
        output: where the recording goes; None for a name made of the command.
        options: how.

    Raises:
        UsageError: there is no such command (exit code 127) or it may not be run (126).
        MemfitError: the recording cannot be written.
    """
    program = _program(words)
    clock = SystemClock()
    path, moved = place(output, words, clock)
    with _spool_folder() as folder:
        environment = _environment(folder, options)
        devices = DeviceWatch(environment)
        head = header(words, environment, clock, devices, interval_s=options.interval_s)
        writer = _writer(path, head, options)
        adopted = _adopt_orphans()
        with _signals_waiting() as waiting:
            try:
                child = _start(program, words, environment, waiting)
            except UsageError:
                _take_back(writer, moved)
                raise
            recorder = Recorder(
                writer,
                process_tree_of(*((os.getpid(),) if adopted else (child.pid,)), itself=not adopted),
                clock,
                interval_s=options.interval_s,
                devices=devices,
                spool=Spool(folder / "spool", clock.monotonic()),
                watchmen=_watchmen(options, child),
                observe=options.observe,
            )
            code = _follow(child, recorder, waiting, options)
            text = _finish(recorder, code, clock.monotonic())
    return Outcome(
        exit_code=128 - code if code < 0 else code, path=writer.path, moved=moved, peaks=recorder.peaks(), text=text
    )


def _program(words: Sequence[str]) -> str:
    if not words:
        raise UsageError("no command to run", hint="memfit run -o job.memfit -- python train.py", slug="no-command")
    found = shutil.which(words[0])
    if found is not None:
        return found
    target = Path(words[0])
    why, code = ("may not be run", 126) if target.exists() else ("was not found", 127)
    hint = f"memfit run -- python {words[0]} …" if target.suffix == ".py" else "is it spelled right, and on the PATH?"
    error = UsageError(f"the command {words[0]!r} {why}", hint=hint, slug="no-command")
    error.exit_code = code
    raise error


@contextlib.contextmanager
def _spool_folder() -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        try:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="memfit-run-", ignore_cleanup_errors=True))
            folder = Path(name)
            folder.chmod(0o711)  # a job that changes its user must reach its own spool
            (folder / "spool").mkdir()
            (folder / "spool").chmod(0o1733)
        except OSError as error:
            raise MemfitError(
                f"cannot make a temporary folder: {error.strerror}", hint="set TMPDIR to a folder with room",
                slug="cannot-save",
            ) from error  # fmt: skip
        yield folder


def _environment(folder: Path, options: Options) -> dict[str, str]:
    environment = dict(os.environ)
    if options.marks:
        environment |= injected(folder / "spool", library(folder), options.probes)
    return environment


def _writer(path: Path, head: dict[str, object], options: Options) -> Writer:
    try:
        return Writer(path, head, largest_bytes=options.largest_bytes)
    except OSError as error:
        raise MemfitError(
            f"cannot write {path}: {error.strerror}", hint="give -o a file in a writable folder", slug="cannot-save"
        ) from error


def _adopt_orphans() -> bool:
    """Processes whose parent ended come to us instead of to init, so that what the command leaves behind is seen."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


@contextlib.contextmanager
def _signals_waiting() -> Iterator[frozenset[signal.Signals]]:
    """Signals that this process would die of or miss wait until they are asked for."""
    names = (*_FORWARDED, "SIGCHLD")
    waiting = frozenset(getattr(signal, name) for name in names if hasattr(signal, name))
    if not hasattr(signal, "sigtimedwait"):  # macOS, Windows: the terminal's signals are left to the command
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield frozenset()
        finally:
            signal.signal(signal.SIGINT, before)
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
    try:
        yield waiting
    finally:
        while signal.sigtimedwait(waiting, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start(
    program: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    waiting: frozenset[signal.Signals],
) -> subprocess.Popen[bytes]:
    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waiting)
        if not waiting:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        return subprocess.Popen(
            list(words),
            executable=program,
            env=dict(environment),
            close_fds=False,
            preexec_fn=unblock if os.name == "posix" else None,  # no thread is running yet
        )
    except OSError as error:
        hint = _START_HINTS.get(error.errno or 0, "")
        failed = UsageError(f"cannot run {words[0]}: {error.strerror}", hint=hint, slug="no-command")
        failed.exit_code = 126
        raise failed from error


def _take_back(writer: Writer, moved: Path | None) -> None:
    """Nothing was recorded: what was there before is there again."""
    writer.close({"k": "end", "t": 0.0, "how": "exited", "exit_code": 126, "signal": None, "text": "not started"})
    with contextlib.suppress(OSError):
        writer.path.unlink()
        if moved is not None:
            moved.replace(writer.path)


def _watchmen(options: Options, child: subprocess.Popen[bytes]) -> list[Watchman]:
    found = []
    if options.warn_at is not None:
        found.append(Watchman(mark=options.warn_at, slug="limit-near", warn=options.warn))
    if options.stop_at is not None:

        def stop(text: str) -> None:
            options.warn(f"{text}: the command is ended, as --stop-at asks")
            child.terminate()

        found.append(Watchman(mark=options.stop_at, slug="stopped-at-limit", warn=stop))
    return found


def _follow(
    child: subprocess.Popen[bytes], recorder: Recorder, waiting: frozenset[signal.Signals], options: Options
) -> int:
    """Record until the command has ended; returns its code, negative for a signal."""
    code: int | None = None
    while not recorder.failure:
        _tick(recorder, options)
        code = child.poll() if code is None else code
        if code is not None:
            left = _left_behind(recorder)
            if not left or not options.follow:
                return code
        _sleep(min(recorder.pause_s(), _LONGEST_SLEEP_S), child, waiting)
    while (code := child.poll()) is None:
        _sleep(_LONGEST_SLEEP_S, child, waiting)
    return code


def _tick(recorder: Recorder, options: Options) -> None:
    """Record, or let it be: the job comes first, and ends as it would have ended without us."""
    try:
        recorder.tick()
    except Exception as error:  # out of memory, a /proc that no test has seen
        recorder.failure = f"the recorder failed ({error!r}); the command ran on unrecorded"
        options.warn(recorder.failure)
        with contextlib.suppress(Exception):
            recorder.writer.close(
                {"k": "end", "t": round(recorder.seconds, 3), "how": "lost", "exit_code": None, "signal": None,
                 "text": recorder.failure}
            )  # fmt: skip


def _left_behind(recorder: Recorder) -> int:
    """Processes that live on after the command; those that ended are taken leave of."""
    with contextlib.suppress(ChildProcessError, AttributeError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    recorder.tree.discover()
    return len(recorder.tree.members)


def _sleep(seconds: float, child: subprocess.Popen[bytes], waiting: frozenset[signal.Signals]) -> None:
    if not waiting:
        time.sleep(seconds)
        return
    told = signal.sigtimedwait(waiting, seconds)
    if told is None or told.si_signo == signal.SIGCHLD or child.poll() is not None:
        return
    # Stopped and continued until its time was over, CPython (3.11) answers with what lay in memory: no signal at all.
    if told.si_signo not in waiting or abs(told.si_code) > _LARGEST_CODE:
        return
    name = signal.Signals(told.si_signo).name
    if name in _BY_TERMINAL and told.si_code != _SI_USER:
        return  # the terminal sent it to the whole group: the command has it already
    if name == "SIGWINCH" and told.si_code != _SI_USER:
        return
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(told.si_signo)


def _finish(recorder: Recorder, code: int, now_s: float) -> str:
    if recorder.failure:
        return recorder.failure
    left = len(recorder.tree.members)
    if left:
        recorder.event("left-behind", f"{left} processes of the command live on; --follow records them to their end")
    how, text = _ending(recorder, code, now_s)
    try:
        recorder.finish(how, exit_code=code if code >= 0 else None, signal=-code if code < 0 else None, text=text)
    except Exception as error:  # the job's exit code is passed on whatever happens to us
        return f"{text}; the recording could not be finished ({error!r})"
    return text


def _ending(recorder: Recorder, code: int, now_s: float) -> tuple[str, str]:
    """(how, in a sentence)."""
    seconds = now_s - recorder.started_s
    if more := recorder.kills.look(now_s):
        recorder.event("oom-kill", f"the kernel killed {more} process{'es' if more > 1 else ''} here for memory")
    if code >= 0:
        killed = recorder.kills.total
        also = f"; the kernel killed {killed} of its processes for memory" if killed else ""
        return "exited", f"the command ended with exit code {code} after {seconds:.1f} s{also}"
    if code == -9 and recorder.kills.recent(now_s):
        return "oom_killed", f"the kernel killed the command for memory after {seconds:.1f} s (SIGKILL)"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    return "signalled", f"the command was ended by {name} after {seconds:.1f} s"
