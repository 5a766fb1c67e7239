"""Checkpoints and trackers under the simulation: nothing is written, nothing leaves the machine.

What a script saves is remembered by its shapes, so that a later load in the same run finds it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Phase


def install(simulation: Any, patches: Patches) -> None:
    """Replace torch.save, torch.load and safetensors' writers."""
    saved: dict[str | None, Any] = {}
    old_load, old_save = torch.load, torch.save

    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        phase, simulation.situation.phase = simulation.situation.phase, Phase.CHECKPOINT
        simulation.host.checkpoint(*_weights(simulation, obj))
        simulation.situation.phase = phase
        if all(simulation.ledger.pool(tensor) is None for tensor in _tensors(obj)) and not hasattr(obj, "parameters"):
            _save_real(f, obj)  # prepared data: small, real, and often read back by other ways
        elif _key(f) is not None:
            saved[_key(f)] = _shapes(obj)

    def _save_real(f: Any, obj: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            old_save(obj, f)
        elif simulation.writes_are_redirected:
            with Path(f).open("wb") as file:
                old_save(obj, file)
        else:
            saved[_key(f)] = _shapes(obj)

    def load(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        if _key(f) in saved:
            return _restore(simulation, saved[_key(f)], map_location)
        if isinstance(f, (str, os.PathLike)):
            kwargs.setdefault("mmap", True)  # pages are read as they are used: a large file costs nothing here
        try:
            loaded = old_load(f, "cpu", *args, **kwargs)
        except (RuntimeError, ValueError) as error:
            if not kwargs.pop("mmap", None) or not _is_about_mapping(error):
                raise
            with Path(f).open("rb") as file:
                loaded = old_load(file, "cpu", *args, **kwargs)
        return _move(loaded, map_location)

    patches.set(torch, "save", save)
    patches.set(torch.serialization, "save", save)
    patches.set(torch, "load", load)
    patches.set(torch.serialization, "load", load)
    safetensors = sys.modules.get("safetensors.torch")
    if safetensors is None:
        try:
            import safetensors.torch as safetensors
        except ImportError:
            return
    patches.set(safetensors, "save_file", lambda tensors, filename, metadata=None: save(tensors, filename))
    patches.set(safetensors, "save_model", lambda model, filename, *args, **kwargs: save(model.state_dict(), filename))


def _is_about_mapping(error: Exception) -> bool:
    """An old format, or a file that C++ cannot open by its name."""
    return "mmap" in str(error) or "unable to open file" in str(error)


def _key(file: Any) -> str | None:
    """The absolute path of a path or an open file; None for a buffer in memory."""
    path = file if isinstance(file, (str, os.PathLike)) else getattr(file, "name", None)
    return str(Path(path).absolute()) if isinstance(path, (str, os.PathLike)) else None


def _weights(simulation: Any, obj: Any) -> tuple[int, int]:
    """Total bytes of an object's tensors, and of the largest one that must first be copied from a device."""
    total, largest = 0, 0
    for tensor in _tensors(obj):
        size = tensor.numel() * tensor.element_size()
        total += size
        if simulation.ledger.pool(tensor) not in (None, HOST):
            largest = max(largest, size)
    return total, largest


def _tensors(obj: Any) -> Any:
    if isinstance(obj, torch.Tensor):
        yield obj
    elif isinstance(obj, torch.nn.Module):
        yield from obj.state_dict().values()
    elif isinstance(obj, dict):
        for item in obj.values():
            yield from _tensors(item)
    elif isinstance(obj, (list, tuple)):
        for item in obj:
            yield from _tensors(item)


class _Shape:
    """What is remembered of a saved tensor."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.size, self.dtype, self.device = tuple(tensor.shape), tensor.dtype, tensor.device


def _shapes(obj: Any) -> Any:
    if isinstance(obj, torch.Tensor):
        return _Shape(obj)
    if isinstance(obj, dict):
        return (
            type(obj)((key, _shapes(item)) for key, item in obj.items())
            if type(obj).__name__ != "defaultdict"
            else {key: _shapes(item) for key, item in obj.items()}
        )
    if isinstance(obj, (list, tuple)) and not hasattr(obj, "_fields"):
        return type(obj)(_shapes(item) for item in obj)
    return obj


def _restore(simulation: Any, obj: Any, where: Any) -> Any:
    if isinstance(obj, _Shape):
        device = obj.device if where is None or callable(where) or isinstance(where, dict) else torch.device(where)
        return torch.zeros(obj.size, dtype=obj.dtype, device=device)
    if isinstance(obj, dict):
        return type(obj)((key, _restore(simulation, item, where)) for key, item in obj.items())
    if isinstance(obj, (list, tuple)) and not hasattr(obj, "_fields"):
        return type(obj)(_restore(simulation, item, where) for item in obj)
    return obj


def _move(obj: Any, where: Any) -> Any:
    """Bring loaded tensors to where the script wants them; a function or table as map_location means the host."""
    if where is None or callable(where) or isinstance(where, dict) or torch.device(where).type == "cpu":
        return obj
    if isinstance(obj, torch.Tensor):
        return obj.to(where)
    if isinstance(obj, dict):
        for key, item in obj.items():
            obj[key] = _move(item, where)
        return obj
    if isinstance(obj, (list, tuple)) and not hasattr(obj, "_fields"):
        return type(obj)(_move(item, where) for item in obj)
    return obj
