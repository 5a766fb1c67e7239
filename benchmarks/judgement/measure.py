"""Judges the labelled series and the recorded loops with memfit and with the rivals, and keeps every answer.

    python -m benchmarks.judgement.measure [tuning] [judging] [loops] [--each 40] [--seed N] [--as NAME]

Writes benchmarks/judgement/data/NAME.csv, one line per series and rule. docs/judgement.md is made of these files by
benchmarks.judgement.judge.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.judgement.case import Case
from benchmarks.judgement.rivals import RIVALS
from memfit.analysis import diagnose_series
from memfit.documents import LimitReached

DATA = Path(__file__).parent / "data"
FIELDS = (
    "name", "family", "length", "truth", "determinable", "named_right", "rule", "leak", "growth", "rate_ratio", "date",
)  # fmt: skip


def by_memfit(case: Case) -> dict[str, str]:
    """One line: what memfit says of a series."""
    found = diagnose_series(case.shown, summed_rss_bytes=case.summed, limit_bytes=case.limit_bytes)
    rate = found.bytes_per_iteration
    return {
        **_case(case),
        "rule": "memfit",
        "leak": _answer(found.is_leak),
        "growth": found.growth.value,
        "named_right": str(found.growth.value in case.classes),
        "rate_ratio": f"{rate.expected / case.rate:.4f}" if rate is not None and case.rate else "",
        "date": _date(case, found.limit_reached)
        if found.is_leak and case.is_leak and case.limit_bytes is not None
        else "",
    }


def by_rivals(case: Case) -> Iterator[dict[str, str]]:
    """One line per rival."""
    for name, rule in RIVALS.items():
        leak, rate = rule(case.shown)
        ratio = f"{rate / case.rate:.4f}" if leak and case.rate else ""
        yield {**_case(case), "rule": name, "leak": _answer(bool(leak)), "growth": "", "named_right": "",
               "rate_ratio": ratio, "date": ""}  # fmt: skip


def _case(case: Case) -> dict[str, str]:
    return {
        "name": case.name,
        "family": case.family,
        "length": str(len(case.shown)),
        "truth": _answer(case.is_leak),
        "determinable": str(case.determinable),
    }


def _answer(leak: bool | None) -> str:
    return {True: "leak", False: "none", None: "undetermined"}[leak]


def _date(case: Case, reached: LimitReached | None) -> str:
    """Whether the interval of the forecast holds the iteration at which the limit is truly reached."""
    if reached is None:
        return "no date"
    after = reached.after
    if case.reached_after is None:  # not within four lengths
        return "holds" if after.high is None or after.high >= 3 * len(case.shown) else "early"
    if case.reached_after < after.low - 1:
        return "late"
    return "early" if after.high is not None and case.reached_after > after.high + 1 else "holds"


def write(cases: Iterable[Case], path: Path) -> None:
    """Judge and keep."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.DictWriter(lines, FIELDS, lineterminator="\n")
        table.writeheader()
        for case in cases:
            table.writerow(by_memfit(case))
            table.writerows(by_rivals(case))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", default=["tuning", "judging", "loops"])
    parser.add_argument("--each", type=int, default=40, help="series per family (40)")
    parser.add_argument("--seed", type=int, help="other random numbers for the same families")
    parser.add_argument("--as", dest="name", help="keep the answers under another name")
    options = parser.parse_args()
    for corpus in options.corpora:
        module = import_module(f"benchmarks.judgement.{corpus}")
        seed = {} if options.seed is None else {"seed": options.seed}
        found = module.cases() if corpus == "loops" else module.cases(options.each, **seed)
        path = DATA / f"{options.name or corpus}.csv"
        write(found, path)
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
