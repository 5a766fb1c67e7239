"""The section of docs/compatibility.md about small teaching scripts: each tried once, nothing mended for them."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from corpus import Script

MIB = 2**20
Row = Mapping[str, Any]
_OPENING = """
## Small teaching scripts

*From `data/tutorials.json`, written by `run.py --of tutorials.toml --on cpu`, and `data/tutorials-measured.json`,
written by `measure.py`.*

{total} scripts of {repositories} repositories that memfit had never met, chosen before any was run: those that need no
download. They were written for PyTorch of years ago, and make their own data. **{ran} of {total} gave an estimate**
({date}; nothing was mended for them); of the {failed} others {alone} fail by themselves under plain python here, with
today's packages or without one that they want. Beside {measured} of them stands what a real run's process came to, to
its end or for {steps} optimizer steps: off by {error:.1%} in the median, {above} above `high`; nearly all of it is
PyTorch itself. MiB.

| script | path | answer | expected | high | measured |
| --- | --- | --- | ---: | ---: | ---: |
"""


def section(document: Row, measured: Mapping[str, Row], scripts: Sequence[Script]) -> str:
    """The whole section.

    Args:
        document: what run.py wrote.
        measured: name → what measure.py wrote of a run without memfit.
        scripts: of the list.
    """
    rows = {row["name"]: row for row in document["scripts"]}
    ran = [row for row in rows.values() if row["ran"]]
    failed = [row for row in rows.values() if not row["ran"]]
    pairs = [(rows[name]["host"], each["peak_bytes"]) for name, each in measured.items() if each["code"] == 0]
    opening = _OPENING.format(
        total=len(scripts),
        repositories=len({script.repository for script in scripts}),
        ran=len(ran),
        failed=len(failed),
        alone=sum(bool(row.get("alone", {}).get("exit_code")) for row in failed),
        date=document["date"],
        measured=len(pairs),
        steps=max(each["steps"] for each in measured.values()),
        error=median(abs(host["expected"] / peak - 1) for host, peak in pairs),
        above=sum(peak > host["high"] for host, peak in pairs) or "none",
    )
    return opening + "".join(_row(script, rows[script.name], measured.get(script.name)) for script in scripts)


def _row(script: Script, row: Row, measured: Row | None) -> str:
    sizes = [f"{row['host'][end] / MIB:,.0f}" for end in ("expected", "high")] if row["ran"] else ["", ""]
    peak = f"{measured['peak_bytes'] / MIB:,.0f}" if measured else ""
    said = row.get("alone", {}).get("said", "")
    answer = "yes" if row["ran"] else f"no; alone: {said[:90].replace('|', ' ')}"
    return f"| `{script.name}` ({script.repository}) | `{script.path}` | {answer} | {' | '.join([*sizes, peak])} |\n"
