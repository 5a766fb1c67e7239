"""The section of docs/compatibility.md about scripts that fit estimators: predicted against the peak of a plain run."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from corpus import Script

MIB = 2**20
Row = Mapping[str, Any]
OPENING = """
## scikit-learn, XGBoost and LightGBM

*From `data/fitted.json`, written by `run.py --of fitted.toml --on cpu -o data/fitted.json`, and
`data/fitted-measured.json`, written by `measure.py`.*

**{ran} of {total}** public scripts, unmodified, gave an estimate of their host memory ({date}, memfit at {commits}).
{both} of them also ran to their end without memfit, within 180 s: the error of the whole-process peak is {error:.1f} %
in the median and {worst:.1f} % at worst, {misses} peaked above `high`, and `high` is {wide:.1f} % above what was
measured in the median. Measured is the main process's high-water mark, or the shares of it and all that it started,
sampled, where that was more; each was run once, with two threads.

The scripts were chosen before any of them was run; memfit was repaired on them since, and the room for a script's own
threads was chosen on them, so this says what works now and is no blind test. Their data is small: most of each figure
is imports. MiB throughout.

| script | path | kind | processes | measured | expected | high | error | |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
"""


def section(document: Row, measured: Mapping[str, Row], scripts: Sequence[Script]) -> str:
    """The whole section."""
    rows = {row["name"]: row for row in document["scripts"]}
    both = [(rows[name], run) for name, run in measured.items() if run["code"] == 0 and rows.get(name, {}).get("ran")]
    errors = [abs(_error(row, run)) for row, run in both]
    opening = OPENING.format(
        ran=sum(row["ran"] for row in rows.values()),
        total=len(scripts),
        date=document["date"],
        commits=", ".join(sorted({f"`{row['memfit']}`" for row in rows.values() if row.get("memfit")})) or "–",
        both=len(both),
        error=100 * median(errors),
        worst=100 * max(errors),
        misses=sum(_missed(row, run) for row, run in both),
        wide=100 * median(row["host"]["high"] / run["peak_bytes"] - 1 for row, run in both),
    )
    table = "".join(_row(script, rows.get(script.name), measured.get(script.name)) for script in scripts)
    return opening + table + _reasons(rows, measured)


def _row(script: Script, row: Row | None, run: Row | None) -> str:
    ended = run is not None and run["code"] == 0
    peak = row["host"] if row is not None and row["ran"] else None
    cells = [
        f"`{script.name}` ({script.repository})",
        f"`{script.path}`",
        script.kind,
        str(run["processes"]) if run is not None and ended else "-",
        f"{run['peak_bytes'] / MIB:.0f}" if run is not None and ended else "-",
        *([f"{peak['expected'] / MIB:.0f}", f"{peak['high'] / MIB:.0f}"] if peak else ["-", "-"]),
        f"{100 * _error(row, run):+.1f} %" if peak and ended and row is not None and run is not None else "-",
        _remark(row, run),
    ]
    return f"| {' | '.join(cells)} |\n"


def _remark(row: Row | None, run: Row | None) -> str:
    if row is None or not row["ran"]:
        return "no estimate"
    if run is None or run["code"]:
        return "did not end by itself"
    return "**above high**" if _missed(row, run) else ", ".join(sorted(row.get("notes") or {}))


def _error(row: Row, run: Row) -> float:
    return float(row["host"]["expected"] / run["peak_bytes"] - 1)


def _missed(row: Row, run: Row) -> bool:
    return bool(run["peak_bytes"] > row["host"]["high"])


def _reasons(rows: Mapping[str, Row], measured: Mapping[str, Row]) -> str:
    """What gave no estimate, and what did not run without memfit either."""
    lines = [f"- `{name}`: {row['why']}\n" for name, row in rows.items() if not row["ran"]]
    failed = [(name, run) for name, run in measured.items() if run["code"]]
    plain = [
        f"- `{name}`: {'not within 180 s' if run['code'] < 0 else 'ended with exit code ' + str(run['code'])}\n"
        for name, run in failed
    ]
    first = f"\n### What gave no estimate of them\n\n{''.join(lines)}" if lines else ""
    return first + (f"\n### What did not run to its end without memfit\n\n{''.join(plain)}" if plain else "")
