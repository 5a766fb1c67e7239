"""What this process and all that it started hold together, watched while a script runs: the highest of it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from memfit.sensors import process_memory, process_tree

_EVERY_S = 0.1


class TreeMark:
    """A thread that looks at the tree while there is one; a process alone has its own high-water mark.

    Attributes:
        paused: while what this process starts is not the script's.
    """

    def __init__(self) -> None:
        self._highest_bytes = 0
        self.paused = False

    def taken(self) -> int:
        """What they held at most since this was asked last; 0 when nothing was started."""
        highest, self._highest_bytes = self._highest_bytes, 0
        return highest

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._look, daemon=True, name="memfit-tree").start()

    def _look(self) -> None:
        while True:
            time.sleep(_EVERY_S)
            if self.paused:
                continue
            below = children_bytes()
            own = process_memory() if below else None
            if own is not None and not self.paused:
                self._highest_bytes = max(self._highest_bytes, own.rss_bytes + below)


def children_bytes() -> int:
    """What the processes hold that this one started, by their shares; 0 where there are none."""
    try:
        if not any((task / "children").read_text() for task in Path("/proc/self/task").iterdir()):
            return 0
    except OSError:  # a kernel that does not tell
        pass
    return sum(each.share_bytes for each in process_tree()[1:])
