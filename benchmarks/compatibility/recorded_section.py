"""The section of docs/compatibility.md about recordings: public scripts bare and under `memfit run`, side by side."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

MIB = 2**20
Row = Mapping[str, Any]
OPENING = """
## Recorded

*From `data/recorded.json`, written by `benchmarks/compatibility/record.py` from `recorded.toml`.*

{same} of {total} public scripts, unmodified, trained for real on the CPU and ended under `memfit run` with the exit
code and the printed results of a bare run (memfit at {commits}; {date}). The last 6,000
characters are compared, without times, speeds, progress bars and warnings (of two ranks the words, as their lines
run into each other); lines that differ between two bare runs as well are not counted. The machine was busy
with other work, so the seconds (bare → recorded) say little: [overhead](../benchmarks/overhead) is measured apart.
"""
HEAD = """
| script | kind | started by | exit | printed | seconds | iterations seen | phases | processes | peak MiB | diagnosis |
| --- | --- | --- | --- | --- | ---: | --- | --- | --- | ---: | --- |
"""
ESTIMATED = """
The same scripts estimated beforehand (`memfit estimate --on cpu`) and compared (`memfit compare`):

| script | estimated MiB | recorded MiB | error | standing |
| --- | ---: | ---: | ---: | --- |
"""


def section(document: Row) -> str:
    """The whole section."""
    rows: Sequence[Row] = document["scripts"]
    opening = OPENING.format(
        same=sum(_same(row) for row in rows),
        total=len(rows),
        commits=", ".join(sorted({f"`{row['memfit']}`" for row in rows if row.get("memfit")})) or "an unnamed commit",
        date=document["date"],
    )
    blocks = (textwrap.fill(" ".join(part.split()), 120) for part in opening.split("\n\n") if part.strip())
    whole = "\n" + "\n\n".join(blocks) + "\n" + HEAD + "".join(map(_row, rows))
    estimated = [row for row in rows if row.get("estimate")]
    return whole + _differences(rows) + (ESTIMATED + "".join(map(_estimate, estimated)) if estimated else "")


def _same(row: Row) -> bool:
    return "failure" not in row and row["exit"] == row["bare_exit"] and not row["differing"]


def _row(row: Row) -> str:
    name = f"`{row['name']}` ({row['repository']}, `{row['path']}`)"
    if "failure" in row:
        return f"| {name} | {row['kind']} | - | - | did not run bare: {row['failure']} |  |  |  |  |  |  |\n"
    started = "torchrun" if "torch.distributed.run" in row["launcher"] else "python"
    printed = "**differs**" if row["differing"] else "same"
    units = ", ".join(_iterations(row["iterations"])) or "none"
    phases = ", ".join(f"{phase} × {count}" for phase, count in row["phases"].items()) or "none"
    processes = ", ".join(role if count == 1 else f"{count} × {role}" for role, count in row["roles"].items())
    exits = f"{row['bare_exit']} → {row['exit']}"
    seconds = f"{row['bare_s']:.0f} → {row['recorded_s']:.0f}"
    growth = (row["growth"] or row["evidence"]).replace("_", " ")
    cells = [name, row["kind"], started, exits, printed, seconds, units, phases, processes]
    return f"| {' | '.join(cells)} | {row['peak_bytes'] / MIB:,.0f} | {growth} |\n"


def _iterations(found: Sequence[Row]) -> list[str]:
    """ "100 step", or "2 × 100 step" where several processes counted the same."""
    counts = [(one["count"], one["unit"]) for one in found]
    return [
        f"{count} {unit}" if counts.count((count, unit)) == 1 else f"{counts.count((count, unit))} × {count} {unit}"
        for count, unit in dict.fromkeys(counts)
    ]


def _differences(rows: Sequence[Row]) -> str:
    different = [row for row in rows if row.get("differing")]
    lines = (
        f"- `{row['name']}`: " + "; ".join(f"`{line[:100]}`" for line in row["differing"][:3]) for row in different
    )
    return "\nWhat differs:\n\n" + "\n".join(lines) + "\n" if different else ""


def _estimate(row: Row) -> str:
    low, expected, high = (row["estimate"][key] / MIB for key in ("low", "expected", "high"))
    peak = row["peak_bytes"] / MIB
    standing = str(row["standing"]).replace("_", " ")
    estimated = f"{low:,.0f} – **{expected:,.0f}** – {high:,.0f}"
    return f"| `{row['name']}` | {estimated} | {peak:,.0f} | {expected / peak - 1:+.1%} | {standing} |\n"
