"""Optimizers that hold less for each parameter than the one in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "lighter-optimizer"
_TWO_STATES = frozenset({"Adam", "AdamW", "NAdam", "RAdam", "Adamax"})
# State of a block of 256 elements is one byte each and one float32 for all; bitsandbytes 0.45, Adam8bit.
_EIGHT_BIT = (256 + 4) / (256 * 4)


class _Kind(NamedTuple):
    name: str
    costs: str
    how: str
    changes: dict[str, Any]
    edits: tuple[dict[str, Any], ...] = ()


def _edits(factor: float, *, to_pool: str | None = None) -> tuple[dict[str, Any], ...]:
    """States smaller by a factor, and no temporaries of the step: its kernels are fused."""
    return (
        {"category": "optimizer_state", "factor": factor, "to_pool": to_pool, "floor_bytes": 4096 * 4},
        {"phase": "optimizer", "category": "temporaries", "factor": 0.0},
    )


_KINDS = (
    _Kind("8-bit Adam", "usually trains alike; needs bitsandbytes on a device that it supports",
          "bitsandbytes.optim.AdamW8bit(params, lr=…)", {}, _edits(_EIGHT_BIT)),
    _Kind("paged 8-bit Adam", "states wait in the host's memory and are fetched in every step",
          "bitsandbytes.optim.PagedAdamW8bit(params, lr=…)", {}, _edits(_EIGHT_BIT, to_pool="host")),
    _Kind("Lion", "a third to a tenth of the learning rate, more weight decay (Chen et al. 2023)",
          "lion_pytorch.Lion(params, lr=…)", {"optimizer": "Lion"}),
    _Kind("Adafactor", "needs its own learning rate",
          "torch.optim.Adafactor(params, lr=…)", {"optimizer": "Adafactor"}),
    _Kind("SGD with momentum", "needs its own learning rate and schedule",
          "torch.optim.SGD(params, lr=…, momentum=0.9)", {"optimizer": "SGD with momentum"}),
    _Kind("SGD", "needs its own learning rate and schedule",
          "torch.optim.SGD(params, lr=…)", {"optimizer": "SGD"}),
)  # fmt: skip


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Those that hold less than the optimizer in use."""
    if facts.framework != "torch" or not facts.optimizers:
        return
    used = max(facts.optimizers, key=lambda each: each.trained_bytes)
    two = used.kind in _TWO_STATES
    if not (two or (used.kind == "SGD" and used.momentum)):
        return
    for kind in _KINDS if two else [kind for kind in _KINDS if kind.name == "SGD"]:
        if "8-bit" in kind.name and not facts.on_device:
            continue
        yield Proposal(
            slug=SLUG,
            title=f"{kind.name} instead of {used.kind}",
            setting=Setting(changes=kind.changes, edits=kind.edits),
            costs=kind.costs,
            how=kind.how,
            time_factor=1.2 if "paged" in kind.name else 1.0,
            results="rounding" if kind.name.endswith("8-bit Adam") else "training",
            touches=frozenset({"optimizer", "optimizer state"}),
            at_most_bytes=3 * facts.breakdown.get("optimizer_state", 0),
            verifiable=not kind.edits,
        )
