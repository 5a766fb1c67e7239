"""Loops that leak, each in another way. A loop is a generator: what lies between two yields is one iteration."""

from __future__ import annotations

import ctypes
import functools
import gc
import logging
import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np


def _model() -> Any:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    return torch.nn.Sequential(torch.nn.Linear(128, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))


def _step(model: Any, optimizer: Any) -> Any:
    import torch

    optimizer.zero_grad()
    loss = model(torch.randn(64, 128)).square().mean()
    loss.backward(retain_graph=True)
    optimizer.step()
    return loss


def losses_with_their_graph() -> Iterator[None]:
    """total_loss.append(loss), and the graph with it."""
    import torch

    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    losses = []
    while True:
        losses.append(_step(model, optimizer))
        yield


def hidden_state_with_history() -> Iterator[None]:
    """A recurrent state carried from batch to batch without detach."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    cell, state = torch.nn.GRUCell(32, 64), torch.zeros(16, 64)
    while True:
        state = cell(torch.randn(16, 32), state)
        yield


def hooks_added_in_the_loop() -> Iterator[None]:
    """A forward hook is registered for every batch and never removed; each keeps its batch."""
    import torch

    model = _model()
    while True:
        batch = torch.randn(64, 128)
        model[0].register_forward_hook(lambda module, inputs, output, kept=batch: None)
        model(batch)
        yield


def cached_by_tensor() -> Iterator[None]:
    """lru_cache(None) on a function of tensors: every tensor is a new key."""
    import torch

    torch.set_num_threads(1)

    @functools.lru_cache(None)
    def features(batch: Any) -> Any:
        return batch.repeat(1, 2)

    while True:
        features(torch.randn(32, 64))
        yield


def scheduler_history() -> Iterator[None]:
    """A scheduler notes a copy of the weights at every step."""
    import copy

    import torch

    model = _model()
    optimizer = torch.optim.Adam(model.parameters())
    history = []
    while True:
        _step(model, optimizer)
        history.append(copy.deepcopy(model[2].state_dict()))
        yield


def evaluation_predictions() -> Iterator[None]:
    """Every twentieth iteration an evaluation adds its predictions to a report."""
    report: list[np.ndarray] = []
    step = 0
    while True:
        step += 1
        np.ones(50_000).cumsum()
        if step % 20 == 0:
            report.append(np.random.default_rng(step).random((200, 400)))
        yield


def cache_without_bound() -> Iterator[None]:
    """A dictionary of results by request, every request new."""
    cache: dict[str, np.ndarray] = {}
    step = 0
    while True:
        step += 1
        cache[f"request-{step}"] = np.full(4000, step, dtype=float)
        yield


def exceptions_with_frames() -> Iterator[None]:
    """Failed batches are noted with their exception, whose traceback holds the frame and its arrays."""
    failures: list[Exception] = []
    step = 0

    def work(step: int) -> float:
        batch = np.ones(8000) * step
        if step % 3 == 0:
            raise ValueError(f"bad batch {step}")
        return float(batch.sum())

    while True:
        step += 1
        try:
            work(step)
        except ValueError as error:
            failures.append(error)
        yield


def global_outputs() -> Iterator[None]:
    """All outputs are kept for an average that is taken at the end; batches differ in size."""
    outputs = []
    random = np.random.default_rng(0)
    while True:
        outputs.append(random.random(int(random.integers(500, 6000))))
        yield


def figures_never_closed() -> Iterator[None]:
    """A plotting library keeps every figure in a registry until it is closed; a figure every five iterations."""
    registry: dict[int, dict[str, Any]] = {}
    step = 0
    while True:
        step += 1
        if step % 5 == 0:
            registry[step] = {"canvas": np.zeros((200, 300, 4), dtype=np.uint8) + 1, "lines": list(range(100))}
        yield


def callbacks_that_close_over_batches() -> Iterator[None]:
    """Callbacks registered per batch close over it."""
    callbacks: list[Callable[[], np.ndarray]] = []

    def register(batch: np.ndarray) -> None:
        callbacks.append(lambda: batch)

    while True:
        register(np.ones(3000))
        yield


def futures_kept() -> Iterator[None]:
    """Every future of a pool is kept to be waited for, with its result."""
    futures: list[Future[np.ndarray]] = []
    with ThreadPoolExecutor(2) as pool:
        while True:
            futures.append(pool.submit(np.ones, 4000))
            futures[-1].result()
            yield


def malloc_without_free() -> Iterator[None]:
    """A C library's buffer is never freed."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        ctypes.memset(libc.malloc(20_000), 1, 20_000)
        yield


def cycles_without_a_collector() -> Iterator[None]:
    """Objects that refer to each other while the collector is switched off."""
    gc.disable()
    while True:
        first: dict[str, Any] = {"data": np.ones(2500)}
        second = {"other": first}
        first["other"] = second
        yield


def mappings_kept() -> Iterator[None]:
    """An anonymous mapping per batch is filled and kept."""
    mappings = []
    while True:
        mapping = mmap.mmap(-1, 65536)
        mapping.write(b"x" * 65536)
        mappings.append(mapping)
        yield


def handlers_added_in_the_loop() -> Iterator[None]:
    """A logger gets one more handler per iteration, and every handler buffers every record: faster and faster."""
    from logging.handlers import MemoryHandler

    logger = logging.getLogger("leaking")
    logger.propagate = False
    step = 0
    while True:
        step += 1
        logger.addHandler(MemoryHandler(1_000_000, flushLevel=100))
        logger.warning("step %d of %s", step, "x" * 200)
        yield


LOOPS = (
    losses_with_their_graph, hidden_state_with_history, hooks_added_in_the_loop, cached_by_tensor, scheduler_history,
    evaluation_predictions, cache_without_bound, exceptions_with_frames, global_outputs, figures_never_closed,
    callbacks_that_close_over_batches, futures_kept, malloc_without_free, cycles_without_a_collector, mappings_kept,
    handlers_added_in_the_loop,
)  # fmt: skip
