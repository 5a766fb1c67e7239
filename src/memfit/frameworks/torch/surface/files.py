"""Checkpoints and trackers under the simulation: nothing is written, nothing leaves the machine.

What a script saves holds its simulated tensors by their shapes, so that a later load in the same run finds them.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Phase

_real_device = torch._C.TensorBase.device.__get__


def install(simulation: Any, patches: Patches) -> None:
    """Replace torch.save, torch.load and safetensors' writers."""
    kept: dict[str | None, bytes] = {}
    old_load, old_save = torch.load, torch.save

    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        phase, simulation.situation.phase = simulation.situation.phase, Phase.CHECKPOINT
        simulation.host.checkpoint(*_weights(simulation, obj))
        simulation.situation.phase = phase
        if not isinstance(f, (str, os.PathLike)):
            old_save(obj, f, pickle_module=_PICKLING)
        elif simulation.writes_are_redirected:
            with Path(f).open("wb") as file:
                old_save(obj, file, pickle_module=_PICKLING)
        else:
            buffer = io.BytesIO()
            old_save(obj, buffer, pickle_module=_PICKLING)
            kept[_key(f)] = buffer.getvalue()

    def load(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(f, (str, os.PathLike)):
            if _key(f) in kept:
                f = io.BytesIO(kept[_key(f)])
            else:
                kwargs.setdefault("mmap", True)  # pages are read as they are used: a large file costs nothing here
        with _loading_to(map_location):
            try:
                loaded = old_load(f, "cpu", *args, **kwargs)
            except (RuntimeError, ValueError) as error:
                if not kwargs.pop("mmap", None) or not _is_about_mapping(error):
                    raise
                with Path(f).open("rb") as file:
                    loaded = old_load(file, "cpu", *args, **kwargs)
        return _move(loaded, map_location)

    torch.serialization.add_safe_globals([_remade])
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


_target: list[Any] = []


@contextlib.contextmanager
def _loading_to(where: Any) -> Iterator[None]:
    """Where simulated tensors are made anew while a file is read; None: where they were."""
    _target.append(None if callable(where) or isinstance(where, dict) else where)
    try:
        yield
    finally:
        _target.pop()


def _remade(size: Any, dtype: Any, device: str, requires_grad: bool, parameter: bool) -> torch.Tensor:
    """A simulated tensor read back."""
    made = torch.zeros(size, dtype=dtype, device=_target[-1] if _target and _target[-1] is not None else device)
    return torch.nn.Parameter(made, requires_grad) if parameter else made.requires_grad_(requires_grad)


class _Pickler(pickle.Pickler):
    """Writes simulated tensors by their shape, everything else as it is."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor) and _real_device(obj).type == "meta":
            is_parameter = isinstance(obj, torch.nn.Parameter)
            return _remade, (tuple(obj.shape), obj.dtype, str(obj.device), obj.requires_grad, is_parameter)
        return NotImplemented


# What torch.save wants of a pickle module.
_PICKLING = types.SimpleNamespace(
    __name__="pickle", Pickler=_Pickler, Unpickler=pickle.Unpickler, dump=pickle.dump, load=pickle.load
)


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
