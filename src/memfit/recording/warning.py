"""Says when a limit is near, once for each, and again when it was left and comes near again."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TextIO

from memfit.documents import LimitUse
from memfit.quantities import format_bytes

_AGAIN = 0.05  # a limit counts as left when its use fell this share below the mark


@dataclass(slots=True, kw_only=True)
class Watchman:
    """Looks at the limits.

    Args:
        mark: the share at which to warn, 0.9 for 90 %.
        slug: of the event that is written then.
        warn: called with the sentence.
    """

    mark: float
    slug: str
    warn: Callable[[str], None]
    near: set[tuple[str, str]] = field(default_factory=set)

    def look(self, uses: Iterable[LimitUse]) -> Iterator[str]:
        """The sentences of the limits that came near since the last look."""
        for use in uses:
            key = (use.pool, use.name)
            if key in self.near and use.share < self.mark - _AGAIN:
                self.near.discard(key)
            if key not in self.near and use.share >= self.mark:
                self.near.add(key)
                text = (
                    f"{use.pool}: {format_bytes(use.used_bytes)} of {format_bytes(use.limit_bytes)} "
                    f"({use.name}) are in use, {use.share * 100:.0f} %"
                )
                self.warn(text)
                yield text


def alarm(stream: TextIO | None, command: str | None) -> Callable[[str], None]:
    """What to do with a warning: write it, and run the user's command, which is not waited for.

    Args:
        stream: where to write; None for nowhere.
        command: for a shell; it finds the sentence in MEMFIT_WARNING.
    """

    def tell(text: str) -> None:
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # whoever read it is gone: no reason to record no more
                stream.write(f"memfit: {text}\n")
                stream.flush()
        if command is not None:
            with contextlib.suppress(OSError):
                subprocess.Popen(
                    command, shell=True, env={**os.environ, "MEMFIT_WARNING": text}, stdin=subprocess.DEVNULL
                )

    return tell
