"""What advice looks at in a simulated job, beside its estimate: loaders, optimizers, layers, habits. Plain values."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import torch
from torch.utils.data import DataLoader

from memfit.engine.edits import outliving_bytes, phase_peaks
from memfit.engine.trace import Storage, Trace
from memfit.frameworks.torch.cycles import Cycles
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category

_LEAST_SHARE = 0.1  # of all activations: layers below it are not worth a change
_MOST_LAYERS = 4
_SHARDING = frozenset({"FSDPModule", "FullyShardedDataParallel"})  # torch 2.13; the first of fully_shard
_SHARDING_STATES = ("ZeroRedundancyOptimizer", "DeepSpeedZero")
RESULTS = frozenset({Category.ACTIVATIONS, Category.INPUTS, Category.TEMPORARIES})  # of a step, that it may give back


class Facts:
    """Looks on while a job is simulated.

    Args:
        simulation: the simulation; entered before this is installed.
    """

    def __init__(self, simulation: Any) -> None:
        self._sim = simulation
        self._loader: Any = None
        self._trained: weakref.WeakSet[Any] = weakref.WeakSet()
        self._loaders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._kept: list[dict[str, Any]] = []
        self._optimizers: dict[int, dict[str, Any]] = {}
        self._last_backward = 0
        self._graphs_in_evaluation = 0
        self._pending_evaluation = False
        self._gradients_in_forward = False
        self._autocast: str | None = None
        self._attention: str | None = None
        self._logits: tuple[int, str] = (0, "")
        self._roots: weakref.WeakSet[Any] = weakref.WeakSet()
        self._called: weakref.WeakSet[Any] = weakref.WeakSet()
        self._blocks: dict[str, dict[str, Any]] = {}
        self._layers: dict[str, tuple[str, bool]] = {}  # dotted name → class, whether it has children
        self._depth = 0
        self._backwards_at_step = -1
        self._cycles = Cycles(simulation)

    def install(self, patches: Patches) -> None:
        """Look on from now, until the patches are undone."""
        old_iter, old_call, old_init = DataLoader.__iter__, torch.nn.Module.__call__, torch.optim.Optimizer.__init__
        old_loss = torch.nn.functional.cross_entropy

        def iterate(loader: Any) -> Any:
            self._loader = loader
            self._loaders.add(loader)
            return old_iter(loader)

        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if self._depth or self._sim.situation.in_backward:
                return old_call(module, *args, **kwargs)
            self._depth = 1
            try:
                self._outermost(module)
                return old_call(module, *args, **kwargs)
            finally:
                self._depth = 0

        def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            old_init(optimizer, *args, **kwargs)
            optimizer.register_step_post_hook(lambda *_: self._stepped(optimizer))

        def loss(given: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(given, torch.Tensor) and given.requires_grad and given.numel() > self._logits[0]:
                self._logits = (given.numel(), self._sim.situation.place()[1] or "")
            return old_loss(given, *args, **kwargs)

        self._cycles.watch()
        patches.set(DataLoader, "__iter__", iterate)
        patches.set(torch.nn.Module, "__call__", call)
        patches.set(torch.optim.Optimizer, "__init__", init)
        patches.set(torch.nn.functional, "cross_entropy", loss)

    def _outermost(self, module: Any) -> None:
        sim = self._sim
        if sim.backward_passes > self._last_backward:
            self._pending_evaluation = False  # the graph of an evaluating module was used after all
            self._last_backward = sim.backward_passes
        if self._pending_evaluation:
            self._graphs_in_evaluation += 1
            self._pending_evaluation = False
        self._find_blocks(module)
        if not torch.is_grad_enabled():
            return
        if not module.training:
            self._pending_evaluation = bool(sim.optimizers)
            return
        if module not in self._roots:
            self._roots.add(module)
            for name, part in module.named_modules():
                self._layers[name] = (type(part).__name__, next(part.children(), None) is not None)
            self._attention = self._attention or _attention(module)
        for device in ("cuda", "cpu"):
            if torch.is_autocast_enabled(device):
                self._autocast = str(torch.get_autocast_dtype(device)).removeprefix("torch.")
        first_after_step = sim.total_steps and sim.backward_passes == self._backwards_at_step
        if first_after_step and any(
            parameter.grad is not None for each in list(sim.optimizers) for parameter in _parameters(each)
        ):
            self._gradients_in_forward = True

    def _find_blocks(self, root: Any) -> None:
        """Classes of which a list or a sequence has several, with what all of them have of parameters."""
        if root in self._called:
            return
        self._called.add(root)
        found: dict[str, set[Any]] = {}
        for parent in root.modules():
            if isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential):
                for child in parent:
                    found.setdefault(type(child).__name__, set()).add(child)
        for kind, blocks in found.items():
            weights = {id(each): each.numel() * each.element_size() for one in blocks for each in one.parameters()}
            size = sum(weights.values())
            if len(blocks) > 1 and size > self._blocks.get(kind, {"bytes": 0})["bytes"]:
                self._blocks[kind] = {"kind": kind, "count": len(blocks), "bytes": size}

    def _stepped(self, optimizer: Any) -> None:
        self._backwards_at_step = self._sim.backward_passes
        if self._loader is not None:
            self._trained.add(self._loader)
        group = optimizer.param_groups[0]
        parameters = _parameters(optimizer)
        self._optimizers[id(optimizer)] = {
            "kind": type(optimizer).__name__,
            "foreach": group.get("foreach"),
            "fused": group.get("fused"),
            "momentum": bool(group.get("momentum")),
            "trained_bytes": sum(each.numel() * each.element_size() for each in parameters if each.requires_grad),
            "matrix_bytes": sum(each.numel() * each.element_size() for each in parameters if each.dim() == 2),
        }

    def rest(self) -> None:
        """The job has ended: nothing of it may change any more before it is told."""
        self._cycles.rest()

    def told(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        sim = self._sim
        trace = sim.trace
        pools = trace.pools()
        main = next((pool for pool in pools if pool != "host"), "host")
        alive, total = _activations(trace, main)
        linear = sum(kind == "Linear" for kind, _ in self._layers.values())
        return {
            "framework": "torch",
            "pool": main,
            "phase_peaks": {pool: phase_peaks(trace, pool) for pool in pools},
            "steps": sim.total_steps,
            "micro_steps": max(round(sim.backward_passes / sim.total_steps), 1) if sim.total_steps else 0,
            "optimizers": list(self._optimizers.values()),
            "autocast": self._autocast,
            "gradients_in_forward": self._gradients_in_forward,
            "evaluates_with_gradients": self._graphs_in_evaluation > 0,
            "loaders": [self._told_loader(loader) for loader in self._loaders],
            "layers": self._told_layers(alive, total),
            "blocks": max(self._blocks.values(), key=lambda each: each["bytes"], default=None),
            "activations_bytes": total,
            "attention": self._attention,
            "scores": _scores(alive),
            "logits": {"numel": self._logits[0], "where": self._logits[1]},
            "linear_layers": linear,
            "linear_sizes": self._linear_sizes(),
            "outliving_bytes": outliving_bytes(trace, main, RESULTS),
            "cycles": self._cycles.told(main),
            "weight_bytes": self._weight_bytes(),
            "sharded": self._sharded(),
        }

    def _sharded(self) -> bool:
        """Whether a wrapper or an optimizer of torch's or DeepSpeed's divides weights or states among devices."""
        parts = [type(part) for root in self._sim.modules for part in root.modules()]
        wrapped = any(each.__name__ in _SHARDING for part in set(parts) for each in part.__mro__)
        return wrapped or any(each["kind"].startswith(_SHARDING_STATES) for each in self._optimizers.values())

    def _linear_sizes(self) -> list[int]:
        """The sizes of linear layers' matrices, those apart that are as large as a table of embeddings."""
        parts = [part for root in self._sim.modules for part in root.modules()]
        weights = {kind: {each.weight.numel() * each.weight.element_size() for each in parts if isinstance(each, kind)}
                   for kind in (torch.nn.Linear, torch.nn.Embedding)}  # fmt: skip
        return sorted(weights[torch.nn.Linear] - weights[torch.nn.Embedding])

    def _weight_bytes(self) -> int:
        """Of one element of the modules' parameters, by the type that most have; 0 without any."""
        sizes: Counter[int] = Counter()
        for parameter in {id(each): each for root in self._sim.modules for each in root.parameters()}.values():
            sizes[parameter.element_size()] += parameter.numel()
        return sizes.most_common(1)[0][0] if sizes else 0

    def _told_loader(self, loader: Any) -> dict[str, Any]:
        needs = self._sim.host.loaders.get(id(loader))
        return {
            "batch_size": loader.batch_size or getattr(loader.batch_sampler, "batch_size", None),
            "workers": loader.num_workers,
            "prefetch": (loader.prefetch_factor or 2) if loader.num_workers else 0,
            "pinned": bool(loader.pin_memory),
            "batch_bytes": needs.batch_bytes if needs is not None else 0,
            "trains": loader in self._trained,
            "start_method": needs.start_method if needs is not None else "default",
        }

    def _told_layers(self, alive: list[Storage], total: int) -> list[dict[str, Any]]:
        """Classes of layers that hold a part of the activations worth a change, those that hold most first."""
        by_kind: Counter[str] = Counter()
        for storage in alive:
            for kind in self._kinds_around(storage.module or ""):
                by_kind[kind] += storage.size_bytes
        counts = Counter(kind for kind, has_children in self._layers.values() if has_children)
        roots = {type(root).__name__ for root in self._roots}
        found = [
            {"kind": kind, "count": counts[kind], "bytes": size}
            for kind, size in by_kind.most_common()
            if counts[kind] >= 2 and size >= _LEAST_SHARE * total and kind not in roots
        ]
        return found[:_MOST_LAYERS]

    def _kinds_around(self, name: str) -> set[str]:
        """The classes of the layers that a module is, or is a part of; without leaves and lists."""
        parts = name.split(".")
        found = set()
        for length in range(1, len(parts) + 1):
            kind, has_children = self._layers.get(".".join(parts[:length]), ("", False))
            if has_children and kind not in ("ModuleList", "ModuleDict"):
                found.add(kind)
        return found


def _parameters(optimizer: Any) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _attention(root: Any) -> str | None:
    """What Transformers' models call their implementation of attention."""
    found = getattr(getattr(root, "config", None), "_attn_implementation", None)
    return str(found) if found else None


def _activations(trace: Trace, pool: str) -> tuple[list[Storage], int]:
    """The activations that live when there are most of them, and their bytes."""
    live: dict[int, Storage] = {}
    now = most = 0
    at = -1
    events = [event for event in trace.events(pool) if event[2].category is Category.ACTIVATIONS]
    for tick, change, storage in events:
        now += change * storage.size_bytes
        if now > most:
            most, at = now, tick
    for tick, change, storage in events:
        if tick > at:
            break
        if change > 0:
            live[id(storage)] = storage
        else:
            live.pop(id(storage), None)
    return list(live.values()), most


def _scores(alive: list[Storage]) -> list[dict[str, Any]]:
    """Attention scores that are written out: softmax results that wait for the backward pass, by the line."""
    by_line: dict[str, list[Storage]] = {}
    for storage in alive:
        if "softmax" in (storage.operator or "") and "log_softmax" not in (storage.operator or "") and storage.where:
            by_line.setdefault(storage.where, []).append(storage)
    return [
        {"where": where, "bytes": sum(each.size_bytes for each in found), "one_bytes": found[0].size_bytes}
        for where, found in by_line.items()
        if len(found) > 1
    ]
