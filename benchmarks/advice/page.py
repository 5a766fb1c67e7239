# ruff: noqa: E501  # the page's own lines
"""Writes docs/advice.md from the rules and from the data of this folder.

python -m benchmarks.advice.page [--check]
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.advice import cases
from benchmarks.pages import ROOT, write_or_check
from memfit.quantities import MIB

PAGE = ROOT / "docs" / "advice.md"
DATA = Path(__file__).parent / "data"
PROCESS = ROOT / "benchmarks" / "accuracy" / "data" / "process"
PREDICTED = ROOT / "benchmarks" / "accuracy" / "data" / "predictions" / "linux-x86_64-2cpu-torch2.13.0"
INTRODUCTION = """\
# Advice

`memfit advise` says what to change about a job so that it fits a budget. Every change is estimated on the job so changed:
nothing here is a rule of thumb. This page is written by `python -m benchmarks.advice.page`.

```text
$ memfit advise --on rtx4090-24gb train.py --batch_size=64     the device's memory is the budget
$ memfit advise --within 16GiB train_forest.py                 so much of the host's
$ memfit advise --within 8GiB --results rounding --apply --verify train.py
```

## What is considered

| change | applies where | results | time, by the model |
|---|---|---|---|
| `smaller-batch` | the batch was found; accumulation keeps the effective batch | same | 5 % for every halving (assumed) |
| `mixed-precision` | PyTorch in float32 | rounding | −30 % on a device, +10 % on a CPU (assumed) |
| `activation-checkpointing` | layers of one class keep a tenth of the activations or more: all of them, or every second | same | a third of a step by the share recomputed |
| `activation-offload` | training on a device | same | twice (assumed) |
| `fused-attention` | Transformers' eager attention, or scores that the script writes out | rounding | −5 to −10 % (assumed) |
| `chunked-loss` | logits of more than a twentieth of the peak | rounding | 5 % (assumed) |
| `no-grad-evaluation` | an evaluation that keeps a graph nobody uses | same | −1 % |
| `smaller-evaluation-batch` | it is the evaluation that peaks | same | 1 % (assumed) |
| `zero-grad-early` | gradients of the last step still live in the next forward pass | same | none |
| `optimizer-kernels` | the optimizer steps all parameters at once | same | −2 % fused, +10 % one by one (assumed) |
| `optimizer-in-backward` | one optimizer, no accumulation | same, but for clipping | none |
| `optimizer-offload` | optimizer states on a device | same | 50 % (assumed) |
| `parameter-offload` | several blocks of one class on one device: parameters, gradients and states wait on the host (FSDP2's `CPUOffloadPolicy`); each plan says what the host comes to | same | 2.5 times, 2 without training (assumed) |
| `sharded-optimizer` | several devices were asked for | same | 10 % (assumed) |
| `lighter-optimizer` | Adam and its kin: 8-bit, paged, Lion, Adafactor, SGD; momentum of SGD | rounding to training | none to 20 % (assumed) |
| `narrower-weights` | a job that only infers: half, 8-bit, 4-bit | rounding | none |
| `frozen-layers`, `low-rank-adapters` | always; linear layers | another model | −33 %, −10 % (assumed) |
| `quantised-base` | adapters on linear layers held in four bits; on a device | another model | 30 % (assumed) |
| `fewer-layers`, `low-rank-layers` | every second one of four layers of a class or more; linear layers of a quarter or an eighth of their rank | another model | −40 %, −20 % (assumed) |
| `freed-results` | batches, outputs or losses that a step leaves named for the next one | same | none |
| `gc-placement` | what steps leave in reference cycles, which the collector alone gives back | same | 5 % (assumed); a call's CPU time is measured |
| `expandable-segments` | on a device, not set yet | same | none known |
| `malloc-threshold` | on the CPU, nothing set yet | same | half as much again (see below) |
| `donated-arguments`, `mixed-precision-policy` | JAX, and Keras on it, planned for a device | same; rounding | none; −30 % (assumed) |
| `loader-workers`, `loader-start-method` | workers, for the host; those that are spawned | same | 2 to 20 % (assumed), none |
| `fewer-jobs`, `float32-data`, `shallower-trees`, `smaller-samples`, `fewer-bins`, `fewer-leaves`, `histogram-pool`, `smaller-bin-sample` | estimators of scikit-learn, XGBoost and LightGBM in a script | same to training | stated beside each |

Hints come without an estimate in the plans: other allocators (jemalloc, tcmalloc, mimalloc), lighter ways to hold the data
files that the script names (with the bytes that `memfit data` finds), XGBoost's quantile and external-memory matrices,
checkpoints that are written part by part where writing one peaks, lists that are gathered and made into one array, and where to set a batch that was not found.

## Jobs of TensorFlow, Keras and JAX

Each estimate of such a job runs it small, or compiles it for a device, so few are made. Of a job on the CPU, and of
TensorFlow's on a GPU, the estimate tells what grows with the batch: smaller batches, and the largest that fits, follow from it
without a further run; on the CPU `malloc-threshold` takes one more. For JAX on a device every batch is planned anew, until `--seconds` are over, and so are two changes that memfit makes in the job's
process: `donated-arguments` (JAX: what a step hands on to the next is donated to it) and `mixed-precision-policy` (Keras on JAX,
where the device's own compiler plans: the CPU's, which stands in for it, widens half types). What else helps is told with what to
type and not estimated: recomputation (it saves where blocks are marked, and which they are only the author knows), half types in
a loop of one's own, `tf.data`'s buffers (no compiler plans them), TensorFlow's settings (its jobs are run small), how much of
a GPU the framework takes.

## Judged by runs

`--measure` runs a job on the CPU for real: three steps as it is, and three with each batch that the estimate, corrected by the runs
so far, puts at the budget; at most three of these, each in a fresh process that is ended when it takes a quarter more than the
budget, or what the machine has free; and once with each of jemalloc, tcmalloc and mimalloc that is installed. What changes
save is then counted from the measured peak (what is less than the estimate was off, from the estimates alone as before), and
the largest batch is the one whose corrected peak leaves free what one run in twenty is above another (5 % under malloc's defaults; half a percent with its threshold
set, where runs repeat).
Without the option nothing is run, and `high` judges.

## How sets are chosen

Of two sets that fit, the cheaper comes first. Cost is a stated model: the time that a set adds, and a price for what it does to
the results, as if it took longer by 5 % (rounding), 50 % (another way of training) or 200 % (another model). A set is judged
by `high`. The largest batch is estimated itself, and so is its neighbour, which does not fit.

## What cannot be made automatically

memfit makes a change within the job's process, whatever the script looks like. `--apply` writes what can be changed in the
script's text (named numbers, options, optimizers and their arguments, a class whose layers are recomputed) as a patch, and lists
the rest with what to type. Estimated and not made: 8-bit and offloaded optimizers, chunked losses, sharding, attention that
the script writes out itself; `--verify` says so.
"""


def rows(name: str) -> list[dict[str, Any]]:
    """What was measured of one kind; nothing where the file is not there."""
    file = DATA / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def mib(size: float) -> str:
    """For a table."""
    return f"{size / MIB:,.0f}"


def plans() -> str:
    """Budgets kept, savings as said."""
    found = rows("plans")
    now = {row["job"]: row for row in found if row["share"] == 1.0}
    ran = [row for row in found if row.get("plan") and row["measured_bytes"] is not None]
    kept = [row for row in ran if row["measured_bytes"] <= row["budget_bytes"]]
    none = [row for row in found if row["plan"] is None]
    lines, errors, of_peak = [], [], []
    for row in ran:
        base = now[row["job"]]
        said = base["peak"]["expected"] - row["peak"]["expected"]
        saved = base["measured_bytes"] - row["measured_bytes"]
        errors.append(abs(said - saved) / max(saved, 1))
        of_peak.append(abs(row["peak"]["expected"] - row["measured_bytes"]) / row["measured_bytes"])
        lines.append(
            f"| {row['job']} | {row['share']:.0%} | {'; '.join(row['plan'])} | {mib(row['budget_bytes'])} | "
            f"{mib(row['peak']['expected'])} to {mib(row['peak']['high'])} | {mib(row['measured_bytes'])} | {mib(said)} | "
            f"{mib(saved)} |"
        )
    jobs = len({row["job"] for row in found})
    budgets = len({(row["job"], row["share"]) for row in ran})
    judged = [half for half in (_saved(ran, now, cases.TUNING), _saved(ran, now, cases.JUDGING)) if half]
    return f"""
## Proposals, run for real

{jobs} scripts of `benchmarks/advice/jobs`, budgets of 85, 70 and 55 % of what they are to be planned with, chosen before anything
was predicted (`benchmarks/advice/cases.py`). Of the changes that memfit can make itself and that train the same model, the
cheapest plans that fit were run on a CPU for a few steps, each in a fresh process (`python -m benchmarks.advice.measure
plans`).

- **{len(kept)} of {len(ran)} runs** ({budgets} jobs × budgets, up to {2} plans each) stayed within their budget{_missed(ran, kept)}.
- Saved bytes as said within **{median(errors):.0%}** in the median (the aim was 10 %: the unchanged job, under malloc's defaults, is the
  least certain of the figures); the peak itself within {median(of_peak):.1%}.
{chr(10).join(judged)}
- For {len(none)} of {budgets + len(none)} jobs × budgets no set of these changes fitted, and memfit said so.

All figures in MiB.

| job | share | plan | budget | predicted, expected to high | measured | saved, said | saved, measured |
|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def _saved(ran: list[dict[str, Any]], now: dict[str, dict[str, Any]], half: tuple[str, ...]) -> str:
    """How far the saved bytes are off in one half, by the estimate alone and from the measured peak of the job as it is."""
    by_estimate, by_run = [], []
    for row in (row for row in ran if row["job"] in half):
        base = now[row["job"]]
        saved = max(base["measured_bytes"] - row["measured_bytes"], 1)
        by_estimate.append(abs(base["peak"]["expected"] - row["peak"]["expected"] - saved) / saved)
        told, expected = base.get("another_run_bytes") or base["measured_bytes"], base["peak"]["expected"]
        small = expected - row["peak"]["expected"] <= abs(told - expected)  # as memfit.advice.searching has it
        by_run.append(abs((expected if small else told) - row["peak"]["expected"] - saved) / saved)
    if not by_run:
        return ""
    name = "scripts that were looked at" if half is cases.TUNING else "scripts that judge"
    same = " (the same run of it on both sides)" if half is cases.TUNING else ""
    return (
        f"- Of the {len(by_run)} runs of {name}: {median(by_estimate):.0%} by the estimate alone, "
        f"**{median(by_run):.0%}** from the measured peak of the job as it is, as `--measure` says it{same}."
    )


def _missed(ran: list[dict[str, Any]], kept: list[dict[str, Any]]) -> str:
    missed = [f"{row['job']} at {row['share']:.0%}" for row in ran if row not in kept]
    return f" (not: {', '.join(missed)})" if missed else ""


def batches() -> str:
    """The largest batch against brute force."""
    lines, shares, times = [], [], []
    for row in rows("batches"):
        shares.append(row["batch"] / row["true_batch"])
        times.append(row["advice_seconds"] / row["brute_seconds"])
        lines.append(
            f"| {row['job']} | {mib(row['budget_bytes'])} | {row['batch']} | {row['likely_batch']} | {row['true_batch']} | "
            f"{shares[-1]:.0%} | {row['advice_seconds']:.0f} | {row['brute_seconds']:.0f} ({len(row['runs'])} runs) |"
        )
    above = sum(share > 1 for share in shares)
    return f"""
## The largest batch

Beside what runs for real find by doubling and then halving the interval: {median(shares):.0%} of the true largest in the median,
between {min(shares):.0%} and {max(shares):.0%}, above it in {above} of {len(shares)}; in {median(times):.0%} of the time.
memfit's answer is judged by `high`, which leaves room for what malloc may do on a CPU, and that room is what is missing to the
true largest: 95 % of it, which was the aim, was not reached. With malloc's threshold set (`@malloc`) the range is narrower. `likely`
is judged by the expected peak. {_unmeasured()}

| job | budget, MiB | memfit | likely | true | share | seconds | brute force, seconds |
|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}

{_finders()}
"""


def confirmed() -> str:
    """The largest batch judged by runs."""
    lines, shares, above, ratios = [], [], 0, []
    for row in rows("confirmed"):
        checks = {int(size): each for size, each in row["checks"].items()}
        at = checks[row["batch"]]
        fails = [size for size, each in checks.items() if not _fits(each, row["budget_bytes"])]
        above += row["batch"] in fails
        largest = min((size for size in fails if size > row["batch"]), default=row["above"])
        shares.append(row["batch"] / max(largest - 1, row["batch"]))
        ratios.append(row["cpu_seconds"] / _brute_cpu_seconds(row, largest, at["cpu_seconds"]))
        ran = ", ".join(row["runs"])
        lines.append(
            f"| {row['job']} | {row['now']} | {mib(row['budget_bytes'])} | {row['batch']} | {ran} | "
            f"{mib(at['measured_bytes'] or 0)} | {largest} | {shares[-1]:.0%} | {row['cpu_seconds']:.0f} | {ratios[-1]:.0%} |"
        )
    return f"""
### Judged by runs

`--measure` on scripts that judge, as far as they were measured: the batch that was found, in a run of its own of
{cases.BATCH_STEPS} steps, then larger ones until one does not fit. Above the budget in **{above} of {len(lines)}**; at least
**{median(shares):.0%}** of the true largest in the median, {min(shares):.0%} at the least ("at least": the share of the batch below the
one that was seen not to fit). CPU time, on a machine that others used too, beside what doubling and halving would take, computed from
the run at the batch that was found: {median(ratios):.0%} of it in the median; a tenth was the aim. Runs near the answer cost what they cost:
fewer than two of them cannot tell it within what one run differs from another.

| job | batch as it is | budget, MiB | found | runs | in a run of its own, MiB | does not fit | share, at least | CPU s | of brute force |
|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def _fits(check: dict[str, Any], budget_bytes: int) -> bool:
    return check["measured_bytes"] is not None and check["measured_bytes"] <= budget_bytes


def _brute_cpu_seconds(row: dict[str, Any], largest: int, of_run: float) -> float:
    """Doubling from the batch as it is, then halving the interval, with runs whose time goes with the batch."""
    low, high, sizes = row["now"], 2 * row["now"], [row["now"]]
    while high < largest:
        sizes.append(high)
        low, high = high, 2 * high
    sizes.append(high)
    while high - low > 1:
        middle = (low + high) // 2
        sizes.append(middle)
        low, high = (middle, high) if middle < largest else (low, middle)
    return sum(of_run * size / row["batch"] for size in sizes)


def _unmeasured() -> str:
    done = {row["job"] for kind in ("batches", "confirmed") for row in rows(kind)}
    left = [name for name, _ in cases.BATCHES if name not in done]
    return f"Listed and not measured: {', '.join(left)}." if left else ""


def _finders() -> str:
    found = rows("finders")
    words = [
        f"{row['finder']} found {row['batch']} in {row['seconds']:.0f} s"
        if row["batch"]
        else f"{row['finder']} found none ({row['problem']})"
        for row in found
    ]
    told = f" On the U-Net under such a limit, at the budget above: {'; '.join(words)}." if found else ""
    return (
        "accelerate's and Lightning's finders run the job until an allocation fails, and go back. On a CPU none fails unless "
        f"the process is under a limit of its address space or data: else the kernel kills it, or it swaps.{told}"
    )


def sets() -> str:
    """The search against all sets."""
    found = rows("sets")
    same = [row for row in found if row["chosen"] == row["cheapest"] or _close(row["chosen"], row["cheapest"])]
    lines = [
        f"| {row['job']} | {row['share']:.0%} | {row['sets']} | {_price(row['cheapest'])} | {_price(row['chosen'])} | "
        f"{'; '.join(row['plan'] or ['—'])} |"
        for row in found
    ]
    return f"""
## The search against all sets

All sets of at most three changes were estimated; the chosen one costs no more than the cheapest of all that fit in
**{len(same)} of {len(found)}** cases. Cost is the stated model.

| job | budget | sets | cheapest that fits | chosen | plan |
|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def _close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one <= other + 0.002


def _price(cost: float | None) -> str:
    return "none" if cost is None else f"{cost:.2f}"


def malloc() -> str:
    """malloc's setting, before and after, on the jobs of the accuracy benchmark."""
    measured: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for file in sorted(PROCESS.glob("*.csv")):
        for row in csv.DictReader(file.open(encoding="utf-8")):
            if not row["failure"] and row["peak_bytes"]:
                pair = (int(row["peak_bytes"]), float(row["seconds"]))
                measured.setdefault((row["job"], row["setting"]), []).append(pair)
    said = {
        setting: json.loads((PREDICTED / f"{setting}.json").read_text(encoding="utf-8"))["jobs"]
        for setting in ("default", "threshold")
    }
    found = []
    for name in sorted({job for job, _ in measured}):
        if all((name, setting) in measured and name in said[setting] for setting in said):
            before, after = (_middle(measured[name, setting]) for setting in ("default", "threshold"))
            expected = said["default"][name]["expected_bytes"] - said["threshold"][name]["expected_bytes"]
            found.append((name, before[0], before[0] - after[0], expected, after[1] / before[1]))
    less = sum(saved > 0 for _, _, saved, _, _ in found)
    large = sorted(found, key=lambda each: -each[2])[:10]
    lines = [
        f"| {name} | {mib(before)} | {mib(saved)} | {mib(expected)} | {ratio:.1f} |"
        for name, before, saved, expected, ratio in large
    ]
    return f"""
## malloc's setting, before and after

`MALLOC_MMAP_THRESHOLD_=131072` on {len(found)} real jobs of [accuracy.md](accuracy.md), measured with and without: the whole
process needed **{median(each[2] / each[1] for each in found):.0%} less** in the median, {less} of {len(found)} jobs less
at all. What memfit said it would save was off by {median(abs(each[3] - each[2]) / each[1] for each in found):.1%} of the peak in the
median. Steps took {median(each[4] for each in found):.1f} times as long in the median, on a machine that others used too. The ten
that saved most, in MiB:

| job | before | saved | said | time |
|---|---|---|---|---|
{chr(10).join(lines)}
"""


def _middle(pairs: list[tuple[int, float]]) -> tuple[float, float]:
    return median(size for size, _ in pairs), median(seconds for _, seconds in pairs)


PARTS = (("plans", plans), ("batches", batches), ("confirmed", confirmed), ("sets", sets))


def text() -> str:
    """The page: the rules, and what has been measured so far."""
    parts = [INTRODUCTION]
    parts += [make() for name, make in PARTS if rows(name)]
    return "".join([*parts, malloc()])


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.advice.page", __doc__)
