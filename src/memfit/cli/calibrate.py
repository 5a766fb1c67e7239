"""`memfit calibrate`: this machine's constants, learnt from its own jobs; shown, handed on, removed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memfit.cli.parser import Parser
from memfit.errors import UsageError

if TYPE_CHECKING:
    from memfit.calibrating.store import Calibration

_EPILOG = """\
  memfit calibrate --measure                                 small fresh processes; some seconds
  memfit calibrate job.memfit --estimate estimate.json       a job beside its own estimate
  memfit calibrate --export learnt.json                      for another machine of the same kind
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit calibrate`."""
    parser.epilog = _EPILOG
    parser.add_argument("recordings", nargs="*", metavar="RECORDING", help="what `memfit run -o` saved on this machine")
    parser.add_argument("--estimate", metavar="FILE", help="the estimate of the job that the recordings are of")
    parser.add_argument("--measure", action="store_true", help="import the frameworks found in fresh processes")
    parser.add_argument("--python", metavar="PATH", help="the interpreter to measure (this one)")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--show", action="store_true", help="show what is known")
    others.add_argument("--export", metavar="FILE", help="write what is known to a file")
    others.add_argument("--import", dest="import_", metavar="FILE", help="take in what --export wrote")
    others.add_argument("--remove", nargs="?", const="", metavar="KIND", help="forget a kind of constants, or all")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/json.md), errors included")


def run(arguments: argparse.Namespace) -> int:
    """Learn, show, hand on or forget."""
    from memfit import machines
    from memfit.documents import SCHEMA
    from memfit.reports import learnt as report

    found = _done(arguments)
    document = {
        "schema": SCHEMA,
        "kind": "learnt",
        "file": str(found.file),
        "learnt": [machines.learnt_to_json(one) for one in found.learnt],
        "constants": [machines.learnt_to_json(one) for one in found.constants],
        "notes": list(found.notes),
    }
    if arguments.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        report.write(document, sys.stdout)
    return 0


def _done(arguments: argparse.Namespace) -> Calibration:
    from memfit import api, machines

    learns = bool(arguments.recordings or arguments.measure or arguments.estimate)
    asks = arguments.show or arguments.export or arguments.import_ or arguments.remove is not None
    if learns and asks:
        raise UsageError("learning and --show, --export, --import, --remove are separate commands")
    if learns:
        return api.calibrate(
            arguments.recordings, estimate=arguments.estimate, measure=arguments.measure, python=arguments.python
        )
    if not asks:
        raise UsageError(
            "nothing to learn from", hint="memfit calibrate --measure, or memfit calibrate job.memfit --estimate FILE"
        )
    from memfit.calibrating import store

    file = machines.user_data_file(os.environ)
    if arguments.remove is not None:
        return store.remove(file, arguments.remove)
    if arguments.import_:
        return store.take_in(file, Path(arguments.import_))
    return store.known(file, export=None if arguments.export is None else Path(arguments.export))
