"""`memfit estimate`: a script, unchanged, against a device that need not be there."""

from __future__ import annotations

import argparse
import sys

from memfit.cli import output
from memfit.cli.parser import Parser, seconds, whole
from memfit.errors import JobFailed, UsageError
from memfit.quantities import parse_bytes

FORWARD_ONLY_PASSES = 2  # the second pass runs while the first one's results are still held

_EPILOG = """\
options of memfit stand before TARGET; everything after TARGET belongs to the script, as with python:
  memfit estimate --on h100-80gb train.py --batch_size=64
  memfit estimate --on 2xa100-80gb -m package.train --epochs 3
  memfit estimate --on cpu --json -o estimate.json train.py
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit estimate`."""
    parser.usage = "memfit estimate [options] TARGET [arguments of the script …]"
    parser.epilog = _EPILOG
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="TARGET …", help="the script and its arguments")
    parser.add_argument("-m", "--module", action="store_true", help="TARGET is a module, as with python -m")
    parser.add_argument(
        "--on", metavar="DEVICE", help='"rtx4090-24gb", "2xh100-80gb", "cpu" (this machine\'s; `memfit devices` lists)'
    )
    parser.add_argument(
        "--host-memory", type=parse_bytes, metavar="SIZE", help='RAM of the machine in question, "64GiB"'
    )
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
    output.configure(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="save the estimate (JSON), for `memfit report`")
    parser.add_argument("--quiet", action="store_true", help="no progress, and the verdict alone in one line")
    parser.add_argument("--debug", action="store_true", help="show what the job prints, and tracebacks")


def run(arguments: argparse.Namespace) -> int:
    """Estimate, save, show; the exit code tells whether the job fits."""
    target, words = _split(arguments.command)
    output.check_writable(arguments.output)
    from memfit import api
    from memfit.reports.progress import LiveProgress

    with LiveProgress(sys.stderr, wanted=not (arguments.quiet or arguments.debug)) as progress:
        try:
            estimate = api.estimate(
                target,
                words,
                on=arguments.on,
                steps=arguments.steps,
                timeout_s=arguments.timeout,
                passes=arguments.passes,
                python=arguments.python,
                host_memory_bytes=arguments.host_memory,
                module=arguments.module,
                debug=arguments.debug,
                progress=progress,
            )
        except JobFailed as error:
            raise _with_likely_cause(error, words, on=arguments.on) from error
    output.save(estimate, arguments.output)
    output.show(estimate, as_json=arguments.json, brief=arguments.quiet)
    return output.exit_code(estimate)


def _split(command: list[str]) -> tuple[str, list[str]]:
    words = command[1:] if command[:1] == ["--"] else command
    if not words:
        raise UsageError("no TARGET to estimate", hint="memfit estimate --on rtx4090-24gb train.py", slug="no-target")
    return words[0], words[1:]


def _with_likely_cause(error: JobFailed, words: list[str], *, on: str | None) -> JobFailed:
    """The two mistakes in the command line that end in the script: no --on for a CUDA script, and --on behind it."""
    stray = next((word for word in words if word.split("=")[0] in ("--on", "--steps", "--json", "--timeout")), None)
    if stray is not None:
        hint = f"{stray} was passed to the script; options of memfit stand before it"
    elif on is None and "CUDA" in error.message:
        hint = "the script wants a GPU: name one, like --on rtx4090-24gb (`memfit devices` lists them)"
    else:
        return error
    return JobFailed(error.message, hint=hint, slug=error.slug)
