"""Loops that do not leak, though many of them rise. A loop is a generator: between two yields lies one iteration."""

from __future__ import annotations

import functools
import gc
import io
import mmap
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.judgement.real.leaking import _model


def _train(optimizer_name: str) -> Iterator[Any]:
    import torch

    model = _model()
    optimizer = getattr(torch.optim, optimizer_name)(model.parameters(), 0.01)
    while True:
        optimizer.zero_grad()
        loss = model(torch.randn(64, 128)).square().mean()
        loss.backward()
        optimizer.step()
        yield model, loss


def plain_training() -> Iterator[None]:
    """SGD, nothing kept."""
    for _ in _train("SGD"):
        yield


def adam_training() -> Iterator[None]:
    """Adam: its state comes with the first step."""
    for _ in _train("Adam"):
        yield


def losses_as_numbers() -> Iterator[None]:
    """losses.append(loss.item())."""
    losses = []
    for _, loss in _train("SGD"):
        losses.append(loss.item())
        yield


def training_with_checkpoints() -> Iterator[None]:
    """A checkpoint is serialised every 40 iterations, with a large frozen part."""
    import torch

    frozen = torch.ones(4_000_000)
    for step, (model, _) in enumerate(_train("SGD")):
        if step % 40 == 39:
            torch.save({"model": model.state_dict(), "frozen": frozen}, io.BytesIO())
        yield


def training_with_evaluation() -> Iterator[None]:
    """Every 50 iterations an evaluation on a larger batch."""
    import torch

    for step, (model, _) in enumerate(_train("Adam")):
        if step % 50 == 49:
            with torch.no_grad():
                model(torch.randn(20_000, 128))
        yield


def batches_of_varying_length() -> Iterator[None]:
    """Every batch has another size: the allocator keeps what the largest needed."""
    import torch

    torch.set_num_threads(1)
    random = np.random.default_rng(1)
    layer = torch.nn.Linear(64, 256)
    while True:
        layer(torch.randn(int(random.integers(100, 4000)), 64)).relu().sum().backward()
        yield


def bounded_cache() -> Iterator[None]:
    """lru_cache of 100 entries, filled within a third of the loop."""

    @functools.lru_cache(100)
    def features(key: int) -> np.ndarray:
        return np.full(10_000, key, dtype=float)

    step = 0
    while True:
        step += 1
        features(step)
        yield


def replay_buffer() -> Iterator[None]:
    """A replay memory with room for 150 transitions."""
    memory: deque[np.ndarray] = deque(maxlen=150)
    while True:
        memory.append(np.ones(8000))
        yield


def first_epoch_cached() -> Iterator[None]:
    """A data set keeps decoded samples: all of them after the first epoch of 120 batches."""
    samples: dict[int, np.ndarray] = {}
    step = 0
    while True:
        key = step % 120
        if key not in samples:
            samples[key] = np.full(6000, key, dtype=float)
        step += 1
        yield


def garbage_in_cycles() -> Iterator[None]:
    """Objects in cycles wait for the collector, which comes every 37 iterations."""
    gc.disable()
    step = 0
    while True:
        step += 1
        first: dict[str, Any] = {"data": np.ones(5000)}
        first["self"] = first
        del first
        if step % 37 == 0:
            gc.collect()
        yield


def heap_in_motion() -> Iterator[None]:
    """A bounded set of blocks of all sizes, freed and taken in random order: fragmentation that levels off."""
    random = np.random.default_rng(2)
    live: list[bytearray] = [bytearray(1000) for _ in range(300)]
    while True:
        for _ in range(40):
            live[int(random.integers(300))] = bytearray(int(random.integers(100, 60_000)))
        yield


def mapped_data_set() -> Iterator[None]:
    """Random rows of a mapped file are read: its pages become resident until all are."""
    with tempfile.TemporaryFile() as file:
        file.truncate(16 << 20)
        with mmap.mmap(file.fileno(), 0) as rows:
            random = np.random.default_rng(3)
            while True:
                for place in random.integers(0, 4096, 80):
                    rows[int(place) * 4096]
                yield


def strings_come_and_go() -> Iterator[None]:
    """Text is parsed and dropped."""
    step = 0
    while True:
        step += 1
        words = [f"{step}-{number}" for number in range(3000)]
        {word: len(word) for word in words}
        yield


def prefetching() -> Iterator[None]:
    """A queue of eight batches of varying size is filled ahead."""
    queue: deque[np.ndarray] = deque()
    random = np.random.default_rng(4)
    while True:
        while len(queue) < 8:
            queue.append(random.random(int(random.integers(10_000, 60_000))))
        queue.popleft()
        yield


LOOPS = (
    plain_training, adam_training, losses_as_numbers, training_with_checkpoints, training_with_evaluation,
    batches_of_varying_length, bounded_cache, replay_buffer, first_epoch_cached, garbage_in_cycles, heap_in_motion,
    mapped_data_set, strings_come_and_go, prefetching,
)  # fmt: skip
