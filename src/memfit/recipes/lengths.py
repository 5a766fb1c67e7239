"""Batches of changing lengths: what an allocator keeps depends on all the sizes that it has served.

Every length is taken to be as likely as any other between the two that are named; or as often as it stands in a list.
Batches are padded to their longest sequence. Their order is by no plan but always the same, and the longest comes in
the middle and again at the end, where blocks of all sizes have been cut up before it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass

BATCHES = 24  # at least
_EXAMPLE = "128..2048"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Lengths of sequences, in tokens.

    Args:
        known: the shortest and the longest, or all of them.
        between: whether all between the two are meant.
    """

    known: tuple[int, ...]
    between: bool = False

    @classmethod
    def parse(cls, text: str, count: Callable[[str], int]) -> Lengths:
        """From "128..2048", or from a list, "512,512,2048".

        Args:
            count: reads one of them.

        Raises:
            argparse.ArgumentTypeError: another form, or the longest first.
        """
        between = ".." in text
        known = tuple(count(part.strip()) for part in text.split(".." if between else ","))
        if between and (len(known) != 2 or known[0] >= known[1]):
            raise argparse.ArgumentTypeError(f"expected the shortest and the longest, like {_EXAMPLE}, got {text!r}")
        return cls(known=known, between=between)

    @property
    def longest(self) -> int:
        return max(self.known)

    def of_batches(self, count: int, rows: int) -> list[int]:
        """The lengths of so many batches of so many rows.

        >>> Lengths(known=(100, 200), between=True).of_batches(5, 1)
        [130, 170, 200, 110, 200]
        """
        drawn = self._drawn(count * rows)
        random.Random(0).shuffle(drawn)
        found = [max(drawn[at : at + rows]) for at in range(0, len(drawn), rows)]
        found[count // 2] = found[-1] = self.longest
        return found

    def _drawn(self, count: int) -> list[int]:
        """So many lengths, evenly spread."""
        if not self.between:
            return [self.known[at % len(self.known)] for at in range(count)]
        low, high = self.known
        return [low + round((at + 0.5) / count * (high - low)) for at in range(count)]

    def told(self) -> str:
        """For a reader."""
        if self.between:
            return f"from {self.known[0]:,} to {self.known[1]:,} tokens, each as likely as any other"
        return f"{', '.join(f'{each:,}' for each in self.known)} tokens in turns of no plan"

    def __str__(self) -> str:
        return "..".join(map(str, self.known)) if self.between else ",".join(map(str, self.known))
