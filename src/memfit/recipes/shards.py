"""Weights shared among ranks as ZeRO 3 shares them: gathered for the module that needs them, then let go.

Rules (DeepSpeed 0.19.8, runtime/zero/partitioned_param_coordinator.py and its defaults in config.py): from the second
step on, when the order is known, the next modules' weights come ahead (`prefetch_bucket_size`), and those that are
needed again soon stay (`max_reuse_distance`); small ones are never shared (`param_persistence_threshold`).
"""

from __future__ import annotations

from typing import Any

import torch

SHARDS = "memfit_shards"  # the attribute of a model that is shared so
_SMALL = 100_000  # stage3_param_persistence_threshold
_AHEAD = 50_000_000  # stage3_prefetch_bucket_size
_SOON = 1_000_000_000  # stage3_max_reuse_distance


class Shards:
    """The weights of a model, of which this rank keeps a part.

    Args:
        model: on "meta"; its large weights are empty afterwards, and on the device.
        ranks: how many share it.
        device: where weights are gathered.
        on_host: whether parts lie in the host's memory.
    """

    def __init__(self, model: torch.nn.Module, ranks: int, device: torch.device, *, on_host: bool) -> None:
        self._device = device
        self._shapes: dict[torch.Tensor, torch.Size] = {}
        self._order: list[Any] = []  # modules as they needed their weights in the first step
        self._at, self._is_known = 0, False
        self._replace(model)
        self._parts = [
            torch.zeros(-(-shape.numel() // ranks), dtype=weight.dtype, device="cpu" if on_host else device)
            for weight, shape in self._shapes.items()
        ]
        for module in model.modules():
            if self._shared(module):
                module.register_forward_pre_hook(self._before)
                module.register_forward_hook(self._after)
                module.register_full_backward_pre_hook(self._before)
                module.register_full_backward_hook(self._undone)
        setattr(model, SHARDS, self)

    def _replace(self, model: torch.nn.Module) -> None:
        """Empty weights for those that are shared, tied ones once."""
        made: dict[torch.Tensor, torch.nn.Parameter] = {}
        for module in model.modules():
            for name, weight in module._parameters.items():
                if weight is not None and weight.numel() > _SMALL:
                    if weight not in made:
                        empty = torch.empty(0, dtype=weight.dtype, device=self._device)
                        made[weight] = torch.nn.Parameter(empty, requires_grad=weight.requires_grad)
                        self._shapes[made[weight]] = weight.shape
                    module._parameters[name] = made[weight]

    def shape_of(self, weight: torch.Tensor) -> torch.Size:
        """The whole weight's shape."""
        return self._shapes.get(weight, weight.shape)

    def let_go(self, weight: torch.Tensor) -> None:
        """Keep this rank's part alone."""
        if weight in self._shapes:
            weight.data = torch.empty(0, dtype=weight.dtype, device=self._device)

    def _shared(self, module: torch.nn.Module) -> list[torch.nn.Parameter]:
        return [weight for weight in module._parameters.values() if weight is not None and weight in self._shapes]

    def _gather(self, module: torch.nn.Module) -> None:
        wanted = [weight for weight in self._shared(module) if not weight.numel()]
        if not wanted:
            return
        sizes = [self._shapes[weight].numel() for weight in wanted]
        whole = torch.empty(sum(sizes), dtype=wanted[0].dtype, device=self._device)
        for weight, piece in zip(wanted, whole.split(sizes), strict=True):
            weight.data = piece.view(self._shapes[weight])

    def _before(self, module: torch.nn.Module, *_: Any) -> None:
        self._gather(module)
        if not self._is_known:
            self._order.append(module)
            return
        self._at += 1
        ahead = 0
        for other in self._order[self._at :]:
            ahead += self._numbers(other)
            if ahead > _AHEAD:
                break
            self._gather(other)

    def _after(self, module: torch.nn.Module, *_: Any) -> None:
        if not self._needed_soon(module):
            for weight in self._shared(module):
                self.let_go(weight)

    def _undone(self, module: torch.nn.Module, *_: Any) -> None:
        """What is trained is let go when its gradient is whole; what is frozen, here."""
        for weight in self._shared(module):
            if not weight.requires_grad:
                self.let_go(weight)

    def _needed_soon(self, module: torch.nn.Module) -> bool:
        if torch._C._current_graph_task_id() >= 0:
            return True  # run again in the backward pass, which follows
        distance = 0
        for other in self._order[self._at :] if self._is_known else ():
            distance += self._numbers(other)
            if distance > _SOON:
                return False
            if other is module:
                return True
        return False

    def _numbers(self, module: torch.nn.Module) -> int:
        return sum(self._shapes[weight].numel() for weight in self._shared(module))

    def end_of_step(self) -> None:
        """The order is known now; what is still gathered is let go."""
        self._is_known, self._at = self._is_known or bool(self._order), 0
        for weight in self._shapes:
            if weight.numel():
                self.let_go(weight)
