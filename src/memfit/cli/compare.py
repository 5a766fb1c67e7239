"""`memfit compare`: what was predicted beside what was measured, or before beside after."""

from __future__ import annotations

import argparse
import json
import sys

from memfit.cli import output
from memfit.cli.parser import Parser

_EPILOG = """\
an estimate and a recording, in either order, or two of a kind, the earlier first:
  memfit compare estimate.json job.memfit
  memfit compare before.memfit after.memfit
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit compare`."""
    parser.epilog = _EPILOG
    parser.add_argument("first", metavar="A", help="what `memfit estimate -o` or `memfit run -o` saved")
    parser.add_argument("second", metavar="B", help="the other")
    parser.add_argument("--fail-outside", action="store_true", help="exit code 3 when a measured peak is above `high`")
    output.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and show. A prediction that missed is no failure unless that was asked for."""
    from memfit import api, documents
    from memfit.quantities import Standing
    from memfit.reports import comparison as report

    comparison = api.compare(arguments.first, arguments.second)
    if arguments.json:
        sys.stdout.write(json.dumps(documents.to_json(comparison), indent=1) + "\n")
    else:
        report.write(comparison, sys.stdout)
    return output.DOES_NOT_FIT if arguments.fail_outside and comparison.standing is Standing.ABOVE else 0
