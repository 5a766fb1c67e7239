"""The words behind an estimator's name: the shape of its data and its parameters."""

from __future__ import annotations

import argparse
import ast
import re
from typing import Any

from memfit.cli.parser import Parser, seconds, share, whole
from memfit.errors import UsageError

_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMbBgG]?)")
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
EXAMPLE = "memfit estimate sklearn.ensemble.RandomForestClassifier --rows 20M --cols 60 --set n_estimators=300"


def count(text: str) -> int:
    """A whole number from 1 as people write it.

    >>> count("20M"), count("1_500"), count("2.5k")
    (20000000, 1500, 2500)
    """
    found = _COUNT.fullmatch(text.replace("_", "").replace(",", "").strip())
    value = round(float(found.group(1)) * _TIMES[found.group(2).lower()]) if found else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number like 500000, 500k or 20M, got {text!r}")
    return value


def shape(target: str, words: list[str]) -> dict[str, Any]:
    """What `memfit.estimate` takes of an estimator, from the words behind its name.

    Raises:
        UsageError: a word that is none of these options, or no rows or columns.
    """
    parser = Parser(prog=f"memfit estimate {target}", description="The shape of the data, and the estimator.")
    parser.add_argument("--rows", type=count)
    parser.add_argument("--cols", "--columns", dest="columns", type=count)
    parser.add_argument("--data", metavar="FILE")
    parser.add_argument("--target", dest="label", metavar="COLUMN")
    parser.add_argument("--text", metavar="COLUMN")
    parser.add_argument("--vectorizer", choices=("tfidf", "count", "hashing"))
    parser.add_argument("--dtype", default="float64", choices=("float64", "float32", "int64", "int32", "uint8"))
    parser.add_argument("--classes", type=whole, default=2)
    parser.add_argument("--density", type=share, metavar="SHARE")
    parser.add_argument("--distinct", type=count, metavar="N")
    parser.add_argument("--missing", type=share, default=0.0, metavar="SHARE")
    parser.add_argument("--set", dest="params", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--no-probe", dest="probe", action="store_false")
    parser.add_argument("--on", metavar="DEVICE")
    parser.add_argument("--probe-budget", dest="probe_budget_s", type=seconds, default=60.0)
    found = vars(parser.parse_args(words))
    if found["data"] is None and (found["rows"] is None or found["columns"] is None):
        raise UsageError(
            f"{target} is an estimator: how many rows and columns will it be fitted on?", hint=EXAMPLE, slug="no-shape"
        )
    found["params"] = dict(map(parameter, found["params"]))
    return found


def parameter(word: str) -> tuple[str, Any]:
    """A name and a value, read as Python where it is Python.

    >>> parameter("max_depth=10"), parameter("criterion=gini"), parameter("cache_size=None")
    (('max_depth', 10), ('criterion', 'gini'), ('cache_size', None))
    """
    name, equals, text = word.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--set takes NAME=VALUE, got {word!r}", hint="--set n_estimators=300")
    try:
        return name, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return name, text
