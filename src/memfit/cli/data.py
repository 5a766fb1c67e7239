"""`memfit data`: what a data set weighs in memory, what reading it peaks at, and lighter ways. Reads samples alone."""

from __future__ import annotations

import argparse
import json
import sys

from memfit.cli import output
from memfit.cli.parser import Parser
from memfit.quantities import parse_bytes

_EPILOG = """\
files, folders and patterns; CSV, Parquet, Arrow, JSON lines, NumPy, HDF5, SQLite, images, texts, tensors:
  memfit data sales.csv
  memfit data 'shards/*.parquet' labels.npy -o data.json
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit data`."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, a folder, or a pattern of shards")
    parser.add_argument("-o", "--output", metavar="FILE", help="save what was found (JSON), for `memfit report`")
    parser.add_argument("--all", action="store_true", help="show every column and table")
    parser.add_argument(
        "--host-memory", type=parse_bytes, metavar="SIZE", help='RAM of the machine in question, "64GiB"'
    )
    output.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Assess and show; what cannot be read is told, and is a failure only where nothing can."""
    from memfit import api, documents
    from memfit.reports import data as report
    from memfit.reports.progress import LiveProgress

    output.check_writable(arguments.output)
    with LiveProgress(sys.stderr) as progress:
        found = api.data(*arguments.paths, host_memory_bytes=arguments.host_memory, progress=progress)
    output.save(found, arguments.output)
    if arguments.json:
        sys.stdout.write(json.dumps(documents.to_json(found), indent=1) + "\n")
    else:
        report.write(found, sys.stdout, every=arguments.all)
    return 0
