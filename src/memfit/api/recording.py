"""While a job runs: from outside, by its command, and from inside."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memfit.recording.attached import Record
    from memfit.recording.command import Outcome


def record(path: str | os.PathLike[str] | None = None, **options: Any) -> Record:
    """Record this process, and all that it starts, while a block of code runs.

    Args:
        path: the file; None for a name made of the program and the time, a folder for one of several ranks.
        options: further arguments of memfit.recording.attached.Record.

    >>> with memfit.record("job.memfit") as rec:             # doctest: +SKIP
    ...     for batch in batches:
    ...         train(batch)
    ...         rec.step()
    """
    from memfit.recording.attached import Record

    return Record(path, **options)


def run(
    words: Sequence[str],
    *,
    output: str | os.PathLike[str] | None = None,
    live: bool = False,
    warn_at: float | None = None,
    on_warning: str | None = None,
    stop_at: float | None = None,
    interval_s: float = 0.1,
    largest_bytes: int | None = None,
    marks: bool = True,
    probes: Sequence[str] = (),
    follow: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Run a command as it is and record it.

    Args:
        words: the command and its arguments.
        output: the recording; None for a name made of the command and the time, a folder for one of several.
        live: show how the job stands on stderr.
        warn_at: share of a limit at which to warn on stderr.
        on_warning: a shell command to run then.
        stop_at: share of a limit at which the command is sent SIGTERM.
        interval_s: between samples of the resident sizes.
        largest_bytes: of the recording; it is thinned beyond, peaks are kept.
        marks: whether to look into its Python processes for iterations and phases.
        probes: experiments that they may make on themselves ("gc", "malloc_trim").
        follow: record on while processes that it left behind live.
        quiet: print nothing.

    Returns:
        The command's exit code, the recording's path and the peaks.

    Raises:
        MemfitError: there is no such command, or the recording cannot be written.
    """
    from memfit.recording.command import Options, record_command
    from memfit.recording.warning import alarm
    from memfit.recording.writer import USUAL_BYTES

    with contextlib.ExitStack() as stack:
        view = None
        if live and sys.stderr is not None:
            from memfit.reports.live import Live

            view = stack.enter_context(Live(sys.stderr))
        options = Options(
            interval_s=interval_s,
            largest_bytes=largest_bytes or USUAL_BYTES,
            marks=marks,
            probes=tuple(probes),
            warn_at=warn_at,
            warn=alarm(None if quiet else sys.stderr, on_warning),
            stop_at=stop_at,
            follow=follow,
            observe=None if view is None else view.show,
        )
        return record_command(words, None if output is None else os.fspath(output), options)
