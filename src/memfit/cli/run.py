"""`memfit run`: a command as it is, recorded while it runs."""

from __future__ import annotations

import argparse
import contextlib
import sys

from memfit.cli.parser import Parser, seconds
from memfit.errors import UsageError
from memfit.quantities import parse_bytes

_EPILOG = """\
options of memfit stand before the command, after -- follows the command as it is:
  memfit run -o job.memfit -- python train.py --epochs 3
  memfit run -o runs/ -- torchrun --nproc-per-node 2 train.py      a folder: one file for each `memfit run`
  memfit diagnose job.memfit
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit run`."""
    parser.usage = "memfit run [options] -- COMMAND [arguments …]"
    parser.epilog = _EPILOG
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND …", help="what to run")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the recording, or a folder for several (a name of its own)"
    )
    parser.add_argument("--live", action="store_true", help="show how the job stands while it runs")
    parser.add_argument("--warn-at", type=percent, metavar="90%", help="warn when a limit is that full")
    parser.add_argument("--on-warning", metavar="CMD", help="a shell command to run then; MEMFIT_WARNING says why")
    parser.add_argument(
        "--stop-at", type=percent, metavar="97%", help="end the job (SIGTERM) when a limit is that full"
    )
    parser.add_argument("--interval", type=seconds, default=0.1, metavar="SECONDS", help="between samples (0.1)")
    parser.add_argument("--max-size", type=parse_bytes, metavar="SIZE", help="of the recording (24MiB); peaks are kept")
    parser.add_argument("--no-marks", action="store_true", help="do not look into the job's Python processes")
    parser.add_argument(
        "--probe",
        action="append",
        default=[],
        choices=["gc", "malloc_trim"],
        help="let the job try whether this frees memory; disturbs it for some milliseconds",
    )
    parser.add_argument("--follow", action="store_true", help="record on while processes that it left behind live")
    parser.add_argument("--quiet", action="store_true", help="print nothing of memfit's own")


def run(arguments: argparse.Namespace) -> int:
    """Run, record, and return the command's own exit code."""
    from memfit import api

    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    outcome = api.run(
        words,
        output=arguments.output,
        live=arguments.live,
        warn_at=arguments.warn_at,
        on_warning=arguments.on_warning,
        stop_at=arguments.stop_at,
        interval_s=arguments.interval,
        largest_bytes=arguments.max_size,
        marks=not arguments.no_marks,
        probes=arguments.probe,
        follow=arguments.follow,
        quiet=arguments.quiet,
    )
    if not arguments.quiet and sys.stderr is not None:  # a job may be started without one
        with contextlib.suppress(OSError):  # or lose its reader: the exit code is the job's all the same
            sys.stderr.write(f"{outcome.summary}\n")
    return outcome.exit_code


def percent(text: str) -> float:
    """A share, written as "90%" or 0.9.

    Raises:
        UsageError: it is none, or not between 0 and 100 %.
    """
    try:
        value = float(text.rstrip("% ")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise UsageError(f"{text!r} is no share of a limit", hint="write it like 90% or 0.9", slug="bad-share")
    return value
