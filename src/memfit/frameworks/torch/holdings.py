"""Who holds memory in a running PyTorch job: by storage, each counted once; nothing of the job is kept or changed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from memfit.owners import owners
from memfit.quantities import Held

_DEEPEST = 3  # of an optimizer's state: lists within dicts (LBFGS)
_SAMPLED = 16
_MOST_NODES = 5000
_MOST_REPORTED = 10


class Holdings:
    """Looks at the tensors of a process.

    Args:
        torch: the module.
        optimizers: those that have stepped.
        modules: those that were told to train or to evaluate.
    """

    def __init__(self, torch: Any, optimizers: Any, modules: Any) -> None:
        self._torch = torch
        self._optimizers = optimizers
        self._modules = modules
        self._before: dict[tuple[str, str], int] = {}

    def tensors(self) -> list[Held]:
        """Parameters, gradients, buffers and optimizer state, exactly, without searching for them."""
        summed: dict[tuple[str, str], list[int]] = {}
        seen: set[int] = set()
        with self._torch._C.DisableTorchFunctionSubclass():
            for category, label, tensor in self._known():
                size = storage_bytes(tensor, seen)
                if size is not None:
                    row = summed.setdefault((category, f"{label}{_place(tensor)}"), [0, 0])
                    row[0] += size
                    row[1] += 1
        found = [self._held(category, label, size, count) for (category, label), (size, count) in summed.items()]
        return sorted(found, key=lambda held: -(held.held_bytes or 0))

    def _known(self) -> Iterator[tuple[str, str, Any]]:
        parameters: dict[int, Any] = {}
        for module in self._modules:
            name = type(module).__name__
            for parameter in module.parameters():
                if id(parameter) not in parameters:
                    parameters[id(parameter)] = parameter
                    yield "parameters", name, parameter
            for buffer in module.buffers():
                yield "buffers", name, buffer
        for optimizer in self._optimizers:
            name = type(optimizer).__name__
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if id(parameter) not in parameters:
                        parameters[id(parameter)] = parameter
                        yield "parameters", f"of {name}", parameter
        for parameter in parameters.values():
            if parameter.grad is not None:
                yield "gradients", "gradients", parameter.grad
        for optimizer in self._optimizers:
            for state in list(optimizer.state.values()):
                yield from self._state(type(optimizer).__name__, state, "", 0)

    def _state(self, name: str, value: Any, key: str, depth: int) -> Iterator[tuple[str, str, Any]]:
        if isinstance(value, self._torch.Tensor):
            yield "optimizer_state", f"{name}: {key}", value
        elif depth < _DEEPEST and type(value) is dict:
            for inner, part in list(value.items()):
                yield from self._state(name, part, key or str(inner), depth + 1)
        elif depth < _DEEPEST and type(value) in (list, tuple):
            for part in list(value):
                yield from self._state(name, part, key, depth + 1)

    def _held(self, category: str, label: str, size: int, count: int, where: str = "") -> Held:
        before = self._before.get((category, label))
        measure = count if category == "graph" else size
        self._before[category, label] = measure
        grows = None if before is None else measure > before
        return Held(category=category, label=label, held_bytes=size, count=count, where=where, grows=grows)

    # ---- graphs

    def graphs(self) -> list[Held]:
        """Live tensors that hold a graph, by what holds them and by the operation that made them."""
        holding = self._with_graph()
        if not holding:
            return []
        ids = {id(tensor) for tensor in holding}
        step = max(1, len(holding) // _SAMPLED)
        groups = _containers_of(holding[::step][:_SAMPLED], ids, {id(holding)})
        grouped = {id(part) for container in groups for part in _parts(container)}
        single = [tensor for tensor in holding if id(tensor) not in grouped][-_SAMPLED:]
        holders = owners([*groups, *single], besides=(holding, groups, single))
        found = []
        for container in groups:
            label, where = holders.get(id(container), ("", ""))
            inside = [part for part in _parts(container) if id(part) in ids]
            sizes = sum(tensor.nbytes for tensor in inside if not tensor.is_sparse)
            made = type(inside[0].grad_fn).__name__ if inside else ""
            found.append(self._held("graph", f"{type(container).__name__} {label}: {made}", sizes, len(inside), where))
        for tensor in single:
            label, where = holders.get(id(tensor), ("", ""))
            nodes = _nodes(tensor.grad_fn)
            text = f"graph of {label}: {type(tensor.grad_fn).__name__}".replace("of :", ":")
            found.append(self._held("graph", text, tensor.nbytes if not tensor.is_sparse else 0, nodes, where))
        return sorted(found, key=lambda held: -held.count)[:_MOST_REPORTED]

    def _with_graph(self) -> list[Any]:
        kinds: dict[type, bool] = {}
        tensor = self._torch.Tensor
        found = []
        with self._torch._C.DisableTorchFunctionSubclass():
            for obj in gc.get_objects():
                kind = type(obj)
                known = kinds.get(kind)
                if known is None:
                    known = kinds[kind] = tensor in kind.__mro__
                if known and obj.requires_grad and not obj.is_leaf:
                    found.append(obj)
        return found


def expected_seconds() -> float:
    """What a pass over all objects takes, from how many blocks Python has."""
    return sys.getallocatedblocks() * 2e-7


Holdings.graphs.expected_seconds = staticmethod(expected_seconds)  # type: ignore[attr-defined]


def storage_bytes(tensor: Any, seen: set[int]) -> int | None:
    """The bytes of a tensor's storage; None when it was counted before, or has none of its own here."""
    tensor = getattr(tensor, "_local_tensor", tensor)  # a rank's share of a distributed tensor
    try:
        storage = tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):  # sparse, and others that are made of several
        return int(tensor.numel() * tensor.element_size())
    key = storage._cdata
    if key in seen:
        return None
    seen.add(key)
    return int(storage.nbytes())


def _place(tensor: Any) -> str:
    return "" if tensor.device.type == "cpu" else f" on {tensor.device}"


def _containers_of(sample: list[Any], ids: set[int], own: set[int]) -> list[Any]:
    """Containers with several of the tensors in them."""
    groups: dict[int, Any] = {}
    for referrer in gc.get_referrers(*sample):
        if type(referrer) in (list, dict, set, tuple) and id(referrer) not in own and referrer is not sample:
            if type(referrer) is dict and "__name__" in referrer:  # a module's globals
                continue
            if sum(id(part) in ids for part in _parts(referrer)) > 1:
                groups[id(referrer)] = referrer
    return list(groups.values())


def _parts(container: Any) -> Iterable[Any]:
    return list(container.values()) if type(container) is dict else list(container)


def _nodes(node: Any) -> int:
    """How many operations a graph remembers, counted as far as it is worth."""
    seen: set[Any] = set()
    waiting = [node]
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting.extend(after for after, _ in node.next_functions)
    return len(seen)
