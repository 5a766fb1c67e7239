"""Whether the kernel kills processes for want of memory: a counter, looked at again and again.

The counter is that of our own control group, where the system has one: what happens in other containers is not ours.
"""

from __future__ import annotations

from pathlib import Path

from memfit.sensors.container import own_oom_kills
from memfit.sensors.linux import parse_counts, read

# A process that dies of the kernel's signal is noticed at once; one that died this much later died of something else.
RECENT_S = 3.0


class KillWatch:
    """Counts from now on.

    Args:
        root: where /proc and /sys are found.

    Attributes:
        total: processes killed since.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.total = 0
        self._root = root
        self._before = oom_kills(root)
        self._last_s: float | None = None

    def look(self, now_s: float) -> int:
        """How many more since the last look."""
        count = oom_kills(self._root)
        more = max(0, count - self._before)
        self._before = count
        self.total += more
        if more:
            self._last_s = now_s
        return more

    def recent(self, now_s: float) -> bool:
        """Whether one was seen just now."""
        return self._last_s is not None and now_s - self._last_s <= RECENT_S


def oom_kills(root: Path = Path("/")) -> int:
    """Processes that the kernel has killed for memory so far: in our control group, else on the machine."""
    own = own_oom_kills(root)
    return parse_counts(read(root / "proc/vmstat") or "").get("oom_kill", 0) if own is None else own
