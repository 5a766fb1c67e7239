"""`memfit request`: what to ask a scheduler or a container for."""

from __future__ import annotations

import argparse
import sys

from memfit.cli import output
from memfit.cli.parser import Parser, seconds, whole
from memfit.quantities import parse_bytes

_EPILOG = """\
from an estimate, or better from recordings of earlier runs of the same job:
  memfit request --for slurm estimate.json
  memfit request --for kubernetes monday.memfit tuesday.memfit
  memfit request --for docker job.memfit --iterations 200000 -o request.html
"""
SYSTEMS = ("slurm", "kubernetes", "ray", "docker", "systemd")


def configure(parser: Parser) -> None:
    """Declare the options of `memfit request`."""
    parser.epilog = _EPILOG
    parser.add_argument("files", metavar="FILE", nargs="+", help="an estimate, or recordings of one job")
    parser.add_argument("--for", dest="system", required=True, choices=SYSTEMS, help="who is asked")
    parser.add_argument("--iterations", type=whole, metavar="N", help="of the run, where it is longer than recorded")
    parser.add_argument("--hours", type=seconds, metavar="H", help="the same by the clock")
    parser.add_argument("--memory", type=parse_bytes, metavar="SIZE", help="ask for this much instead")
    parser.add_argument("--force", action="store_true", help="even where that is less than the job may need")
    parser.add_argument("--json", action="store_true", help="print errors as JSON")
    output.offer_page(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, and print what to paste."""
    from memfit import api

    output.check_writable(arguments.output)
    loaded = [api.load(path) for path in arguments.files]
    told = api.requested(
        loaded,
        arguments.system,
        iterations=arguments.iterations,
        hours=arguments.hours,
        memory_bytes=arguments.memory,
        force=arguments.force,
    )
    output.save_page(arguments.output, request=told)
    sys.stdout.write(told.text)
    return 0
