"""`memfit devices`: the catalogue of devices that `--on` knows."""

from __future__ import annotations

import argparse
import json
import sys

from memfit.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Declare the options of `memfit devices`."""
    parser.add_argument("pattern", nargs="?", default="", metavar="PATTERN", help='part of a name, like "a100"')
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """List the devices whose names hold the pattern; where none does, the one that the name would be read as."""
    from memfit import machines
    from memfit.documents import SCHEMA
    from memfit.reports.catalogue import columns, write

    wanted = _plain(arguments.pattern)
    found = [
        device
        for device in machines.all_devices()
        if any(wanted in _plain(name) for name in (device.name, device.product, *device.aliases))
    ] or [machines.find(arguments.pattern)]
    if arguments.json:
        document = {"schema": SCHEMA, "kind": "devices", "devices": [columns(device) for device in found]}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        write(found, sys.stdout)
    return 0


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
