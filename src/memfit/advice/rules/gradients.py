"""When gradients are given back: right after the step, not in the middle of the next one."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "zero-grad-early"


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where the last step's gradients still live in the next forward pass."""
    if not facts.gradients_in_forward:
        return
    yield Proposal(
        slug=SLUG,
        title="give gradients back right after the step",
        setting=Setting(changes={"zero_grad_early": True}),
        costs="none",
        how="optimizer.step(); optimizer.zero_grad(set_to_none=True), both before the next forward pass",
        touches=frozenset({"gradients"}),
        at_most_bytes=sum(each.trained_bytes for each in facts.optimizers),
    )
