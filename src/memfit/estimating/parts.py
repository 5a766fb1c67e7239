"""Parts of a peak that are computed to the byte."""

from __future__ import annotations

from memfit.documents import Component
from memfit.quantities import Basis, ByteRange, Category


def exactly(category: Category, size_bytes: int, source: str) -> Component:
    """One of them, with where its size comes from."""
    return Component(category=category, range=ByteRange.exactly(size_bytes), basis=Basis.COMPUTED, source=source)
