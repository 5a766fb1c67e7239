"""glibc's malloc. First cut: counts bytes as requested; the model proper replaces this file behind the same class."""

from __future__ import annotations

from memfit.engine.allocators.plain import PlainAllocator


class GlibcAllocator(PlainAllocator):
    """Not modelled yet."""
