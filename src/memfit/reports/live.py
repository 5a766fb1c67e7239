"""How a recorded job stands, while it runs: a few lines at the foot of the terminal, or now and then a plain line.

The job writes to the same terminal. The foot is kept out of its way by the terminal's own scrolling region, so that its
output, progress bars included, goes on above; nothing of it passes through us.
"""

from __future__ import annotations

import contextlib
import os
import statistics
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import TracebackType
from typing import TextIO

from memfit.documents import JobState, LimitUse
from memfit.quantities import format_bytes
from memfit.reports.bars import bar

_PLAIN_EVERY_S = 30.0
_TREND_POINTS = 120
_TREND_SECONDS = 20.0  # a trend of less than this is noise
_FARTHEST_S = 48 * 3600.0
_CELLS = 24
_MOST_LIMITS = 4
_SMALLEST_ROWS = 12


class Trend:
    """When a limit would be reached if it went on as in the last minutes; None where nothing says so."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=_TREND_POINTS)
        self._stride_s = 1.0

    def add(self, seconds: float, used_bytes: int) -> None:
        """One reading; older ones are thinned, so that the trend looks back over some minutes."""
        if self._points and seconds - self._points[-1][0] < self._stride_s:
            return
        if len(self._points) == _TREND_POINTS:
            kept = list(self._points)[::2]
            self._points = deque(kept, maxlen=_TREND_POINTS)
            self._stride_s *= 2
        self._points.append((seconds, used_bytes))

    def seconds_left(self, limit_bytes: int) -> float | None:
        """Until the limit, by the rise from third to third of what was seen; None when it does not rise steadily."""
        points = list(self._points)
        if len(points) < 9 or points[-1][0] - points[0][0] < _TREND_SECONDS:
            return None
        third = len(points) // 3
        parts = [points[:third], points[third:-third], points[-third:]]
        levels = [statistics.median(used for _, used in part) for part in parts]
        times = [statistics.median(at for at, _ in part) for part in parts]
        rises = [(levels[k + 1] - levels[k]) / (times[k + 1] - times[k]) for k in (0, 1)]
        noise = statistics.median(abs(b[1] - a[1]) for a, b in pairwise(points))
        if min(rises) <= 0 or levels[2] - levels[0] <= 3 * noise:
            return None
        left = (limit_bytes - points[-1][1]) / min(rises)  # the slower: a warm-up that settles is no alarm
        return left if 0 <= left < _FARTHEST_S else None


class Live:
    """Shows states until it is closed; a context manager.

    Args:
        stream: where to; a terminal gets the foot, anything else a plain line every half minute.
        size: (columns, rows) of the terminal; asked of the system by default.
    """

    def __init__(self, stream: TextIO, size: Callable[[], tuple[int, int]] | None = None) -> None:
        self._stream = stream
        self._size = size or _terminal_size
        self._trends: dict[tuple[str, str], Trend] = {}
        self._terminal = stream.isatty()
        self._region: tuple[int, int] | None = None  # (rows of the terminal, lines of the foot)
        self._told_s = 0.0

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(self._leave())

    def show(self, state: JobState) -> None:
        """Show how the job stands now."""
        for use in state.uses:
            self._trends.setdefault((use.pool, use.name), Trend()).add(state.seconds, use.used_bytes)
        columns, rows = self._size() if self._terminal else (0, 0)
        if self._terminal and rows >= _SMALLEST_ROWS:
            self._draw(foot(state, self._left(state), columns), rows)
        elif state.seconds - self._told_s >= _PLAIN_EVERY_S:
            self._told_s = state.seconds
            self._write(f"memfit: {sentence(state, self._left(state))}\n")

    def _left(self, state: JobState) -> dict[tuple[str, str], float]:
        found = {
            (use.pool, use.name): self._trends[use.pool, use.name].seconds_left(use.limit_bytes) for use in state.uses
        }
        return {key: left for key, left in found.items() if left is not None}

    def _draw(self, lines: Sequence[str], rows: int) -> None:
        text = ""
        if self._region != (rows, len(lines)):
            text = self._leave() + "\n" * len(lines) + f"\x1b[{len(lines)}A"
            text += f"\x1b7\x1b[1;{rows - len(lines)}r\x1b8"
            self._region = (rows, len(lines))
        first = rows - len(lines) + 1
        drawn = "".join(f"\x1b[{first + at};1H\x1b[2K{line}" for at, line in enumerate(lines))
        self._write(f"{text}\x1b7\x1b[?7l{drawn}\x1b[?7h\x1b8")

    def _leave(self) -> str:
        """Gives the whole terminal back to the job."""
        if self._region is None:
            return ""
        rows, lines = self._region
        self._region = None
        return f"\x1b7\x1b[r\x1b[{rows - lines + 1};1H\x1b[J\x1b8"

    def _write(self, text: str) -> None:
        """In one piece: the job writes to the same terminal."""
        if text:
            with contextlib.suppress(OSError):  # the terminal is gone: the job and its recording go on
                self._stream.write(text)
                self._stream.flush()


def foot(state: JobState, left: dict[tuple[str, str], float], columns: int) -> list[str]:
    """The lines at the foot of the terminal, none longer than it is wide."""
    lines = ["─" * columns, f"memfit {clock(state.seconds)}  {' · '.join(_progress(state))}"]
    for use in _shown(state.uses):
        held = state.held_bytes.get(use.pool)
        until = left.get((use.pool, use.name))
        lines.append(
            f"{use.pool:<7} {bar(min(1.0, use.share), _CELLS):<{_CELLS}} {use.share * 100:3.0f} %  "
            f"{format_bytes(use.used_bytes)} of {format_bytes(use.limit_bytes)} {use.name}"
            + (f" · job {format_bytes(held)}" if held is not None else "")
            + (f" · full in {span(until)} if it goes on" if until is not None else "")
        )
    parts = [f"{name} {format_bytes(size)}" for name, size in (*state.kinds.items(), *state.columns.items()) if size]
    if parts:
        lines.append(f"{'':<7} {' · '.join(parts)}")
    return [line[:columns] for line in lines]


def sentence(state: JobState, left: dict[tuple[str, str], float]) -> str:
    """The same in one line, for a log."""
    words = [clock(state.seconds), *(f"{pool} {format_bytes(held)}" for pool, held in sorted(state.held_bytes.items()))]
    words += _progress(state)
    if state.uses:
        fullest = state.uses[0]
        words.append(f"{fullest.name} {fullest.share * 100:.0f} % full")
    words += [f"{name} full in {span(until)} if it goes on" for (_, name), until in left.items()]
    return " · ".join(words)


def clock(seconds: float) -> str:
    """A length of time as a clock shows it: "2:05", "1:02:05"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """A length of time in round words: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _progress(state: JobState) -> list[str]:
    words = []
    if state.number is not None:
        words.append(f"{state.unit} {state.number:,}")
    if state.rate is not None:
        words.append(f"{state.rate:.3g}/s")
    if state.phase:
        words.append(state.phase)
    if state.processes != 1:
        words.append(f"{state.processes} processes")
    return words


def _shown(uses: Sequence[LimitUse]) -> list[LimitUse]:
    """Of each pool the fullest limit; an empty /dev/shm is left out."""
    fullest: dict[str, LimitUse] = {}
    for use in sorted(uses, key=lambda use: -use.share):
        if use.pool != "shm" or use.share > 0.05:
            fullest.setdefault(use.pool, use)
    return sorted(fullest.values(), key=lambda use: (use.pool != "host", use.pool))[:_MOST_LIMITS]


def _terminal_size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(2)
    except OSError:
        return 80, 24
    return size.columns, size.lines
