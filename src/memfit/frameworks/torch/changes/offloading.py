"""Parameters that wait in the host's memory and come to the device for each block's turn: FSDP2 over one device.

What a user would type is what is done here (torch.distributed.fsdp.fully_shard with CPUOffloadPolicy, torch 2.6 and
newer), so that its copies, its prefetch of the next block and its step on the host are its own.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import distributed

from memfit.errors import UsageError
from memfit.frameworks.torch.changes.forward import around_outermost
from memfit.frameworks.torch.changes.optimizing import after_init, parameters_of
from memfit.frameworks.torch.surface.patching import Patches


def offload_parameters(value: dict[str, Any], patches: Patches) -> None:
    """Wrap the blocks, and the model around them, when the optimizer is made; without one, when the model is called.

    Until then the model stays where it was built, whatever device it is moved to: all of it is never on the device.

    Args:
        value: "kind", the blocks' class by name, "device" ("cuda", "cpu") and "trains", whether there is an optimizer.
        patches: keeps what was there before.
    """
    device = str(value["device"])
    held_back: weakref.WeakKeyDictionary[Any, tuple[Any, ...]] = weakref.WeakKeyDictionary()
    built: weakref.WeakSet[Any] = weakref.WeakSet()
    old_init, old_to = torch.nn.Module.__init__, torch.nn.Module.to

    def init(module: Any, *args: Any, **kwargs: Any) -> None:
        old_init(module, *args, **kwargs)
        built.add(module)

    def to(module: Any, *args: Any, **kwargs: Any) -> Any:
        target, dtype, *_ = torch._C._nn._parse_to(*args, **kwargs)
        if target is None or target.type != device:
            return old_to(module, *args, **kwargs)
        held_back[module] = (target,)
        return module if dtype is None else old_to(module, dtype)

    def cuda(module: Any, index: Any = None) -> Any:
        return to(module, torch.device("cuda") if index is None else torch.device("cuda", index))

    def release() -> None:
        for module, target in list(held_back.items()):
            old_to(module, *target)
        held_back.clear()

    def wrap(optimizer: Any) -> None:
        roots = _roots(built, {id(parameter) for parameter in parameters_of(optimizer)})
        names = {id(each): (root, name) for root in roots for name, each in _named(root)}
        groups = [[names.get(id(each), each) for each in group["params"]] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["params"] = []  # else the old ones live on, where each was last
        for root in roots:
            _shard(root, value["kind"], device)
            held_back.pop(root, None)
        new = {id(root): dict(_named(root)) for root in roots}
        for group, wanted in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = [new[id(each[0])][each[1]] if isinstance(each, tuple) else each for each in wanted]
        release()

    @contextlib.contextmanager
    def context(module: Any) -> Iterator[None]:
        if not value["trains"] and module in held_back:
            del held_back[module]
            _shard(module, value["kind"], device)
        release()
        yield

    patches.set(torch.nn.Module, "__init__", init)
    patches.set(torch.nn.Module, "to", to)
    patches.set(torch.nn.Module, "cuda", cuda)
    around_outermost(patches, context)
    after_init(patches, wrap)


def _roots(built: Any, wanted: set[int]) -> list[Any]:
    """The outermost modules that have some of the parameters."""
    inner = {id(child) for module in list(built) for child in module.children()}
    return [
        module
        for module in list(built)
        if id(module) not in inner and any(id(each) in wanted for each in module.parameters())
    ]


def _named(root: Any) -> Iterator[tuple[str, Any]]:
    found: Iterator[tuple[str, Any]] = root.named_parameters(remove_duplicate=False)
    return found


def _shard(root: Any, kind: str, device: str) -> None:
    """Wrap a model's blocks, and what is left of it.

    Raises:
        UsageError: the model has no blocks of the kind.
    """
    from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard

    if not distributed.is_initialized():
        backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
        distributed.init_process_group(backend, store=distributed.HashStore(), rank=0, world_size=1)
    mesh = distributed.init_device_mesh(device, (distributed.get_world_size(),))
    policy = CPUOffloadPolicy(pin_memory=device != "cpu")
    blocks = [module for module in root.modules() if type(module).__name__ == kind][::-1]  # inner ones come first
    if not blocks:
        raise UsageError(f"the model has no {kind} whose parameters could wait in the host's memory")
    for block in (*blocks, root):
        fully_shard(block, mesh=mesh, offload_policy=policy)
