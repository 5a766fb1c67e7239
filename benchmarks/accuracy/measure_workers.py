"""What DataLoader workers add to a job on the host: proportional set size of the process tree, with and without them.

    python -m benchmarks.accuracy.measure_workers

For each start method and number of workers a fresh process trains a small model on tensors held in memory and reads
the tree's PSS while the workers wait with their prefetched batches. Writes data/workers/<machine>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import DATA, ROOT, machine_name, surroundings

MIB = 1 << 20
BATCH, WIDTH = 256, 4096  # 4 MiB a batch
CASES = [("none", 0), ("fork", 1), ("fork", 2), ("fork", 4), ("spawn", 1), ("spawn", 2)]


def tree_pss_bytes(pid: int) -> dict[int, int]:
    """PSS of a process and its descendants."""
    found = {}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found[one] = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        waiting += [int(child) for child in children]
    return found


class Rows:
    """A dataset that makes its rows: it holds nothing itself."""

    def __len__(self) -> int:
        return 100_000

    def __getitem__(self, index: int) -> Any:
        import torch

        return torch.full((WIDTH,), float(index))


def child(method: str, workers: int) -> None:
    """One case, in this process; prints a line of JSON."""
    import torch
    from torch.utils.data import DataLoader

    model = torch.nn.Linear(WIDTH, 8)
    optimizer = torch.optim.Adam(model.parameters())
    loader = DataLoader(
        Rows(), batch_size=BATCH, num_workers=workers, multiprocessing_context=method if workers else None
    )
    batches = iter(loader)
    for _ in range(12):
        model(next(batches)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    own = tree_pss_bytes(os.getpid())
    print(json.dumps({"tree_pss_bytes": sum(own.values()), "processes": len(own)}))
    sys.stdout.flush()
    for pid in own:
        if pid != os.getpid():
            os.kill(pid, signal.SIGKILL)  # workers and the fork server would hold the pipe open
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], int(options.child[1]))
        return
    rows = []
    for method, workers in CASES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.accuracy.measure_workers", "--child", method, str(workers)],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        rows.append({"method": method, "workers": workers, **json.loads(done.stdout.strip().splitlines()[-1])})
        without = rows[0]["tree_pss_bytes"]
        if workers:
            prefetched = workers * 2 * BATCH * WIDTH * 4
            rows[-1]["private_per_worker_bytes"] = (rows[-1]["tree_pss_bytes"] - without - prefetched) // workers
        print(rows[-1], flush=True)
    folder = DATA / "workers"
    folder.mkdir(exist_ok=True)
    document = {
        "environment": {"command": "python -m benchmarks.accuracy.measure_workers", **surroundings()},
        "rows": rows,
    }
    (folder / f"{machine_name()}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
