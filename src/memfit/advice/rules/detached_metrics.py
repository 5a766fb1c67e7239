"""Losses and metrics that are kept with their graphs: each step leaves more behind."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.documents import Hint, JobFacts
from memfit.quantities import format_finely


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Where tensors that outlive a step become more with every one, and no collector would give them back."""
    kept_bytes = facts.grows_bytes - facts.cycles.step_bytes
    if kept_bytes > 0:
        yield Hint(
            slug="detached-metrics",
            text=f"every step leaves {format_finely(kept_bytes)} more behind: something is kept that holds "
            "tensors, as a loss or a metric with its graph does",
            how="total += loss.item(), losses.append(loss.detach()); `memfit run`, then `memfit diagnose`, names who "
            "holds it",
            saves_bytes=None,
        )
