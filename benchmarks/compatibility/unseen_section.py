"""The section of docs/compatibility.md about scripts that nobody here had tried: the first run of each, and one after
mending."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from corpus import Script

GIB, MIB = 2**30, 2**20
Row = Mapping[str, Any]
YES, IN_PART, WRONG, NO, NOT_RUN = "yes", "in part", "**wrong**", "**no**", "not run again"
ON = "rtx4090-24gb"
KILLED = -9  # out of time: what it had come to hold by then
FAILED_LATER, NO_STEP = "job-failed-later", "no-optimizer-step"
OPENING = """
## Scripts that nobody here had tried

*From `data/unseen-first.json` and `data/unseen.json`, written by `run.py --of unseen.toml`, `data/unseen-causes.toml`,
`data/unseen-cpu.json`, written by `run.py --on cpu`, and `data/unseen-measured.json`, written by `measure.py`.*

{total} scripts of {repositories} public repositories, with the arguments that their pages give, were listed in
`unseen.toml` before the first of them was run.

**The first run: {first_right} of {total} gave an estimate, {first_part} one of a job that failed later, {first_wrong}
a wrong one and {first_none} none** ({first_date}, memfit at {first_commits}). That is the rate to expect of code that
memfit has never met. Wrong means: the script had failed before it trained, or its evaluation was taken for all of it.
Of these {first_failed}, {own} fail by themselves with today's packages, where an error is the right answer; {setup}
lacked a package or a device here; {memfits} failed for memfit.

memfit was mended since, where it was at fault. **After mending: {now_right} of {total} give an estimate, {now_part} in
part, {now_wrong} a wrong one and {now_none} none{again}** ({now_date}, memfit at {now_commits}). Of those without,
memfit is at fault in {left}. This rate says nothing of other scripts.{older}

Figures are of the last run, simulated on an rtx4090-24gb, with made-up data as above, in GiB: expected, and the high
end. An estimate here is one of a job that ran on to where memfit stops it; how good it is was measured for some, below.

| script | path | commit | first | now | device | host | notes |
| --- | --- | --- | --- | --- | ---: | ---: | --- |
"""
HELD_AGAINST = """
### Held against real runs

{count} of the scripts that also train where there is no GPU were run with plain python on two threads of a busy
machine: to their end, for {steps} optimizer steps, or for the seconds shown, which may be before the peak. Estimated
with `--on cpu`; MiB, measured by the whole process's high-water mark. {misses} peaked above `high`.

| script | steps | measured | low | expected | high | error | |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
"""


def section(first: Row, now: Row, causes: Row, cpu: Row, measured: Mapping[str, Row], scripts: Sequence[Script]) -> str:
    """The whole section.

    Args:
        first, now: what run.py wrote, of the first run and of the one after mending.
        causes: name of a script that failed → "whose" fault it is ("script", "set-up" or "memfit"), and "why".
        cpu: what run.py wrote with --on cpu, of some of them.
        measured: name → what measure.py wrote of a run without memfit.
    """
    before, after = _rows(first), _rows(now)
    table = "".join(_row(script, before[script.name], after.get(script.name)) for script in scripts)
    opening = _opening(first, now, before, after, causes, scripts)
    return opening + table + _causes(scripts, causes, after) + _real_runs(_rows(cpu), measured, scripts)


def _rows(document: Row) -> dict[str, Row]:
    return {row["name"]: row for row in document["scripts"]}


def state(row: Row | None) -> str:
    """What an answer was worth: an estimate of a job that never trained is a wrong one."""
    if row is None:
        return NOT_RUN
    if not row["ran"]:
        return NO
    notes = row["notes"]
    if NO_STEP in notes or "after step 0 " in notes.get(FAILED_LATER, ""):
        return WRONG
    return IN_PART if FAILED_LATER in notes else YES


def _opening(first: Row, now_document: Row, before: Row, after: Row, causes: Row, scripts: Sequence[Script]) -> str:
    was, now = ([state(rows.get(script.name)) for script in scripts] for rows in (before, after))
    failed = [script.name for script in scripts if state(before[script.name]) != YES]
    whose = [causes.get(script.name, {}).get("whose") for script in scripts]
    older = [script.name for script in scripts if (after.get(script.name, {}).get("then") or {}).get("ran")]
    return OPENING.format(
        total=len(scripts),
        repositories=len({script.repository for script in scripts}),
        first_date=first["date"],
        first_commits=_commits(before),
        first_right=was.count(YES),
        first_part=was.count(IN_PART),
        first_wrong=was.count(WRONG),
        first_none=was.count(NO),
        first_failed=len(failed),
        own=whose.count("script"),
        setup=whose.count("set-up"),
        memfits=whose.count("memfit"),
        now_right=now.count(YES),
        now_part=now.count(IN_PART),
        now_wrong=now.count(WRONG) or "none",
        now_date=now_document["date"],
        now_none=now.count(NO),
        now_commits=_commits(after),
        left=sum(
            found in (NO, WRONG) and whose_is_it == "memfit" for found, whose_is_it in zip(now, whose, strict=True)
        )
        or "none",
        again=f", {now.count(NOT_RUN)} not run again" if NOT_RUN in now else "",
        older=f"\n{len(older)} of the others give one with packages of their own time." if older else "",
    )


def _commits(rows: Row) -> str:
    return ", ".join(sorted({f"`{row['memfit']}`" for row in rows.values()}))


def _row(script: Script, was: Row, now: Row | None) -> str:
    row = now or {}
    then = row.get("then") or {}
    shown = then if then.get("ran") else row
    standing = state(now) + (f"; {state(then)} with {then['packages']}" if then else "")
    peaks = [_peak(shown.get(pool)) for pool in ("device", "host")]
    elsewhere = [f"on {row['on']}"] if row.get("on", ON) != ON else []
    notes = ", ".join([*sorted(shown.get("notes") or {}), *elsewhere]) or "-"
    name = f"`{script.name}` ({script.repository})"
    cells = [name, f"`{script.path}`", f"`{script.commit[:7]}`", state(was), standing, *peaks, notes]
    return f"| {' | '.join(cells)} |\n"


def _peak(peak: Row | None) -> str:
    return f"{peak['expected'] / GIB:.2f} – {peak['high'] / GIB:.2f}" if peak else "-"


def _causes(scripts: Sequence[Script], causes: Row, after: Row) -> str:
    """Why, of each that had no estimate that stands at the first run."""
    parts = (
        ("script", "What fails by itself with today's packages"),
        ("set-up", "What lacked something at the first run"),
        ("memfit", "What memfit was at fault for at the first run"),
    )
    return "".join(
        f"\n### {title}\n\n"
        + "".join(
            f"- `{script.name}`: {causes[script.name]['why']}{_alone(after.get(script.name))}\n"
            for script in scripts
            if causes.get(script.name, {}).get("whose") == whose
        )
        for whose, title in parts
    )


def _alone(row: Row | None) -> str:
    """Whether plain python says the same here: where there is no GPU, a script may end before it comes to that."""
    said = ((row or {}).get("alone") or {}).get("said")
    return " (plain python ends with the same error)" if row and said and said in row["why"] else ""


def _real_runs(cpu: Mapping[str, Row], measured: Mapping[str, Row], scripts: Sequence[Script]) -> str:
    both = [
        (script.name, cpu[script.name], measured[script.name])
        for script in scripts
        if cpu.get(script.name, {}).get("ran") and measured.get(script.name, {}).get("code") in (0, KILLED)
    ]
    if not both:
        return ""
    errors = [abs(_error(row, run)) for _, row, run in both]
    opening = HELD_AGAINST.format(
        count=len(both),
        steps=max(run["steps"] for _, _, run in both),
        misses=sum(run["peak_bytes"] > row["host"]["high"] for _, row, run in both) or "None",
    )
    lines = "".join(_real_run(*each) for each in both)
    told = f"The error is {100 * median(errors):.1f} % in the median, {100 * max(errors):.1f} % at worst."
    missed = "".join(f"- `{name}`: {row['why']}\n" for name, row in cpu.items() if not row["ran"])
    return f"{opening}{lines}\n{told}\n" + (f"\nWithout an estimate there:\n\n{missed}" if missed else "")


def _real_run(name: str, row: Row, run: Row) -> str:
    low, expected, high = (row["host"][key] / MIB for key in ("low", "expected", "high"))
    ended = "all" if run["code"] == 0 else f"those of {run['seconds']:.0f} s"
    steps = str(run["steps"]) if run["stopped"] else ended
    miss = "**above high**" if run["peak_bytes"] > row["host"]["high"] else ""
    figures = f"{run['peak_bytes'] / MIB:,.0f} | {low:,.0f} | {expected:,.0f} | {high:,.0f}"
    return f"| `{name}` | {steps} | {figures} | {100 * _error(row, run):+.1f} % | {miss} |\n"


def _error(row: Row, run: Row) -> float:
    return float(row["host"]["expected"] / run["peak_bytes"] - 1)
