"""`memfit report`: saved documents, shown again: in the terminal, or as one page. Runs nothing, needs no framework."""

from __future__ import annotations

import argparse
import sys

from memfit.cli import output
from memfit.cli.parser import Parser

_EPILOG = """\
an estimate, a recording, or both, and what was made of them; their kinds are told from what is in them:
  memfit report job.memfit
  memfit report job.memfit -o job.html
  memfit report estimate.json job.memfit -o job.html --private
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit report`."""
    parser.epilog = _EPILOG
    parser.add_argument("files", metavar="FILE", nargs="+", help="what `memfit estimate -o` or `memfit run -o` saved")
    parser.add_argument("-o", "--output", metavar="FILE", help="write one HTML page that needs nothing else")
    parser.add_argument("--private", action="store_true", help="leave out paths, host, user and command words")
    output.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read and show. A job that does not fit is no failure of the report: the exit code is 0."""
    from memfit import api
    from memfit.reports import showing

    output.check_writable(arguments.output)
    loaded = [api.load(path) for path in arguments.files]
    alone = arguments.json and len(loaded) == 1  # one document in, the same document out
    made = () if alone else api.made_of(loaded)
    documents = showing.prepared([*loaded, *made], private=arguments.private)
    if arguments.json:
        sys.stdout.write(showing.json_text(documents))
    if arguments.output is not None:
        page = showing.page_text(documents, private=arguments.private)
        output.write_page(page, arguments.output)
    elif not arguments.json:
        showing.in_terminal(documents, sys.stdout)
    return 0
