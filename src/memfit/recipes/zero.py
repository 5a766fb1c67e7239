"""ZeRO 1 to 3 by DeepSpeed's rules, for machines that it does not run on: what each rank holds, and when.

Rules (DeepSpeed 0.19.8, runtime/zero/stage_1_and_2.py and stage3.py, defaults of config.py): trained weights lie flat
in their own type; each rank keeps its part of them in float32 with the optimizer's states. Gradients go through a
buffer of `reduce_bucket_size` numbers; from stage 2 on a rank then keeps its part alone. Before a step its part becomes
float32. With stage 3 (`shards`) the weights themselves are shared. Collectives are in place and not made here: another
rank's part takes no memory. Offloaded states and gradients are the host's.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import torch

from memfit.recipes.optimizers import optimizer
from memfit.recipes.shards import SHARDS, Shards

_SUB_GROUP = 1_000_000_000  # sub_group_size of stage 3: numbers that are stepped at once
_NORM_PIECE = 250_000_000  # buffer_size of _constant_buffered_norm2
_STAGES = {"zero1": 1, "zero2": 2, "zero3": 3}
_HOST = torch.device("cpu")


def stage_of(wishes: argparse.Namespace) -> int:
    """1 to 3; 0 for other ways to train on several ranks."""
    return _STAGES.get(wishes.parallel, 0) if wishes.mesh is None else 0


class Zero:
    """Steps as DeepSpeed's engine does; in the place of an optimizer.

    Args:
        model: in memory, with stage 3 shared by `shards`.
        wishes: of the recipe: parallel, optimizer, zero_bucket, zero_offload.
        device: of this rank.
    """

    def __init__(self, model: torch.nn.Module, wishes: argparse.Namespace, device: torch.device) -> None:
        self._stage, self._bucket, self._device = stage_of(wishes), wishes.zero_bucket, device
        self._ranks = int(os.environ.get("WORLD_SIZE", "1"))
        self._states = _HOST if wishes.zero_offload else device
        self._trained = [each for each in model.parameters() if each.requires_grad]
        self._type = self._trained[0].dtype
        self._shards: Shards | None = getattr(model, SHARDS, None)
        self._part = -(-self._numbers() // self._ranks)  # the last one is padded
        self._starts = self._starts_of_all()
        self._buffer: torch.Tensor | None = None
        self._filled = 0
        self._waiting: list[torch.Tensor] = []  # weights whose gradients are in the buffer
        self._averaged: torch.Tensor | None = None  # this rank's part of the gradients
        if self._shards is not None:
            self._averaged = torch.zeros(self._part, dtype=self._type, device=self._states)
        else:
            self._flatten()
        for weight in self._trained:
            weight.register_post_accumulate_grad_hook(self._ready)
        sizes = [min(_SUB_GROUP, self._part - at) for at in range(0, self._part, _SUB_GROUP)]
        whole = sizes if self._stage == 3 else [self._part]
        self._masters = [torch.nn.Parameter(torch.zeros(size, device=self._states)) for size in whole]
        self._inner = _inner(wishes.optimizer, self._masters)
        self._begin()

    def _size(self, weight: torch.Tensor) -> int:
        return int((self._shards.shape_of(weight) if self._shards else weight.shape).numel())

    def _numbers(self) -> int:
        return sum(map(self._size, self._trained))

    def _starts_of_all(self) -> dict[torch.Tensor, int]:
        """Where each weight begins, were all of them laid flat."""
        at, found = 0, {}
        for weight in self._trained:
            found[weight] = at
            at += self._size(weight)
        return found

    def _slice(self, weight: torch.Tensor) -> int:
        """How many numbers of a weight are this rank's: before stage 3 the first one's, with the embeddings."""
        if self._stage == 3:
            return -(-self._size(weight) // self._ranks)
        return max(0, min(self._size(weight), self._part - self._starts[weight]))

    def _copied(self, weights: list[torch.Tensor]) -> int:
        """How many numbers of a buffer are laid out anew to be reduced: all of them, unless they are one piece."""
        if self._stage == 3:
            alone = len(weights) == 1 and self._size(weights[0]) % self._ranks == 0
        else:
            ends = [at for each in weights for at in (self._starts[each], self._starts[each] + self._size(each) - 1)]
            alone = min(ends) // self._part == max(ends) // self._part
        return 0 if alone else sum(map(self._size, weights))

    def _flatten(self) -> None:
        """Every trained weight becomes a view of one buffer; they are on the host while it is made."""
        shapes = [weight.shape for weight in self._trained]
        for weight in self._trained:
            weight.data = torch.empty(0, dtype=self._type, device=self._device)
        self._flat = torch.empty(self._part * self._ranks, dtype=self._type, device=self._device)
        at = 0
        for weight, shape in zip(self._trained, shapes, strict=True):
            weight.data = self._flat[at : at + shape.numel()].view(shape)
            at += shape.numel()
        if self._states is _HOST:
            self._largest = torch.zeros(max(shape.numel() for shape in shapes), dtype=self._type, device=self._device)
            self._staging = torch.zeros(self._part, dtype=self._type)

    def _begin(self) -> None:
        """The optimizer's states are made at once, by a step with gradients of zero."""
        for master in self._masters:
            master.grad = torch.zeros_like(master)
            if self._stage == 3:
                self._inner.step()
                master.grad = None
        if self._stage < 3:
            self._inner.step()
            self._masters[0].grad = self._masters[0].grad if self._states is _HOST else None

    def _ready(self, weight: torch.Tensor) -> None:
        """A gradient is whole: into the buffer, which is reduced when it is full. Stage 1 waits for the step."""
        if self._stage > 1:
            self._reduce(weight)
        if self._shards is not None:
            self._shards.let_go(weight)

    def _reduce(self, weight: torch.Tensor) -> None:
        given = weight.grad
        if given is None:
            return
        size = given.numel()
        if self._buffer is None:
            self._buffer = torch.empty(self._bucket, dtype=self._type, device=self._device)
        if self._filled + size > self._bucket:
            self._flush()
        self._waiting.append(weight)
        if size <= self._bucket:
            self._buffer[self._filled : self._filled + size].copy_(given.view(-1))
            weight.grad = None
        self._filled += size  # a larger one waits as it is

    def _flush(self) -> None:
        """What came together is reduced; this rank keeps its part."""
        if not self._waiting:
            return
        if self._averaged is None and self._states is not _HOST:
            self._averaged = torch.empty(self._part, dtype=self._type, device=self._device)
        whole: Any = torch.empty(self._copied(self._waiting), dtype=self._type, device=self._device)
        if self._states is _HOST:
            whole = whole if self._stage == 3 else None
            self._norm(self._waiting)
        for weight in self._waiting:
            weight.grad = None
        self._waiting.clear()
        self._filled = 0

    def _norm(self, weights: list[torch.Tensor]) -> None:
        """The norm of gradients, of one weight's slice of this rank's part after the other, each by a copy in float64.

        Of every stage since ZeRO 2 came (0.2 of 2020): before the step (`get_grad_norm_direct`), or, where gradients go
        to the host, as they come (`set_norm_for_param_grad_in_gpu`, of stage 3 `_constant_buffered_norm2`).
        """
        most = _NORM_PIECE if self._stage == 3 and self._states is _HOST else self._part
        for weight in weights:
            piece = min(self._slice(weight), most)
            torch.linalg.vector_norm(torch.empty(piece, dtype=torch.float64, device=self._device))

    def step(self) -> None:
        """One update: the last buffer is reduced, gradients become float32, and the weights follow."""
        if self._stage == 1:
            for weight in self._trained:
                self._reduce(weight)
        self._flush()
        if self._stage < 3:
            self._buffer = None  # made anew for every step; stage 3 keeps it
        if self._states is not _HOST:
            self._norm(self._trained)
        for master in self._masters:
            if self._states is _HOST and self._stage < 3:
                master.grad = torch.zeros_like(master) if master.grad is None else master.grad
            else:
                flat = self._averaged if self._stage == 3 else torch.cat([self._averaged])
                assert flat is not None
                master.grad = flat[: master.numel()].to(master.dtype)
                del flat
                self._averaged = self._averaged if self._stage == 3 else None
            if self._stage == 3:
                self._inner.step()
                master.grad = None
        if self._stage < 3:
            self._inner.step()
            if self._states is not _HOST:
                self._masters[0].grad = None
            self._flat[: self._part].copy_(self._masters[0])
        if self._shards is not None:
            self._shards.end_of_step()

    def zero_grad(self) -> None:
        """Gradients are gone by then."""
        for weight in self._trained:
            weight.grad = None


def _inner(name: str, masters: list[torch.nn.Parameter]) -> Any:
    """DeepSpeed's own Adam updates in place, on either side; others are as they are."""
    if name == "adamw":
        return torch.optim.AdamW(masters, lr=1e-5, fused=True)
    return optimizer(name, masters)
