"""Data that is held whole: lighter ways to hold it, from what `memfit data` finds."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.documents import Hint, JobFacts

_LEAST_SHARE = 0.02  # of the peak


def hints(facts: JobFacts) -> Iterator[Hint]:
    """The ways that save most of the files that the job reads."""
    for way in facts.data_ways:
        saves = int(way["saves_bytes"])
        if saves >= _LEAST_SHARE * facts.peak_bytes:
            loses = f" (loses: {way['loses']})" if way.get("loses") else ""
            yield Hint(
                slug=f"data-{way['slug']}",
                text=f"{way['table']}: {way['text']}{loses}",
                how=str(way["code"]),
                saves_bytes=saves,
            )
