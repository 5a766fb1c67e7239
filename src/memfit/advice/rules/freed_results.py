"""Results of a step that the script still has a name for when the next step makes its own."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "freed-results"
_WORTH = 0.005  # of the peak
_CATEGORIES = ("activations", "inputs", "temporaries")


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where batches, outputs or losses live on until names are given to the next ones."""
    if facts.framework != "torch" or facts.outliving_bytes <= _WORTH * facts.peak_bytes:
        return
    yield Proposal(
        slug=SLUG,
        title="let go of a step's batch and results when it ends",
        setting=Setting(edits=tuple({"category": each, "ends_with_step": True} for each in _CATEGORIES)),
        costs="none",
        how="del batch, outputs, loss at the end of the loop's body; or a function for the step",
        touches=frozenset({"results"}),
        at_most_bytes=facts.outliving_bytes,
        verifiable=False,
    )
