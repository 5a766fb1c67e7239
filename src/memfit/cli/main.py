"""The `memfit` command: finds the verb, loads its file alone, and turns every failure into a message and an exit code.

Loads not even argparse before a verb is named, so that `memfit --help` costs little more than the interpreter.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

VERBS = {
    "estimate": "predict the peak memory of a script before it runs, and whether it fits",
    "advise": "say what to change so that a job fits, each change estimated",
    "run": "run a command as it is and record what its memory does",
    "report": "show what was saved, in the terminal or as one HTML page",
    "compare": "hold what was predicted against what was measured, or before against after",
    "data": "say what a data set weighs in memory in each library, what reading it peaks at, and lighter ways",
    "diagnose": "name how memory grows over iterations, whether it is a leak, and when a limit is reached",
    "request": "say what to ask Slurm, Kubernetes, Ray, Docker or systemd for, from an estimate or recordings",
    "check": "hold a job against budgets of memory and growth, for CI",
    "calibrate": "learn this machine's constants from its own jobs, for later estimates",
    "machines": "name the smallest machines that hold a job, and how full they get; list those that are known",
    "devices": "list the devices that --on knows",
    "doctor": "show what this machine has: memory, limits, devices, settings",
}
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
READER_GONE = 141  # 128 + SIGPIPE

_HELP = """\
usage: memfit VERB [options] …

How much RAM and device memory a machine-learning job needs, where it goes, and whether it fits:
before the job runs, on a machine that need not have the device.

{verbs}

  memfit estimate --on rtx4090-24gb train.py --batch_size=12
  memfit VERB --help        the options of a verb
  memfit --version

Exit codes: 0 ok or fits, 1 error, 2 wrong usage, 3 does not fit, 4 leak found, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words after "memfit"; those of this process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    wants = {"json": "--json" in words, "debug": "--debug" in words}  # until the words are parsed
    try:
        code = _dispatch(words, wants)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        sys.stderr.write("\nmemfit: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        from memfit.cli import failure

        return failure.tell(error, as_json=wants["json"], debug=wants["debug"])


def _dispatch(words: Sequence[str], wants: dict[str, bool]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        return _print_help()
    if words[0] in ("-V", "--version"):
        return _print_version()
    arguments = parse(words)
    wants.update((name, bool(getattr(arguments, name, False))) for name in wants)
    return int(arguments.run(arguments))


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command line; `run` among them is the verb's own function.

    Raises:
        UsageError: no such verb or option, or a value that cannot be read.
        SystemExit: help or the version was asked for and has been printed.
    """
    from memfit.cli.parser import Parser, nearest
    from memfit.errors import UsageError

    if words[0] not in VERBS:
        guess = nearest(words[0], VERBS)
        meant = f"did you mean `memfit {guess}`?" if guess else "the verbs are " + ", ".join(VERBS)
        raise UsageError(f"there is no verb {words[0]!r}", hint=meant, slug="unknown-verb")
    verb = import_module(f"memfit.cli.{words[0]}")
    parser = Parser(prog=f"memfit {words[0]}", description=f"{VERBS[words[0]][0].upper()}{VERBS[words[0]][1:]}.")
    verb.configure(parser)
    parser.set_defaults(run=verb.run)
    return parser.parse_args(parser.filled(words[1:]))


def _print_help() -> int:
    sys.stdout.write(_HELP.format(verbs="\n".join(f"  {name:<10}  {text}" for name, text in VERBS.items())))
    return 0


def _print_version() -> int:
    from memfit import __version__

    sys.stdout.write(f"memfit {__version__}\n")
    return 0
