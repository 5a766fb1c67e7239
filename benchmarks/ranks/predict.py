"""What memfit says of each case, as a user would ask it; nothing of a case is run.

python -m benchmarks.ranks.predict [CASE …]
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import POLITE, ROOT, machine_name
from benchmarks.ranks.cases import CASES, Case
from benchmarks.ranks.measure import DATA


def predicted(case: Case) -> dict[str, Any]:
    """One row: the ranks that were simulated with their tensors' peaks, and the node."""
    estimate = memfit.estimate(ROOT / "benchmarks/ranks/job.py", [case.name], on="cpu", ranks=case.ranks)
    host = estimate.pool("host")
    return {
        "case": case.name,
        "ranks": case.ranks,
        "roles": [
            {"ranks": role.ranks, "rank": role.rank, "tensor_peak_bytes": role.pools[-1].requested_peak_bytes}
            for role in estimate.roles
        ],
        "node": {"low": host.peak_bytes.low, "expected": host.peak_bytes.expected, "high": host.peak_bytes.high},
        "seconds": estimate.cost["seconds"],
    }


def main() -> None:
    os.environ.update({**POLITE, "OMP_NUM_THREADS": "1"})
    file = DATA / f"predicted-{machine_name()}.jsonl"
    rows = {row["case"]: row for row in map(json.loads, file.read_text().splitlines())} if file.exists() else {}
    for case in CASES:
        if sys.argv[1:] and case.name not in sys.argv[1:]:
            continue
        rows[case.name] = predicted(case)
        print(rows[case.name], flush=True)
        ordered = [rows[each.name] for each in CASES if each.name in rows]
        file.write_text("".join(json.dumps(row) + "\n" for row in ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
