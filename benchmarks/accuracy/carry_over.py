"""Does what malloc did to some jobs tell what it does to others? Prints the error by the number of jobs learnt from.

    python -m benchmarks.accuracy.carry_over

The ratio that `memfit calibrate` learns (the tensors' side of a process's peak, measured over modelled) is taken from
N jobs drawn at random and carried over to the rest, a hundred draws of each N. Uses the recorded data alone.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass

from benchmarks.accuracy.judge import good, process_runs, read
from benchmarks.accuracy.surroundings import DATA

NAME = "linux-x86_64-2cpu-torch2.13.0"
DRAWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job in bytes: its measured peak, and of the prediction the tensors' side and all the rest."""

    measured: float
    around: int
    modelled: int

    @property
    def ratio(self) -> float:
        return (self.measured - self.around) / self.modelled

    def error(self, ratio: float) -> float:
        return abs(self.around + self.modelled * ratio - self.measured) / self.measured


def jobs() -> list[Job]:
    """Every job that was measured and predicted with glibc's defaults."""
    runs = process_runs(DATA / "process" / f"{NAME}.csv", "default")
    predicted = good(read(DATA / "predictions" / NAME / "default.json")["jobs"])
    return [
        Job(
            measured=statistics.median(int(run["peak_bytes"]) for run in runs[name]),
            around=row["expected_bytes"] - row["reserved_peak_bytes"],
            modelled=row["reserved_peak_bytes"],
        )
        for name, row in predicted.items()
        if name in runs
    ]


def carried(all_jobs: list[Job], count: int) -> tuple[float, float]:
    """(median, worst tenth) of the error on jobs that were not learnt from; none learnt is the model as it is."""
    draw = random.Random(count)
    errors = []
    for _ in range(DRAWS if count else 1):
        learnt = draw.sample(all_jobs, count)
        ratio = statistics.median(job.ratio for job in learnt) if learnt else 1.0
        errors += [job.error(ratio) for job in all_jobs if job not in learnt]
    return statistics.median(errors), statistics.quantiles(errors, n=10)[-1]


def main() -> None:
    """Print a line for each number of jobs learnt from."""
    all_jobs = jobs()
    print(f"{len(all_jobs)} jobs; error of the whole process's expected peak on jobs not learnt from")
    for count in (0, 1, 3, 10, 30):
        median, tenth = carried(all_jobs, count)
        print(f"{count:>3} learnt: median {median:.1%}, worst tenth beyond {tenth:.1%}")


if __name__ == "__main__":
    main()
