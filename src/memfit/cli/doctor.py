"""`memfit doctor`: what this machine has, and what of it would surprise a job."""

from __future__ import annotations

import argparse
import json
import os
import sys

from memfit.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Declare the options of `memfit doctor`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read the machine once and show it."""
    from memfit import machines
    from memfit.documents import SCHEMA
    from memfit.reports import doctor
    from memfit.sensors.machine import read_machine, to_json
    from memfit.sensors.notable import notable

    reading = read_machine(os.environ)
    learnt = machines.load_learnt(machines.user_data_file(os.environ))
    document = {
        "schema": SCHEMA,
        "kind": "doctor",
        **to_json(reading),
        "learnt": [machines.learnt_to_json(constant) for constant in learnt],
        "warnings": list(notable(reading)),
    }
    if arguments.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        doctor.write(document, sys.stdout)
    return 0
