"""A training loop whose batches come from worker processes: the job that is recorded and counted.

    python loader_job.py --start fork|spawn --data list|array [--spike MIB]

``list`` is a dataset of many small Python objects (its pages are copied as they are read in a forked worker), ``array``
one block (they are not). ``--spike`` lets the trainer hold that much more for 20 ms, once.
"""

from __future__ import annotations

import argparse
import time

import numpy
import torch
from torch.utils.data import DataLoader, Dataset

ROWS, WIDTH, STEPS, BATCH = 400_000, 256, 60, 2048


class Rows(Dataset):
    """Rows made of a dataset that every worker holds."""

    def __init__(self, kind: str) -> None:
        if kind == "list":
            self.rows = [f"row {number} of the dataset" for number in range(ROWS)]
        else:
            self.rows = numpy.arange(ROWS * 64, dtype=numpy.int64).reshape(ROWS, 64)

    def __len__(self) -> int:
        return STEPS * BATCH

    def __getitem__(self, index: int) -> torch.Tensor:
        row = self.rows[index * (ROWS // (STEPS * BATCH))]
        return torch.full((WIDTH * 4,), float(len(row) if isinstance(row, str) else row[0]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", choices=["fork", "spawn"], required=True)
    parser.add_argument("--data", choices=["list", "array"], required=True)
    parser.add_argument("--spike", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    loader = DataLoader(Rows(arguments.data), batch_size=BATCH, num_workers=2, multiprocessing_context=arguments.start)
    net = torch.nn.Sequential(torch.nn.Linear(WIDTH * 4, 512), torch.nn.ReLU(), torch.nn.Linear(512, 1))
    optimizer = torch.optim.Adam(net.parameters())
    for step, batch in enumerate(loader):
        net(batch).pow(2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step == STEPS // 2 and arguments.spike:
            block = torch.ones(arguments.spike << 18)  # 4 bytes each
            time.sleep(0.02)
            del block


if __name__ == "__main__":
    main()
