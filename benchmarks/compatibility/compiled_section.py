"""The section of docs/compatibility.md about scripts of JAX, Keras and TensorFlow: which ran, and why not the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from corpus import Script
from launching import TIMED_OUT

GIB = 2**30
Row = Mapping[str, Any]
OPENING = """
## JAX, Keras and TensorFlow

*From `data/compiled.json`, written by `run.py --of compiled.toml --on cpu -o data/compiled.json`.*

**{ran} of {total}** public scripts, unmodified, gave an estimate of their host memory ({date}, memfit at {commits});
{alone} of the {others} others fail without memfit too. memfit was repaired on these scripts: this says what works now.
Data sets have their published shapes and made-up values. Each had {limits} s. The machine was busy with other work, up
to seven processes to a core: "seconds" say little, and `stopped-by-time` marks jobs whose small runs it slowed down so
far that they made fewer steps. How good such estimates are: [compiled-accuracy.md](compiled-accuracy.md).

| script | path | kind | ran | host GiB | seconds | notes |
| --- | --- | --- | --- | ---: | ---: | --- |
"""


def section(document: Row, scripts: Sequence[Script]) -> str:
    """The whole section."""
    rows = {row["name"]: row for row in document["scripts"]}
    opening = OPENING.format(
        ran=sum(row["ran"] for row in rows.values()),
        total=len(scripts),
        others=sum(not row["ran"] for row in rows.values()),
        limits=" or ".join(f"{limit:.0f}" for limit in sorted({row.get("limit_s", 240.0) for row in rows.values()})),
        alone=sum(_fails_alone(row) for row in rows.values()),
        date=document["date"],
        commits=", ".join(sorted({f"`{row['memfit']}`" for row in rows.values() if row.get("memfit")})) or "–",
    )
    return opening + "".join(_row(script, rows.get(script.name)) for script in scripts) + _reasons(list(rows.values()))


def _row(script: Script, row: Row | None) -> str:
    seen = row or {}
    peak, seconds = seen.get("host"), seen.get("seconds")
    host = f"{peak['expected'] / GIB:.2f} – {peak['high'] / GIB:.2f}" if peak else "-"
    ran = "not run" if row is None else "yes" if row["ran"] else "**no**"
    notes = ", ".join(sorted(seen.get("notes") or {})) or "-"
    name = f"`{script.name}` ({script.repository})"
    cells = [name, f"`{script.path}`", script.kind, ran, host, "-" if seconds is None else f"{seconds:.0f}", notes]
    return f"| {' | '.join(cells)} |\n"


def _fails_alone(row: Row) -> bool:
    """Whether it ended with an error when it was run without memfit, within its time."""
    return "alone" in row and row["alone"]["exit_code"] not in (0, TIMED_OUT)


def _reasons(rows: Sequence[Row]) -> str:
    """What memfit said, and of how many scripts."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if not row["ran"]:
            too = " (so it does without memfit)" if _fails_alone(row) else ""
            reasons.setdefault(f"{row['why']}{too}", []).append(row["name"])
    lines = (f"- {why} ({len(names)}: {', '.join(names)})\n" for why, names in reasons.items())
    return f"\n### What gave no estimate\n\n{''.join(lines)}" if reasons else ""
