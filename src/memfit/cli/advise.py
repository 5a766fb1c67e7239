"""`memfit advise`: what to change about a job so that it fits, with figures from estimates of the changed job."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from memfit.cli import output, target
from memfit.cli.parser import Parser, seconds
from memfit.errors import JobFailed
from memfit.quantities import parse_bytes

if TYPE_CHECKING:
    from memfit.documents import Advice

_EPILOG = """\
options of memfit stand before TARGET; everything after TARGET belongs to the script, as with python:
  memfit advise --on rtx4090-24gb train.py --batch_size=64
  memfit advise --within 16GiB train_forest.py
  memfit advise --on t4 --results rounding --apply train.py

exit code 0 when a plan fits (or the job does as it is), 3 when none does
"""
_RESULTS = ("same", "rounding", "training", "model")


def configure(parser: Parser) -> None:
    """Declare the options of `memfit advise`."""
    parser.usage = "memfit advise [options] TARGET [arguments of the script …]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "--within", type=parse_bytes, metavar="SIZE", help="what may be used (of the device; of the host without one)"
    )
    parser.add_argument(
        "--results",
        choices=_RESULTS,
        default="model",
        help="the most that may happen to what the job computes: nothing, rounding, another way of training, another "
        "model (model)",
    )
    parser.add_argument("--only", action="append", default=[], metavar="CHANGE", help="consider this; can be repeated")
    parser.add_argument("--without", action="append", default=[], metavar="CHANGE", help="leave this out; the same")
    parser.add_argument(
        "--apply",
        metavar="FILE",
        nargs="?",
        const="memfit-advice.patch",
        help="write the best plan as a patch to review (memfit-advice.patch); nothing is edited. Before other options",
    )
    parser.add_argument("--verify", action="store_true", help="run the best plan for real for a few steps (CPU jobs)")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="run the job as it is and with the batches found for real, for a few steps, and judge by that (CPU jobs)",
    )
    parser.add_argument(
        "--recording",
        metavar="FILE",
        help="of the job as it is (`memfit run -o`): what changes save is counted from its peak",
    )
    parser.add_argument(
        "--probe-budget", type=seconds, default=20.0, metavar="SECONDS", help="for each estimate of estimators (20)"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="begin no estimate after so many (120)",
    )
    target.configure(parser)
    output.configure(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="save the advice (JSON), for `memfit report`")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def run(arguments: argparse.Namespace) -> int:
    """Advise, save, show; the exit code tells whether anything fits."""
    from memfit import documents
    from memfit.reports import advice as report

    target.split(arguments.command)
    for path in (arguments.output, arguments.apply):
        output.check_writable(path)
    found, review = _advised(arguments)
    output.save(found, arguments.output)
    if arguments.json:
        sys.stdout.write(json.dumps(documents.to_json(found), indent=1) + "\n")
    else:
        report.write(found, sys.stdout)
    if arguments.apply is not None and review is not None:
        output.write_page(report.review_text(review), arguments.apply)
        sys.stderr.write(f"memfit: wrote {arguments.apply}: review it, then apply it with `git apply` or `patch -p1`\n")
    return 0 if found.fits_now is not False or found.best is not None else output.DOES_NOT_FIT


def _advised(arguments: argparse.Namespace) -> tuple[Advice, Any]:
    from memfit import api
    from memfit.reports.progress import LiveProgress

    name, words = target.split(arguments.command)
    module, ranks = arguments.module, arguments.ranks
    if not module and (launch := api.launched([name, *words])) is not None:
        started, (name, *words), module = launch
        ranks = ranks or f"{started.nodes}x{started.per_node}"
    with LiveProgress(sys.stderr, wanted=not arguments.debug) as progress:
        try:
            return api.advised(
                name,
                words,
                wishes=api.Wishes(
                    only=frozenset(arguments.only), without=frozenset(arguments.without), results=arguments.results
                ),
                on=arguments.on,
                ranks=ranks,
                within_bytes=arguments.within,
                steps=arguments.steps,
                timeout_s=arguments.timeout,
                python=arguments.python,
                module=module,
                host_memory_bytes=arguments.host_memory,
                passes=arguments.passes,
                probe_budget_s=arguments.probe_budget,
                seconds=arguments.seconds,
                verify=arguments.verify,
                measure=arguments.measure,
                recording=arguments.recording,
                progress=progress,
            )
        except JobFailed as error:
            raise target.with_likely_cause(error, words, on=arguments.on) from error
