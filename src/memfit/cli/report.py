"""`memfit report`: a saved estimate, shown again. Runs nothing and needs no framework."""

from __future__ import annotations

import argparse

from memfit.cli import output
from memfit.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Declare the options of `memfit report`."""
    parser.add_argument("file", metavar="FILE", help="what `memfit estimate -o FILE` saved")
    output.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read and show. A job that does not fit is no failure of the report: the exit code is 0."""
    from memfit import documents

    output.show(documents.load(arguments.file, documents.Estimate), as_json=arguments.json)
    return 0
