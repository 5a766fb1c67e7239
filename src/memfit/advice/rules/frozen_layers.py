"""Only the last part of a model is trained: no gradients, states or activations for the rest."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "frozen-layers"
_SHARE = 0.5


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """The first half of the parameters, in the order in which the optimizer has them."""
    if facts.framework != "torch" or not facts.optimizers:
        return
    yield Proposal(
        slug=SLUG,
        title="freeze the first half of the parameters",
        setting=Setting(changes={"freeze": {"share": _SHARE}}),
        costs="for fine-tuning from good weights, not for training from scratch; a third less time (assumed)",
        how="for p in first_half: p.requires_grad_(False), before the optimizer is made",
        time_factor=0.67,
        results="model",
        touches=frozenset({"trained"}),
    )
