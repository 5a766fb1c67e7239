"""`memfit machines`: the smallest machines that hold a job and how full they get; alone, those that are known."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from memfit.cli import output, target
from memfit.cli.parser import Parser

if TYPE_CHECKING:
    from memfit.documents import Estimate, Placement

_EPILOG = """\
a script is estimated for the devices of the smallest machines (options before it), a saved estimate is read:
  memfit machines train.py --batch-size 256
  memfit machines --only aws --only edge estimate.json
  memfit machines -o machines.html estimate.json
  memfit machines --only l40s
machines of your own: docs/devices.md

exit code 0 when a machine holds the job, 3 when none does
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit machines`."""
    parser.usage = "memfit machines [options] [TARGET [arguments of the script …]]"
    parser.epilog = _EPILOG
    parser.set_defaults(parser=parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help='a provider ("aws"), a kind ("cloud", "laptop", "edge"), or part of the name of a machine or device; can '
        "be repeated; shows what does not fit too",
    )
    target.configure(parser, target="a script and its arguments, or a saved estimate; without one, all are listed")
    output.configure(parser)
    output.offer_page(parser)
    parser.add_argument("--debug", action="store_true", help="show what the job prints, and tracebacks")


def run(arguments: argparse.Namespace) -> int:
    """List, or estimate and hold against the machines."""
    from memfit import machines
    from memfit.documents import SCHEMA, Placements, placement_to_json
    from memfit.quantities import Verdict
    from memfit.reports import placing as report

    known = machines.chosen(arguments.only)
    if not arguments.command:
        if arguments.output is not None:
            arguments.parser.error("-o makes a page of the machines that hold a job: TARGET is missing")
        if arguments.json:
            rows = [report.columns(machine) for machine in known]
            sys.stdout.write(json.dumps({"schema": SCHEMA, "kind": "machines", "machines": rows}, indent=1) + "\n")
        else:
            report.write_catalogue(known, sys.stdout)
        return 0
    output.check_writable(arguments.output)
    estimate, found = _placed(arguments)
    placements = Placements(
        target=estimate.target, rows=found, kept_share=machines.KEPT_SHARE, all_of_them=bool(arguments.only)
    )
    output.save_page(arguments.output, placements=placements)
    if arguments.json:
        rows = [placement_to_json(row) for row in found]
        document = {"schema": SCHEMA, "kind": "placements", "target": dict(estimate.target), "placements": rows}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        report.write(placements, sys.stdout)
    return 0 if any(row.verdict is Verdict.FITS for row in found) else output.DOES_NOT_FIT


def _placed(arguments: argparse.Namespace) -> tuple[Estimate, tuple[Placement, ...]]:
    from memfit import api

    name, words = target.split(arguments.command)
    saved = None if arguments.module else api.saved_estimate(name)
    if saved is not None:
        if words:  # a file has no arguments of its own: they are memfit's
            arguments = arguments.parser.parse_args([*words, name], arguments)
        return saved, api.placed(saved, only=arguments.only)

    def on(device: str) -> Estimate:
        return target.estimated(argparse.Namespace(**{**vars(arguments), "on": device}), quiet=arguments.json)

    alone = not arguments.module and api.without_devices(name, words)
    first = target.estimated(arguments, quiet=arguments.json) if alone else on(arguments.on or api.REFERENCE)
    return first, api.placed(first, on, only=arguments.only)
