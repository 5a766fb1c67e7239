"""The part of docs/accuracy.md on one real device: plain text from rows, no files and no arithmetic of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.accuracy.figures import Comparison, median, summarise
from benchmarks.accuracy.jobs import HALVES
from benchmarks.accuracy.page import commits, failures, mib, misses, percent, summary_table, table

MIB = 1024 * 1024
EXACT_WITHIN = 0.001
Rows = dict[str, dict[str, Any]]
TITLES = {
    "requested": "what live tensors asked for (an exact figure)",
    "reserved": "what PyTorch's allocator held of the driver",
    "used": "all that the process held on the device, against the range",
    "host": "the process on the host, its high-water mark against the host's range",
}


def device(truth: dict[str, Any], predicted: dict[str, Any], figures: dict[str, list[Comparison]]) -> str:
    """A real device: its figures, none mixed.

    Args:
        truth, predicted: the data files.
        figures: the comparisons by figure, as in TITLES.
    """
    environment = truth["environment"]
    keys = ("device", "driver", "cuda", "cudnn", "torch_build", "transformers", "kernel")
    where = ", ".join(f"{key} {environment[key]}" for key in keys if environment.get(key) is not None)
    count = len({row.job for row in figures["used"]})
    text = (
        f"## {environment.get('device')}\n\n{where}; {environment.get('steps')} steps each, fresh processes. {count} "
        f"jobs measured and predicted with memfit at {commits(predicted)}, by the torch that was measured.\n\n"
    )
    if not figures["used"]:
        return text + "Measured, not yet predicted.\n"
    for name, title in TITLES.items():
        if figures[name]:
            exact = name in ("requested", "reserved")
            text += f"### {name.capitalize()}: {title}\n\n"
            text += exact_table(figures[name]) if exact else summary_table(figures[name])
            text += "\n" + (apart(figures[name]) if exact else misses(figures[name]))
    return text + failures(predicted["jobs"]) + demo(truth, predicted) + settings(truth, predicted) + details(figures)


def exact_table(rows: Sequence[Comparison]) -> str:
    """One line per half for figures without a range."""
    head = ["half", "jobs", f"within {percent(EXACT_WITHIN)}", "median error", "90th percentile", "signed median"]
    lines = []
    for half in HALVES:
        chosen = [row for row in rows if row.half == half]
        found = summarise(chosen)
        exact = sum(abs(row.error) <= EXACT_WITHIN for row in chosen)
        lines.append([
            half, str(found.jobs), str(exact), percent(found.median_error, 2), percent(found.ninetieth_error, 2),
            percent(found.bias, 2, signed=True),
        ])  # fmt: skip
    return table(head, lines)


def apart(rows: Sequence[Comparison]) -> str:
    """Every job off by more than 2 %."""
    bad = sorted((row for row in rows if abs(row.error) > 0.02), key=lambda row: -abs(row.error))
    listed = ", ".join(f"`{row.job}` ({row.half}) {percent(row.error, signed=True)}" for row in bad)
    return f"Off by more than 2 %: {listed or 'none'}.\n\n"


def demo(truth: dict[str, Any], predicted: dict[str, Any]) -> str:
    """The example that the README shows."""
    real, guess = truth["jobs"].get("train_gpt"), predicted["jobs"].get("train_gpt")
    if not real or not guess or guess.get("failure"):
        return ""
    used = real["used_peak_bytes"] - real["used_before_bytes"]
    rows = [
        [name, mib(measured), mib(expected), percent(expected / measured - 1, signed=True)]
        for name, measured, expected in (
            ("requested", real["requested_peak_bytes"], guess["requested_peak_bytes"]),
            ("allocated", real["allocated_peak_bytes"], guess["allocated_peak_bytes"]),
            ("reserved", real["reserved_peak_bytes"], guess["reserved_peak_bytes"]),
            ("used", used, guess["expected_bytes"]),
        )
    ]
    head = ["`examples/train_gpt.py --batch_size=12`", "measured MiB", "predicted MiB", "error"]
    return "### The README's example\n\n" + table(head, rows) + "\n"


def settings(truth: dict[str, Any], predicted: dict[str, Any]) -> str:
    """Runs under another allocator setting, and on a card that just holds the job."""
    rows = []
    for key, real in sorted(truth["jobs"].items()):
        guess = predicted["jobs"].get(key)
        if "@" not in key or not guess or guess.get("failure") or real.get("failure"):
            continue
        figures = (real["reserved_peak_bytes"], guess["reserved_peak_bytes"])
        name, _, setting = key.partition("@")
        said = real.get("PYTORCH_ALLOC_CONF") or real.get("words", "").lstrip("-")
        error = percent(figures[1] / figures[0] - 1, signed=True)
        rows.append([f"`{name}`", setting, said, mib(figures[0]), mib(figures[1]), error])
    if not rows:
        return ""
    head = ["job", "run", "setting", "reserved MiB", "predicted MiB", "error"]
    return "### Allocator settings\n\n" + table(head, rows) + "\n"


def details(figures: dict[str, list[Comparison]]) -> str:
    """Every job, folded."""
    by_job = {name: {row.job: row for row in rows} for name, rows in figures.items()}
    head = ["job", "half", "requested", "predicted", "reserved", "predicted", "used", "expected", "high"]
    lines = []
    for job, used in by_job["used"].items():
        pairs = [by_job[name].get(job) for name in ("requested", "reserved")]
        cells = [cell for row in pairs for cell in ((mib(row.middle), mib(row.expected)) if row else ("–", "–"))]
        lines.append([job, used.half, *cells, mib(used.middle), mib(used.expected), mib(used.high)])
    text = table(head, lines)
    return f"<details><summary>Every job, in MiB</summary>\n\n{text}\n</details>\n\n"


def context(stages: dict[str, Any]) -> str:
    """What a process holds as its libraries wake up, on the device beside the allocator and on the host."""
    rows, last = [], None
    for name, taken, _, host in stages["stages"]:
        if taken is None:
            continue
        if last is None or abs(taken - last) > 0:
            rows.append([name, mib(taken), mib(host["peak"])])
        last = taken
    final = stages["stages"][-1]
    rows.append([f"all, to {final[0]}", mib(final[1]), mib(final[3]["peak"])])
    head = ["after the first", "device MiB beside the allocator", "host MiB, high-water mark"]
    return (
        "### Context and libraries\n\nOne process that wakes them up one after the other.\n\n"
        + table(head, rows)
        + "\n"
    )


def single_calls(measured: list[dict[str, Any]], simulated: list[dict[str, Any]]) -> str:
    """What single calls hold at their peak: measured beside the simulated device's answer."""
    guesses = {_key(row): row for row in simulated}
    groups: dict[str, list[float]] = {}
    for row in measured:
        guess = guesses.get(_key(row))
        if guess is not None and row.get("peak"):
            groups.setdefault(f"{row['group']}, {row['what']}", []).append(guess["peak"] / row["peak"] - 1)
    rows = [
        [name, str(len(errors)), *(share(errors, limit) for limit in (0.02, 0.1)), percent(median(map(abs, errors)))]
        for name, errors in sorted(groups.items())
    ]  # fmt: skip
    head = ["call", "measured", "within 2 %", "within 10 %", "median error"]
    return (
        "### Single calls\n\nThe peak of one call over what was there before, results included "
        "(`device_probes`); the rules in `operators/` were read off these.\n\n" + table(head, rows) + "\n"
    )


def share(errors: Sequence[float], limit: float) -> str:
    """How many errors are within a limit, as a share."""
    return percent(sum(abs(item) <= limit for item in errors) / len(errors), 0)


def _key(row: dict[str, Any]) -> str:
    known = ("group", "call", "dtype", "channels_last", "shape", "what")
    return json.dumps([row.get(name) for name in known])
