"""Each parameter stepped as soon as its gradient is there: gradients never live all at once."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "optimizer-in-backward"
_HOW = (
    "for p in model.parameters(): p.register_post_accumulate_grad_hook(step), where step(p) is steppers[p].step(); "
    "steppers[p].zero_grad(), with one optimizer for each parameter; no optimizer.step() in the loop"
)


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where every backward pass is followed by a step."""
    if facts.framework != "torch" or len(facts.optimizers) != 1 or facts.micro_steps != 1:
        return
    yield Proposal(
        slug=SLUG,
        title="step each parameter in the backward pass",
        setting=Setting(changes={"optimizer_in_backward": True}),
        costs="no accumulation, no clipping by the norm of all gradients, no loss scaler; as fast",
        how=_HOW,
        touches=frozenset({"gradients", "batch", "optimizer"}),
        at_most_bytes=2 * facts.optimizers[0].trained_bytes,
    )
