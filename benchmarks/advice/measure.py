"""Asks for advice and runs what is proposed for real, on this machine's CPU. Results are appended as they come.

    python -m benchmarks.advice.measure plans|batches|confirmed|sets|allocators|finders [script …]

A real run is jobs.real's: the script with the plan's changes made, a few steps, the kernel's own high-water mark.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.advice import cases
from memfit.advice import Proposal, Setting, largest_batch, proposals, search
from memfit.advice.rules.host_allocator import LIBRARIES
from memfit.api.changed import ChangedJob
from memfit.api.estimating import request_for
from memfit.api.measuring import Measuring
from memfit.jobs.launch import look_at
from memfit.jobs.real import run_for_real, without_looking
from memfit.jobs.warm import Warm
from memfit.probing.watching import Limits
from memfit.quantities import GIB

DATA = Path(__file__).parent / "data"
LIMITS = Limits(memory_bytes=4 * GIB, seconds=300)


@contextmanager
def asked(name: str) -> Iterator[tuple[ChangedJob, list[Proposal]]]:
    """A script's changed forms, and the changes that apply and can be run for real."""
    request = request_for(str(cases.JOBS / f"{name}.py"), [], on="cpu", steps=3, timeout_s=300)
    request = replace(request, looked_at=True)
    with Warm() as one, Warm() as other:
        job = ChangedJob(request, look_at(request), [one, other])
        facts = job.facts(environment={})
        found = [each for each in proposals(facts) if each.verifiable and each.results != "model"]
        yield job, found


class Kept:
    """Answers that are kept from one start to the next, since a long measurement may be interrupted."""

    def __init__(self, name: str) -> None:
        self._file = Path(tempfile.gettempdir()) / f"memfit-advice-{name}.json"
        self._known: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The answer that is kept, or a new one."""
        if name not in self._known:
            self._known[name] = make()
            self._file.write_text(json.dumps(self._known))
        return self._known[name]


def measured(job: ChangedJob, setting: Setting, steps: int = cases.STEPS) -> dict[str, Any]:
    """One run for real: its peak and its seconds, or why it failed."""
    reading = run_for_real(without_looking(job.as_request(setting), steps), setting.environment, LIMITS)
    note: Any = reading.note or {}
    return {"measured_bytes": reading.rise_bytes, "seconds": round(reading.seconds, 2), "problem": reading.problem,
            "cpu_seconds": note.get("cpu_seconds")}  # fmt: skip


def plans(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """The plans for every budget, and what they come to."""
    with asked(name) as (job, allowed):
        base = job.base
        now, another = measured(job, Setting()), measured(job, Setting(), cases.ALLOCATOR_STEPS)
        tell({"job": name, "share": 1.0, "plan": [], "peak": asdict(base.peak_bytes), **now,
              "another_run_bytes": another["measured_bytes"]})  # fmt: skip
        done: dict[str, dict[str, Any]] = {}
        for share in cases.SHARES:
            budget = round(base.peak_bytes.high * share)
            began, estimates = time.monotonic(), job.estimates
            found = search(base, allowed, job.outcomes, budget)
            cost = {"advice_seconds": round(time.monotonic() - began, 2), "estimates": job.estimates - estimates}
            fitting = [at for at, plan in enumerate(found.plans) if plan.fits][: cases.PLANS]
            if not fitting:
                tell({"job": name, "share": share, "budget_bytes": budget, "plan": None, **cost})
            for at in fitting:
                plan, setting = found.plans[at], found.settings[at]
                if setting.key not in done:
                    done[setting.key] = measured(job, setting)
                slugs = [f"{change.slug}: {change.title}" for change in plan.changes]
                row = {"job": name, "share": share, "budget_bytes": budget, "rank": at + 1, "plan": slugs}
                tell({**row, "peak": asdict(plan.peak_bytes), "time_factor": plan.time_factor, **cost,
                      **done[setting.key]})  # fmt: skip


def batches(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """The largest batch, and the one that runs for real find by doubling and halving the interval."""
    multiple = dict(cases.BATCHES)[name]
    kept = Kept(f"batches-{name}")
    began, estimates = time.monotonic(), 0  # from the first import: what a user waits for
    script, _, malloc = name.partition("@")
    variables = cases.MALLOC if malloc else {}
    with asked(script) as (job, _):
        base = job.outcome(Setting(environment=variables))
        assert base is not None
        budget = kept.once("budget", lambda: round(base.peak_bytes.high * multiple))
        facts = job.facts(environment={})
        assert facts.batch is not None
        now = facts.batch.value

        def with_batch(size: int) -> Setting:
            return Setting(batch=None if size == now else size, environment=variables)

        def search_it() -> dict[str, Any]:
            found = largest_batch(facts, lambda size: job.outcome(with_batch(size)), budget)
            assert found is not None
            spent = round(time.monotonic() - began, 2)
            return {"batch": found.batch, "likely_batch": found.likely_batch, "advice_seconds": spent,
                    "estimates": job.estimates - estimates}  # fmt: skip

        said = kept.once("said", search_it)
        runs: dict[int, dict[str, Any]] = {}

        def run(size: int) -> dict[str, Any]:
            began = time.monotonic()
            peak = measured(job, Setting(batch=size, environment=variables), cases.BATCH_STEPS)["measured_bytes"]
            return {"peak": peak, "wall": round(time.monotonic() - began, 2)}

        def fits(size: int) -> bool:
            runs[size] = kept.once(f"run {size}", lambda: run(size))
            peak = runs[size]["peak"]
            return peak is not None and peak <= budget

        low, high = now, 2 * now
        while high < 64 * now and fits(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        tell({"job": name, "budget_bytes": budget, **said, "true_batch": low,
              "runs": {str(size): each["peak"] for size, each in sorted(runs.items())},
              "brute_seconds": round(sum(each["wall"] for each in runs.values()), 2)})  # fmt: skip


def confirmed(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """The largest batch by runs for real (`--measure`), then runs at it and above it that tell whether it is."""
    script, _, malloc = name.partition("@")
    variables = cases.MALLOC if malloc else {}
    began = _cpu_seconds()
    with changed_environment(variables), asked(script) as (job, _):
        budget = round(job.base.peak_bytes.high * dict(cases.BATCHES)[name])
        facts = job.facts(environment={})
        assert facts.batch is not None
        now = facts.batch.value
        measuring = Measuring(job, python=None, tell=print)
        _, now_bytes = measuring.as_it_is()

        def outcome(size: int) -> Any:
            return job.outcome(Setting(batch=None if size == now else size))

        found = largest_batch(facts, outcome, budget, measuring.runs(budget, now, now_bytes))
        assert found is not None
    spent = _cpu_seconds() - began
    checks: dict[int, dict[str, Any]] = {}

    def fits(size: int) -> bool:
        with changed_environment(variables):
            checks[size] = measured(job, Setting(batch=None if size == now else size), cases.BATCH_STEPS)
        return checks[size]["measured_bytes"] is not None and checks[size]["measured_bytes"] <= budget

    fits(found.batch)
    above = -(-found.batch * 20 // 19)  # 95 % of it are the batch that was found
    while fits(above) and above < 4 * found.batch:
        above = above * 11 // 10 + 1
    tell({"job": name, "budget_bytes": budget, "now": now, "batch": found.batch, "likely_batch": found.likely_batch,
          "runs": dict(found.runs_bytes), "above": above,
          "cpu_seconds": round(spent, 1), "estimates": job.estimates,
          "checks": {str(size): each for size, each in checks.items()}})  # fmt: skip


def _cpu_seconds() -> float:
    """Of this process and of all that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def changed_environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables that processes started meanwhile find set."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for each in variables:
            os.environ.pop(each, None)


def sets(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """The cost of the chosen set beside that of the cheapest of all sets of at most three changes."""
    from memfit.advice.searching import RESULTS_PRICE

    def cost(chosen: tuple[Proposal, ...]) -> float:
        return sum(max(each.time_factor - 1, 0.0) + RESULTS_PRICE[each.results] + 0.01 for each in chosen)

    with asked(name) as (job, allowed):
        base = job.base
        few = [each for each in allowed if each.setting.batch is None or each.setting.accumulation in (2, 8)]
        budgets = {share: round(base.peak_bytes.high * share) for share in cases.EXHAUSTIVE_SHARES}
        chosen = {share: search(base, few, job.outcomes, budget) for share, budget in budgets.items()}
        estimates = job.estimates
        known: list[tuple[float, int]] = []
        for size in (1, 2, 3):
            for some in combinations(few, size):
                if any(one.excludes(other) for one, other in combinations(some, 2)):
                    continue
                setting = Setting()
                for each in some:
                    setting = setting.and_then(each.setting)
                outcome = job.outcome(setting)
                if outcome is not None:
                    known.append((cost(some), outcome.peak_bytes.high))
        for share, budget in budgets.items():
            found = chosen[share]
            best = found.chosen[0] if found.plans and found.plans[0].fits else None
            least = min((price for price, high in known if high <= budget), default=None)
            if base.peak_bytes.high <= budget:
                least = 0.0
            tell({"job": name, "share": share, "sets": len(known), "cheapest": least,
                  "chosen": None if best is None else round(cost(best), 4),
                  "plan": None if best is None else [each.title for each in best],
                  "estimates_by_search": estimates})  # fmt: skip


def finders(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """What accelerate and Lightning find within the budget of the same job's batches, under a limit of data."""
    (row,) = [json.loads(line) for line in (DATA / "batches.jsonl").read_text().splitlines() if f'"{name}"' in line]
    for finder in ("accelerate", "lightning"):
        command = [sys.executable, "-m", "benchmarks.advice.finder_child", finder, str(row["budget_bytes"])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        lines = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()
        told = json.loads(lines[-1]) if done.returncode == 0 else {"batch": None, "problem": lines[-1][:200]}
        tell({"job": name, "finder": finder, "budget_bytes": row["budget_bytes"], **told})


def allocators(name: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """A script as it is under glibc's malloc and under each other allocator that is installed."""
    request = request_for(str(cases.JOBS / f"{name}.py"), [], on="cpu", steps=cases.ALLOCATOR_STEPS, timeout_s=300)
    for allocator in ("glibc", *LIBRARIES):
        library = LIBRARIES.get(allocator)
        variables = {} if library is None else {"LD_PRELOAD": library}
        reading = run_for_real(request, variables, LIMITS)
        note: Any = reading.note or {}
        tell({"job": name, "allocator": allocator, "measured_bytes": reading.rise_bytes, "problem": reading.problem,
              "cpu_seconds": note.get("cpu_seconds"), "peaks_bytes": note.get("peaks_bytes")})  # fmt: skip


KINDS: dict[str, tuple[Callable[[str, Callable[[dict[str, Any]], None]], None], tuple[str, ...]]] = {
    "plans": (plans, cases.SCRIPTS),
    "batches": (batches, tuple(name for name, _ in cases.BATCHES)),
    "sets": (sets, cases.EXHAUSTIVE),
    "confirmed": (confirmed, tuple(name for name, _ in cases.BATCHES)),
    "finders": (finders, ("unet",)),
    "allocators": (allocators, cases.SCRIPTS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    work, names = KINDS[options.kind]
    DATA.mkdir(exist_ok=True)
    file = DATA / f"{options.kind}.jsonl"
    done = {json.loads(line)["job"] for line in file.read_text().splitlines()} if file.exists() else set()
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "system": platform.system()}
    for name in (each for each in options.names or names if each in names):
        if name in done:
            continue
        rows: list[dict[str, Any]] = []
        work(name, rows.append)
        with file.open("a", encoding="utf-8") as target:
            target.writelines(json.dumps({**row, **machine}) + "\n" for row in rows)
        print(name, len(rows), flush=True)


if __name__ == "__main__":
    main()
