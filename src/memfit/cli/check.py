"""`memfit check`: a job against budgets of memory and of growth; the exit code is the answer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from memfit.cli import output, target
from memfit.cli.parser import Parser
from memfit.errors import UsageError
from memfit.quantities import parse_bytes

LEAK = 4
_SAVED = (".json", ".memfit")  # what `memfit estimate -o` and `memfit run -o` write
_EPILOG = """\
a script is estimated (options before it), a saved estimate or a recording is read:
  memfit check --budget 16GiB --on rtx4090-24gb train.py --batch_size=12
  memfit check job.memfit --budget host=8GiB --budget cuda:0=20GiB --growth 1KiB

exit code 0 within, 3 over a budget or not to be told, 4 a leak, or growth above --growth
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit check`."""
    parser.usage = "memfit check [options] TARGET [arguments of the script …]"
    parser.epilog = _EPILOG
    parser.set_defaults(parser=parser)
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="[POOL=]SIZE",
        help='what may be used, "16GiB" (of the devices, of the host without one), "cuda:0=20GiB"; can be repeated',
    )
    parser.add_argument("--growth", type=parse_bytes, metavar="SIZE", help="what an iteration may add")
    target.configure(parser, target="a script and its arguments, a saved estimate, or a recording")
    output.configure(parser)
    parser.add_argument("--debug", action="store_true", help="show what the job prints, and tracebacks")


def run(arguments: argparse.Namespace) -> int:
    """Estimate or read, check, say so."""
    from memfit import api, documents
    from memfit.reports import check as report

    name, words = target.split(arguments.command)
    saved = not arguments.module and (name.endswith(_SAVED) or Path(name).is_dir())
    if saved and words:  # a file has no arguments of its own: they are memfit's
        arguments = arguments.parser.parse_args([*words, name], arguments)
    if not arguments.budget and arguments.growth is None:
        raise UsageError("no budget to check against", hint="memfit check --budget 16GiB " + name, slug="no-budget")
    found = api.check(
        name if saved else target.estimated(arguments, quiet=arguments.json),
        budgets(arguments.budget),
        growth_bytes=arguments.growth,
    )
    if arguments.json:
        sys.stdout.write(json.dumps(documents.check_to_json(found), indent=1) + "\n")
    else:
        report.write(found, sys.stdout)
    return output.DOES_NOT_FIT if found.over else LEAK if found.leaks else 0


def budgets(words: list[str]) -> dict[str, int]:
    """Sizes by pool out of "16GiB" and "cuda:0=20GiB".

    Raises:
        UsageError: a size that cannot be read, or a pool that has two budgets.
    """
    found: dict[str, int] = {}
    for word in words:
        pool, _, size = word.rpartition("=")
        if pool in found:
            raise UsageError(f"two budgets for {pool or 'one pool'}: {word} is the second")
        found[pool] = parse_bytes(size)
    return found
