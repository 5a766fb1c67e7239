"""Kills, fills and limits a few hundred times, and keeps what came of it in data/.

    python -m benchmarks.survival.measure [--trials 300] [--together 3] [--only NAME] [--seed 1]

A trial takes some seconds, most of which it sleeps. Needs Linux; disks and control groups need root, and are left out
without.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.survival import cuts
from benchmarks.survival.deaths import ALL, Death
from benchmarks.survival.verdict import Verdict

DATA = Path(__file__).resolve().parent / "data"


def planned(trials: int, only: str | None) -> list[Death]:
    """The deaths to die, each as often as its share says."""
    chosen = [(death, share) for death, share in ALL if only in (None, death.__name__)]
    total = sum(share for _, share in chosen)
    return [death for death, share in chosen for _ in range(max(1, round(trials * share / total)))]


def one(death: Death, number: int, seed: int, folder: Path) -> Verdict | None:
    """One trial in a folder of its own; what the bed itself fails at is a complaint as well."""
    place = folder / f"trial-{number}"
    place.mkdir()
    try:
        verdict = death(place, random.Random(f"{seed}/{number}"))
    except Exception as error:
        traceback.print_exc()
        verdict = Verdict(death=death.__name__, job="", complaints=[f"the bed: {error!r}"])
    if verdict is None or not verdict.complaints:
        shutil.rmtree(place, ignore_errors=True)
    else:
        print(f"trial {number}, {death.__name__}, {verdict.job}: {'; '.join(verdict.complaints)}", flush=True)
    return verdict


def summed(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """By kind of death: how many, how they say that they ended, what was lost."""
    kinds: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        kinds.setdefault(verdict.death, []).append(verdict)
    return {death: _row(kinds[death]) for death in sorted(kinds)}


def _row(found: list[Verdict]) -> dict[str, Any]:
    hows = sorted({verdict.how for verdict in found})
    row: dict[str, Any] = {
        "trials": len(found),
        "survived": sum(not verdict.complaints for verdict in found),
        "how": {how: sum(verdict.how == how for verdict in found) for how in hows},
    }
    for name in ("loss_s", "marks_loss_s"):
        losses = [loss for verdict in found if (loss := getattr(verdict, name)) is not None]
        if losses:
            row[name] = {"median": round(statistics.median(losses), 3), "worst": max(losses), "compared": len(losses)}
    row["failures"] = [f"{verdict.job}: {'; '.join(verdict.complaints)}" for verdict in found if verdict.complaints]
    return row


def surroundings() -> dict[str, Any]:
    """Where it was tried."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[1], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--together", type=int, default=3)
    parser.add_argument("--only", choices=[death.__name__ for death, _ in ALL])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--output", type=Path, help="the data file; by default none with --only, else data/MACHINE.json"
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="survival-"))
    result = {"environment": surroundings(), "deaths": summed(_all(options, folder))}
    if not options.only:
        result["cuts"] = cuts.measure(folder)
    wrong = sum(row["trials"] - row["survived"] for row in result["deaths"].values())
    machine = f"{platform.system()}-{platform.machine()}-{len(os.sched_getaffinity(0))}cpu.json".lower()
    target = options.output or (None if options.only else DATA / machine)
    if target is not None:
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["deaths"], indent=1))
    if wrong:
        sys.exit(f"{wrong} did not survive: what is left of them is in {folder}")
    shutil.rmtree(folder, ignore_errors=True)


def _all(options: argparse.Namespace, folder: Path) -> Iterator[Verdict]:
    deaths = planned(options.trials, options.only)
    random.Random(options.seed).shuffle(deaths)
    with ThreadPoolExecutor(options.together) as pool:
        done = pool.map(lambda pair: one(pair[1], pair[0], options.seed, folder), enumerate(deaths))
        yield from (verdict for verdict in done if verdict is not None)


if __name__ == "__main__":
    main()
