"""The device allocator's settings: what it reserves beyond what tensors hold."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "expandable-segments"
VARIABLE = "PYTORCH_CUDA_ALLOC_CONF"


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Segments that grow page by page, where they are not in use yet."""
    if facts.framework != "torch" or not facts.on_device or facts.expandable:
        return
    yield Proposal(
        slug=SLUG,
        title="segments of the allocator that grow",
        setting=Setting(environment={VARIABLE: "expandable_segments:True"}),
        costs="none known; Linux, and no sharing of tensors between processes through CUDA handles",
        how=f"export {VARIABLE}=expandable_segments:True",
        touches=frozenset({VARIABLE}),
        at_most_bytes=facts.breakdown.get("fragmentation", 0),
        verifiable=False,
    )
