"""What a framework tells a recorder while the user's job runs: iterations, phases, gauges, attributions.

The recorder's side implements ``Marks``; a framework's ``marks.py`` is handed one and knows nothing of files or clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One holder of memory that an attribution found.

    Args:
        category: what the bytes are for ("parameters", "optimizer_state", "graph", "container", "retention", …).
        label: what it is, for a person: a module's name, a type with its owner, a creation site.
        held_bytes: how much; None when it was looked for and could not be sized.
        count: how many objects.
        where: "train.py:42" where it was made or is held; "" when unknown.
        grows: None unless it was compared with an earlier look: True when it has grown since.
    """

    category: str
    label: str
    held_bytes: int | None
    count: int = 1
    where: str = ""
    grows: bool | None = None


class Lap(Protocol):
    """A phase that is passed through again and again: what ``start`` returns is handed to ``stop``."""

    def start(self) -> float | None:
        """It begins."""

    def stop(self, started: float | None) -> None:
        """It ends."""


class Marks(Protocol):
    """The recorder as a framework sees it. Every call is cheap, never raises, and may be made from any thread."""

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        """``count`` iterations have just ended ("step" of an optimizer, "round" of boosting, "batch", "fit", …)."""

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase as a context manager; phases nest."""

    def begin(self, name: str) -> None:
        """A phase begins ("data", "forward", "backward", "optimizer", "evaluation", "checkpoint", …)."""

    def end(self, name: str) -> None:
        """The phase ends; one that is not open is ignored."""

    def lap(self, name: str) -> Lap:
        """The same for a phase of every iteration, which is passed through so often that its cost matters."""

    def gauge(self, name: str, read: Callable[[], int | None]) -> None:
        """Read ``name`` ("cuda:0/allocated") in bytes with each written iteration; it must take microseconds."""

    def attribution(self, name: str, look: Callable[[], Iterable[Held]]) -> None:
        """A look at who holds memory, taken between iterations now and then; may take milliseconds."""

    def role(self, name: str, rank: int | None = None) -> None:
        """What this process is: "trainer", "loader worker", … and its rank in a process group."""

    def note(self, slug: str, text: str) -> None:
        """Something that the reader of the recording should know."""
