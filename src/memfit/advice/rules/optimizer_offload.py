"""Optimizer states in the host's memory, where the step is computed."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "optimizer-offload"


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For an optimizer with states on a device."""
    state = facts.breakdown.get("optimizer_state", 0)
    if facts.framework != "torch" or not facts.on_device or not state:
        return
    edits: tuple[dict[str, object], ...] = (
        {"category": "optimizer_state", "to_pool": "host"},
        {"phase": "optimizer", "category": "temporaries", "to_pool": "host"},
    )
    yield Proposal(
        slug=SLUG,
        title="keep optimizer states, and step, in the host's memory",
        setting=Setting(edits=edits),
        costs="gradients and parameters go over the bus in every step (half as much time again assumed); the host "
        "holds the states and a copy of the parameters",
        how='torchao.optim.CPUOffloadOptimizer(params, torch.optim.AdamW, lr=…), or DeepSpeed "offload_optimizer"',
        time_factor=1.5,
        touches=frozenset({"optimizer", "optimizer state"}),
        at_most_bytes=2 * state,
        verifiable=False,
    )
