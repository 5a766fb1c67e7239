"""`memfit diagnose`: how a job's memory or a saved series grows, whether it is a leak, when a limit is reached."""

from __future__ import annotations

import argparse
import json
import sys

from memfit.cli import output
from memfit.cli.parser import Parser

LEAK = 4
_EPILOG = """\
a recording, or a folder of those of several ranks:
  memfit diagnose job.memfit
a series is CSV, JSON or .npy, one reading per iteration, in bytes unless its name or --unit says otherwise:
  memfit diagnose train.csv --column rss_mb --limit 16GiB
  memfit diagnose readings.json --json
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit diagnose`."""
    parser.epilog = _EPILOG
    parser.add_argument("file", metavar="FILE", help="a recording, or a series: .csv, .tsv, .json, .jsonl, .npy")
    parser.add_argument("--column", metavar="NAME", help="the column with the memory (guessed from the names)")
    parser.add_argument("--time", metavar="NAME", help="the column with the times in seconds")
    parser.add_argument("--iteration", metavar="NAME", help="the column with the iterations")
    parser.add_argument("--swap", metavar="NAME", help="a column with what was in swap")
    parser.add_argument("--unit", metavar="UNIT", help='of the memory column, "MiB"')
    parser.add_argument("--limit", metavar="SIZE", help='where memory ends, "16GiB": says when it is reached')
    parser.add_argument("-o", "--output", metavar="FILE", help="save the diagnosis (JSON), for `memfit report`")
    output.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Diagnose and show; exit code 4 when there is a leak."""
    from memfit import api, documents
    from memfit.quantities import parse_bytes
    from memfit.reports import diagnosis as report

    output.check_writable(arguments.output)
    diagnosis = api.diagnose(
        arguments.file,
        limit_bytes=None if arguments.limit is None else parse_bytes(arguments.limit),
        column=arguments.column,
        time=arguments.time,
        iteration=arguments.iteration,
        swap=arguments.swap,
        unit=arguments.unit,
    )
    output.save(diagnosis, arguments.output)
    if arguments.json:
        sys.stdout.write(json.dumps(documents.to_json(diagnosis), indent=1) + "\n")
    else:
        report.write(diagnosis, sys.stdout)
    return LEAK if diagnosis.is_leak else 0
