"""The loops that are watched: a small one, whose iterations take a fraction of a millisecond, and a larger one.

    python benchmarks/overhead/loops.py small|large [ITERATIONS]

Prints one JSON line: seconds of the loop, of the processor, and the checksum of the weights (the same whoever watches).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import nn


def small() -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor], int]:
    """A perceptron on little batches: the cost of each call of Python shows."""
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))
    return model, (torch.randn(64, 32), torch.randint(0, 10, (64,))), 25_000


def large() -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor], int]:
    """A convolutional network on images: both cores are busy and megabytes come and go."""
    layers = [nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(4)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10))
    return model, (torch.randn(32, 3, 64, 64), torch.randint(0, 10, (32,))), 120


LOOPS = {"small": small, "large": large}


def stepping(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> Callable[[], None]:
    """One iteration of a loop, as a function."""
    inputs, targets = batch
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()

    return step


def prepared(loop: str) -> Callable[[], None]:
    """One iteration of the loop of that name."""
    torch.manual_seed(0)
    model, batch, _ = LOOPS[loop]()
    return stepping(model, batch)


def main() -> None:
    torch.manual_seed(0)
    model, batch, iterations = LOOPS[sys.argv[1]]()
    iterations = int(sys.argv[2]) if len(sys.argv) > 2 else iterations
    step = stepping(model, batch)
    for _ in range(max(3, iterations // 50)):
        step()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(iterations):
        step()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    checksum = sum(float(parameter.detach().double().sum()) for parameter in model.parameters())
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "checksum": checksum.hex()}))


if __name__ == "__main__":
    main()
