"""Data loaders: batches are made in this process, epochs are cut short once enough steps were seen, and what the
workers would hold is written down for the host pool."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from memfit.engine.observation import HostSide, LoaderNeeds
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Phase

# Batches of a loader that leads to no optimizer step and no backward pass: an evaluation.
_EVALUATION_BATCHES = 3


def install(simulation: Any, patches: Patches) -> None:
    """Replace how a DataLoader makes its iterator."""
    old_get_iterator = DataLoader._get_iterator

    def get_iterator(loader: Any) -> Any:
        workers = loader.num_workers
        single = copy.copy(loader)
        for name, value in (
            ("num_workers", 0),
            ("prefetch_factor", None),
            ("timeout", 0),
            ("pin_memory", False),
            ("worker_init_fn", None),
            ("_DataLoader__multiprocessing_context", None),
        ):
            object.__setattr__(single, name, value)
        object.__setattr__(single, "persistent_workers", False)
        return ShortenedEpoch(simulation, old_get_iterator(single), loader, workers)

    def iterate(loader: Any) -> Any:
        return loader._get_iterator()

    patches.set(DataLoader, "_get_iterator", get_iterator)
    patches.set(DataLoader, "__iter__", iterate)


class ShortenedEpoch:
    """An epoch that ends once the simulation has seen enough of it."""

    def __init__(self, simulation: Any, batches: Any, loader: Any, workers: int) -> None:
        self._simulation = simulation
        self._batches = batches
        self._loader = loader
        self._workers = workers
        self._seen = 0
        self._steps_at_start = simulation.total_steps
        self._backwards_at_start = simulation.backward_passes

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._batches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batches, name)

    def __next__(self) -> Any:
        simulation = self._simulation
        if simulation.active and self._enough():
            simulation.epoch_ended(self._steps() > 0, cut=True)
            raise StopIteration
        situation = simulation.situation
        if situation.phase in (Phase.EVALUATION, Phase.FORWARD) and not situation.module_stack:
            situation.phase = Phase.DATA
        try:
            batch = next(self._batches)
        except StopIteration:
            simulation.epoch_ended(self._steps() > 0, cut=False)
            raise
        self._seen += 1
        simulation.loaders_in_use = max(simulation.loaders_in_use, 1)
        if self._seen <= 2:
            _note_loader(simulation.host, self._loader, self._workers, batch_bytes(batch))
        if self._loader.pin_memory and simulation.device_count:
            simulation.host.pinned(batch_bytes(batch))
        return batch

    def _steps(self) -> int:
        return int(self._simulation.total_steps - self._steps_at_start)

    def _enough(self) -> bool:
        simulation = self._simulation
        steps = self._steps()
        if steps:
            return bool(steps >= simulation.steps_per_epoch and simulation.all_optimizers_stepped())
        if not simulation.optimizers and not simulation.backward_passes:
            return False  # a job that only infers: all of its batches are its job
        if simulation.backward_passes > self._backwards_at_start:
            return False
        return self._seen >= _EVALUATION_BATCHES and (simulation.total_steps > 0 or not simulation.whole_evaluations)


def _note_loader(host: HostSide, loader: Any, workers: int, size_bytes: int) -> None:
    context = getattr(loader, "multiprocessing_context", None)
    known = host.loaders.get(id(loader))
    host.loaders[id(loader)] = LoaderNeeds(
        workers=workers,
        prefetch=(loader.prefetch_factor or 2) if workers else 0,
        batch_bytes=max(size_bytes, known.batch_bytes if known else 0),
        pinned=bool(loader.pin_memory),
        start_method=context.get_start_method() if context is not None else "default",
    )


def batch_bytes(batch: Any) -> int:
    """Bytes of the tensors in a batch, however nested."""
    if isinstance(batch, torch.Tensor):
        return batch.numel() * batch.element_size()
    if isinstance(batch, dict) or hasattr(batch, "items"):
        return sum(batch_bytes(item) for item in batch.values())
    if isinstance(batch, (list, tuple)):
        return sum(batch_bytes(item) for item in batch)
    return int(getattr(batch, "nbytes", 0))
