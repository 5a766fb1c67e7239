"""Evaluations without graphs, and with batches of their own."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "no-grad-evaluation"
IN_PARTS = "smaller-evaluation-batch"
_NEAR = 0.9  # of the highest other phase: an evaluation below it does not make the peak


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where an evaluation keeps a graph that nobody uses, and where it is the evaluation that peaks."""
    if facts.evaluates_with_gradients:
        yield _without_graphs(facts)
    others = max((size for phase, size in facts.phase_peaks.items() if phase != "evaluation"), default=0)
    if facts.trains and (facts.evaluates_with_gradients or facts.phase_peaks.get("evaluation", 0) > _NEAR * others):
        for parts in (2, 4):
            yield _in_parts(parts)


def _in_parts(parts: int) -> Proposal:
    return Proposal(
        slug=IN_PARTS,
        title=f"evaluate with batches of 1/{parts} of their size",
        setting=Setting(changes={"split_evaluation": parts}),
        costs="evaluations take a little longer (1 % of the job assumed)",
        how=f"DataLoader(…, batch_size=…) of the evaluation: 1/{parts} of what it is",
        time_factor=1.01,
        touches=frozenset({"evaluation batch"}),
    )


def _without_graphs(facts: JobFacts) -> Proposal:
    return Proposal(
        slug=SLUG,
        title="no graph in evaluations",
        setting=Setting(changes={"no_grad_evaluation": True}),
        costs="none: faster",
        how="with torch.no_grad(): the evaluation",
        time_factor=0.99,
        touches=frozenset({"evaluation"}),
        at_most_bytes=facts.activations_bytes,
    )
