"""What the verbs that estimate a script share: its options, and how its command line is told from memfit's."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from memfit.cli.parser import Parser, seconds, whole
from memfit.documents import Estimate
from memfit.errors import JobFailed, UsageError
from memfit.quantities import parse_bytes

FORWARD_ONLY_PASSES = 2  # the second pass runs while the first one's results are still held


def configure(parser: Parser, *, target: str = "the script and its arguments") -> None:
    """Declare TARGET and the options that say how to estimate it."""
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="TARGET …", help=target)
    parser.add_argument("-m", "--module", action="store_true", help="TARGET is a module, as with python -m")
    parser.add_argument(
        "--on", metavar="DEVICE", help='"rtx4090-24gb", "2xh100-80gb", "cpu" (this machine\'s; `memfit devices` lists)'
    )
    parser.add_argument(
        "--host-memory", type=parse_bytes, metavar="SIZE", help='RAM of the machine in question, "64GiB"'
    )
    parser.add_argument("--ranks", metavar="N", help='processes of the job, "8", or "2x8" for two nodes of eight')
    parser.add_argument("--steps", type=whole, default=3, metavar="N", help="optimizer steps to simulate (3)")
    parser.add_argument("--timeout", type=seconds, default=300.0, metavar="SECONDS", help="give up after (300)")
    parser.add_argument("--passes", type=whole, metavar="N", help="a job that only infers: stop after N forward passes")
    parser.add_argument(
        "--forward-only",
        dest="passes",
        action="store_const",
        const=FORWARD_ONLY_PASSES,
        help=f"the same as --passes {FORWARD_ONLY_PASSES}",
    )
    parser.add_argument("--python", metavar="PATH", help="the interpreter to run the job with (this one)")


def split(command: list[str]) -> tuple[str, list[str]]:
    """The target and the words that belong to it.

    Raises:
        UsageError: there is no target.
    """
    words = command[1:] if command[:1] == ["--"] else command
    if not words:
        raise UsageError("no TARGET to estimate", hint="memfit estimate --on rtx4090-24gb train.py", slug="no-target")
    return words[0], words[1:]


def estimated(arguments: argparse.Namespace, *, quiet: bool) -> Estimate:
    """The estimate of the target, with progress on stderr.

    Args:
        arguments: as `configure` declared them, and "debug".
        quiet: no progress.
    """
    target, words = split(arguments.command)
    from memfit import api

    options: dict[str, Any] = {}
    module, ranks, on = arguments.module, arguments.ranks, arguments.on
    if (launch := api.launched([target, *words])) is not None and not module:
        started, (target, *words), module = launch
        ranks = ranks or f"{started.nodes}x{started.per_node}"
    if not module and api.is_estimator(target, words):
        from memfit.cli.estimator import shape

        options, words = shape(target, words), []
        on = options.pop("on") or on
    from memfit.reports.progress import LiveProgress

    with LiveProgress(sys.stderr, wanted=not (quiet or arguments.debug)) as progress:
        try:
            return api.estimate(
                target,
                words,
                on=on,
                steps=arguments.steps,
                timeout_s=arguments.timeout,
                passes=arguments.passes,
                python=arguments.python,
                host_memory_bytes=arguments.host_memory,
                module=module,
                ranks=ranks,
                debug=arguments.debug,
                shrink=getattr(arguments, "shrink", None),
                run=getattr(arguments, "may_run", True),
                progress=progress,
                **options,
            )
        except JobFailed as error:
            raise with_likely_cause(error, [] if api.is_model(target) else words, on=arguments.on) from error


def with_likely_cause(error: JobFailed, words: list[str], *, on: str | None) -> JobFailed:
    """The two mistakes in the command line that end in the script: no --on for a CUDA script, and --on behind it."""
    stray = next((word for word in words if word.split("=")[0] in ("--on", "--steps", "--json", "--timeout")), None)
    if stray is not None:
        hint = f"{stray} was passed to the script; options of memfit stand before it"
    elif on is None and "CUDA" in error.message:
        hint = "the script wants a GPU: name one, like --on rtx4090-24gb (`memfit devices` lists them)"
    else:
        return error
    return JobFailed(error.message, hint=hint, slug=error.slug)
