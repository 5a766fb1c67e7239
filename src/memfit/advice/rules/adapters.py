"""Low-rank adapters beside the linear layers, and nothing else is trained."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "low-rank-adapters"
_RANK = 16
_LEAST_LINEAR = 4


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For models that are linear layers for the greatest part."""
    if facts.framework != "torch" or facts.linear_layers < _LEAST_LINEAR or not facts.optimizers:
        return
    if not any(each.matrix_bytes > each.trained_bytes / 2 for each in facts.optimizers):
        return
    yield Proposal(
        slug=SLUG,
        title=f"train adapters of rank {_RANK} beside the linear layers",
        setting=Setting(changes={"adapters": {"rank": _RANK}}),
        costs="for fine-tuning from good weights, not for training from scratch",
        how=f'peft.get_peft_model(model, peft.LoraConfig(r={_RANK}, target_modules="all-linear"))',
        time_factor=0.9,
        results="model",
        touches=frozenset({"trained"}),
    )
