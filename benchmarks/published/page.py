"""docs/published-accuracy.md from the recorded data: figures that others published, and what memfit says of them.

python -m benchmarks.published.page [--check]
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.pages import ROOT, write_or_check
from benchmarks.published.figures import HALVES, Row, not_covered, rows, sources
from benchmarks.published.predict import DATA, FIRST, held, newest

PAGE = ROOT / "docs/published-accuracy.md"
MISS = 0.10  # from here on a row has its cause written down
_POSSIBLE = "complete, and possible"
_ONE_LENGTH = "complete, texts of one length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A published figure beside what was said of it.

    Args:
        row: the figure.
        first, now: predictions, as predict.py writes them; no first where memfit was changed before it was asked.
        rival_bytes: accelerate's estimator, None where it has no answer.
        weights_bytes: the weights alone.
    """

    row: Row
    first: dict[str, Any] | None
    now: dict[str, Any]
    rival_bytes: int | None
    weights_bytes: int

    def said(self, told: dict[str, Any]) -> int:
        """The figure of an estimate that is compared with the published one."""
        return int(told["expected_bytes" if self.row.metric == "used" else f"{self.row.metric}_peak_bytes"])

    def error(self, told: dict[str, Any] | None = None) -> float:
        """Predicted over published, less one."""
        return self.said(told or self.now) / self.row.peak_bytes - 1

    @property
    def above(self) -> bool:
        """Whether the published figure is above `high`, less what `high` holds beyond the figure compared."""
        beyond = self.now["expected_bytes"] - self.said(self.now)
        return bool(self.row.peak_bytes + beyond > self.now["high_bytes"])

    @property
    def contradicts(self) -> bool:
        """Whether the figure is below what its own document's configuration holds all the time."""
        return self.row.peak_bytes < self.weights_bytes * self.row.copies / self.row.ranks

    @property
    def missed(self) -> bool:
        return abs(self.error()) > MISS or self.above


def judged() -> list[Judged]:
    """The rows that were predicted."""
    first = held(FIRST)
    rivals = json.loads((DATA / "rivals.json").read_text())["rows"]
    found = []
    for row in rows():
        told, now = first.get((row.command, "")), newest(row)
        if now is None or "failure" in now:
            continue
        other = rivals[row.command]
        found.append(Judged(row=row, first=told, now=now, rival_bytes=other["accelerate_bytes"],
                            weights_bytes=other["weights_bytes"]))  # fmt: skip
    return found


def _median(errors: Sequence[float]) -> str:
    return f"{statistics.median(map(abs, errors)):.1%}" if errors else ""


def _first_errors(of: Sequence[Judged]) -> list[float]:
    return [each.error(each.first) for each in of if each.first and "failure" not in each.first]


def _summary_line(half: str, kind: str, of: Sequence[Judged]) -> str:
    errors = [each.error() for each in of]
    both = [each for each in of if each.rival_bytes]
    rival = [each.rival_bytes / each.row.peak_bytes - 1 for each in both if each.rival_bytes]
    alone = [each.weights_bytes / each.row.peak_bytes - 1 for each in of]
    within = sum(abs(error) <= MISS for error in errors)
    return (
        f"| {half} | {kind} | {len(of)} | {_median(_first_errors(of))} | {_median(errors)} | "
        f"{within / len(of):.0%} | {min(errors):+.0%} to {max(errors):+.0%} | {sum(each.above for each in of)} "
        f"({sum(each.above for each in of) / len(of):.0%}) | {_median([each.error() for each in both])} against "
        f"{_median(rival)} of {len(both)} | {_median(alone)} |"
    )


def _source_line(source: dict[str, Any], of: Sequence[Judged]) -> str:
    errors = [each.error() for each in of]
    spread = f"{_median(errors)} | {min(errors):+.0%} to {max(errors):+.0%}" if errors else " | "
    left = sum(each["rows"] for each in source.get("not_covered", ()))
    complete = sum(not each.row.missing for each in of)
    return (
        f"| [{source['name']}]({source['address']}) | {source['half']} | {source['date']} | {len(source['rows'])} | "
        f"{len(of)} | {complete} | {spread} | {sum(each.above for each in of)} | {left} |"
    )


def _row_line(each: Judged) -> str:
    was, told = each.first, each.error()
    before = ""
    if was and "failure" in was:
        before = "stopped, then "
    elif was and abs(each.error(was) - told) > 0.0005:
        before = f"{each.error(was):+.1%}, then "
    beside = "" if each.rival_bytes is None else f"{each.rival_bytes / each.row.peak_bytes - 1:+.0%}"
    notes = "; ".join(text for text in (each.row.missing and f"not said: {each.row.missing}", each.row.why) if text)
    words = f"{each.row.words} {each.now.get('added', '')}".strip()
    model = each.row.model if each.now is was else each.row.later_model
    return (
        f"| `{model} {words}` | {each.row.on} | {each.row.of} | {each.row.printed} | "
        f"{each.row.metric} | {before}{told:+.1%} | {'**above**' if each.above else ''} | {beside} | {notes} |"
    )


def _not_covered() -> str:
    return "\n".join(
        f"- {source['name']}: " + "; ".join(f"{each['rows']} × {each['why']}" for each in source["not_covered"]) + "."
        for source in sources()
        if source.get("not_covered")
    )


def _tables(found: Sequence[Judged]) -> str:
    parts = []
    for source in sources():
        of = [each for each in found if each.row.source == source["name"]]
        if of:
            lines = "\n".join(_row_line(each) for each in of)
            parts.append(f"""### {source["name"]}

{source["date"]}; {source["versions"]}. Figures: {source["measured"]}. Whose code ran: {source["code"]}.

| asked | card | of | published | which peak | memfit | above `high` | accelerate | notes |
|---|---|---|---|---|---|---|---|---|
{lines}
""")
    return "\n".join(parts)


def text() -> str:
    """The page."""
    found, first = judged(), held(FIRST)
    asked = {row: told for row in rows() if (told := newest(row)) is not None}
    stopped = {row.command: told["failure"] for row, told in asked.items() if "failure" in told}
    kinds: dict[str, Callable[[Judged], bool]] = {
        "complete": lambda each: not each.row.missing,
        "complete, transformers' model": lambda each: not each.row.missing and each.row.transformers,
        "complete, other code": lambda each: not each.row.missing and not each.row.transformers,
        _POSSIBLE: lambda each: not each.row.missing and not each.contradicts,
        _ONE_LENGTH: lambda each: not each.row.missing and "--lengths" not in each.row.later,
        "not complete": lambda each: bool(each.row.missing),
    }
    groups = [
        (half, kind, [each for each in found if each.row.half in halves and fits(each)])
        for half, halves in (*((half, (half,)) for half in HALVES), ("all", HALVES))
        for kind, fits in kinds.items()
    ]
    summary = "\n".join(_summary_line(half, kind, of) for half, kind, of in groups if of)
    lines = "\n".join(
        _source_line(source, [each for each in found if each.row.source == source["name"]]) for source in sources()
    )
    complete = next(of for half, kind, of in groups if (half, kind) == ("all", "complete"))
    possible = next(of for half, kind, of in groups if (half, kind) == ("all", _POSSIBLE))
    misses = [each for each in found if each.missed]
    refused = "".join(f"\n- `{command}`: {why}" for command, why in sorted(stopped.items()))
    waiting = len(rows()) - len(asked)
    waiting_again = sum((each.now.get("added") or "") != each.row.later for each in found)
    one = next(iter(first.values()))
    versions = ", ".join(f"{name} {one[name]}" for name in ("torch", "transformers", "peft"))
    accelerate = json.loads((DATA / "rivals.json").read_text())["accelerate"]
    return f"""# Published figures

Peaks of device memory that others measured and published, each asked of `memfit estimate hf:…` with the words that its
document gives. Nothing was measured for this page; the figures, with their addresses, versions and what each document
leaves out, stand in `benchmarks/published/figures.toml`, which was committed before the first prediction. Sources were
taken whole, and a source's half was fixed with it. This page is written by `python -m benchmarks.published.page`.

{len(rows())} figures of {sum(bool(source["rows"]) for source in sources())} sources can be asked for;
{len(found)} are compared here, {len(stopped)} without an answer, {waiting} figures were not asked yet.
{not_covered()} more of the same documents cannot be asked for ([below](#not-covered)).

**{len(complete)} figures with a complete configuration: off by {_median([each.error() for each in complete])} in the
median (the aim was 7 %), published above `high` in {sum(each.above for each in complete)} of them
({sum(each.above for each in complete) / len(complete):.0%}; the aim was 5 % at most).** {len(complete) - len(possible)}
of these figures contradict their own documents: they are below the weights, gradients and states of the optimizer that
the configuration holds from step to step (weights alone, where nothing is trained in full), by arithmetic over all rows
alike. They stay in every count but that of "{_POSSIBLE}": off by {_median([each.error() for each in possible])} in the
median of {len(possible)}. Figures of texts of many lengths (`--lengths`, all of ms-swift) hang on which came, and
in which order; their document gives a mean, a deviation, the shortest and the longest, and no list. They too stay in
every count but that of "{_ONE_LENGTH}".

| half | configuration | figures | at first | now | within 10 % | from, to | above `high` | accelerate | weights alone |
|---|---|---|---|---|---|---|---|---|---|
{summary}

Errors are medians of their sizes. A published allocated peak is compared with the allocated peak of the estimate, a
reserved one with the reserved, what the driver shows with the expected peak; `high` is taken less what it holds beyond
that figure. Under "accelerate" stand the figures that `accelerate estimate-memory` {accelerate} has an answer for (no
adapters): memfit's error on them against its.
The estimates were made with {versions}, whatever versions a document had: a name is built by what is installed,
and has the habits of the document's versions where the row says `--software`.

| source | half | date | figures | compared | complete | median | from, to | above `high` | not covered |
|---|---|---|---|---|---|---|---|---|---|
{lines}

{len(misses)} of the {len(found)} are misses: off by more than {MISS:.0%}, or above `high`. The notes say of each cause
whether it is verified, by arithmetic or in the sources of that version, or likely; none by running the versions of that
time.

Rows are asked again, source by source, with words that memfit learned after their first prediction; {waiting_again} of
those compared here have such words and were not asked with them yet. `--software`, `--lengths`, `--lora-dropout` and
`--autocast none` were built with the misses in view, those of judging sources among them; what they do was read from
the sources of those versions, or is said in [models.md](models.md), and no constant was set on a figure. Nor were
any for FSDP: `--parallel fsdp1`, which `--software` makes of `fsdp` for torch before 2.4, is torch's own wrapper, built
because of the misses of fsdp-qlora, a judging source; `--fsdp-units layers` and `--no-sync` because of litgpt's, a
tuning source.
{f"Ended without an answer:{refused}" if refused else ""}

## Not covered

{_not_covered()}

## All figures

{_tables(found)}"""


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.published.page", __doc__)
