"""Small CUDA loops, each with one habit. Prints what PyTorch and the driver say at the end, as one JSON line.

python benchmarks/recorded_device/jobs.py sound|losses|fragments|evaluation|adam
"""

from __future__ import annotations

import json
import sys
import time

import torch
from torch import nn

STEPS = 240


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2048, 8192), nn.GELU(), nn.Linear(8192, 8192), nn.GELU(), nn.Linear(8192, 64)).cuda()


def main(habit: str) -> None:
    torch.manual_seed(0)
    net = model()
    optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters()) if habit == "adam" else torch.optim.SGD(
        net.parameters(), lr=1e-3
    )  # fmt: skip
    kept: list[torch.Tensor] = []
    for step in range(STEPS):
        size = 256 if habit != "fragments" else int(torch.randint(64, 2048, (1,)))
        inputs, targets = torch.randn(size, 2048, device="cuda"), torch.randint(0, 64, (size,), device="cuda")
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        if habit == "losses":
            kept.append(net(inputs[:16]).square().mean())
        if habit == "evaluation" and step % 40 == 39:
            net.eval()
            with torch.no_grad():
                net(torch.randn(20_000, 2048, device="cuda"))
            net.train()
            torch.cuda.empty_cache()
        torch.cuda.synchronize()
        time.sleep(0.02)
    free, total = torch.cuda.mem_get_info()
    time.sleep(1.2)  # one more reading of the driver by whoever watches
    print(
        json.dumps(
            {
                "habit": habit,
                "allocated_bytes": torch.cuda.memory_allocated(),
                "allocated_peak_bytes": torch.cuda.max_memory_allocated(),
                "reserved_bytes": torch.cuda.memory_reserved(),
                "reserved_peak_bytes": torch.cuda.max_memory_reserved(),
                "driver_used_bytes": total - free,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
