"""The section of docs/compiled-accuracy.md about TensorFlow on a GPU: lines through small batches beside whole ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.accuracy.page import mib, percent, table
from benchmarks.compiled.executed import DEVICE, FILE, JOBS, SEEN
from benchmarks.compiled.measure import lines

Row = Mapping[str, Any]


def section() -> str:
    """The whole section, or nothing where nothing was measured."""
    rows = lines(FILE) if FILE.is_file() else []
    told = [row for row in rows if _is_whole(row)]
    if not told:
        return ""
    failed = [f"`{row['job']}`" for row in rows if not _is_whole(row)]
    return f"""## TensorFlow on a device that is not there

The TensorFlow and Keras jobs, estimated for an {DEVICE} by small batches on a CPU (`executed.py`), against the same
jobs with their whole batches under the same allocator there, as they would go on a GPU: Keras's steps compiled by XLA,
those of a `tf.function` run by the executor. This judges how tensors are followed to the whole batch; what a GPU's
libraries take beside them was not measured, since no card with TensorFlow was at hand, nor how XLA plans for one. No
constant is tuned on these jobs, but the way was: the seen ones, of both halves, were up to 47 % too low before each
block was followed for itself. The fresh ones were written down after that and predicted once. Tensors are what was
asked for, without scratch of the CPU's kernels.

{_by_half(told)}
The allocator's own peak is the largest that it counted in all steps, the first and scratch included: blocks that it
does not divide, and for convolutions the CPU's scratch.

{_jobs(told)}
{"Without an answer: " + ", ".join(failed) + "." if failed else ""}
"""


def _is_whole(row: Row) -> bool:
    return all("failure" not in row.get(what, {"failure": ""}) for what in ("predict", "measure"))


def _error(row: Row) -> float:
    return float(row["predict"]["tensors_bytes"] / row["measure"]["peak_bytes"] - 1)


def _by_half(rows: Sequence[Row]) -> str:
    body = []
    for flavour in ("keras-tensorflow", "tensorflow"):
        for title, jobs in (("seen", SEEN), ("fresh", set(JOBS) - set(SEEN))):
            chosen = [row for row in rows if row["job"].startswith(f"{flavour}/") and row["job"] in jobs]
            if not chosen:
                continue
            errors = [_error(row) for row in chosen]
            above = sum(row["measure"]["allocator_bytes"] > row["predict"]["high_bytes"] for row in chosen)
            body.append(
                [
                    flavour, title, str(len(chosen)), percent(median(map(abs, errors))),
                    percent(max(errors, key=abs), signed=True), str(above),
                ]
            )  # fmt: skip
    return table(["jobs of", "", "jobs", "median error", "worst", "allocator's own peak above high"], body)


def _jobs(rows: Sequence[Row]) -> str:
    body = []
    for row in rows:
        said, seen = row["predict"], row["measure"]
        body.append(
            [
                f"`{row['job']}`", "seen" if row["job"] in SEEN else "fresh",
                mib(seen["peak_bytes"]), mib(said["tensors_bytes"]),
                percent(_error(row), signed=True), mib(seen["allocator_bytes"]),
                f"{mib(said['expected_bytes'])} ≤ {mib(said['high_bytes'])}",
            ]
        )  # fmt: skip
    head = ["job", "", "tensors MiB", "predicted", "error", "allocator's own peak", "device's expected ≤ high"]
    return table(head, body)
