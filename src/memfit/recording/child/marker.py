"""Implements Marks on the spool. The hot path is a counter and a comparison of clocks; all else happens 20 times a
second at most. Nothing here raises into the job.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock, get_ident
from time import monotonic

from memfit.recording.child.looks import Looks
from memfit.recording.child.memory import peak_bytes, resident_bytes, rising_bytes
from memfit.recording.child.phases import DEEPEST, LISTED_SECONDS, ONE_IN, Lap, Stay, Total
from memfit.recording.child.spool import Spool

TYPE_CHECKING = False  # typing is not loaded in the job's small processes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Any, TypeVar

    from memfit.quantities import Held

    Call = TypeVar("Call", bound=Callable[..., Any])

ROW_SECONDS = 0.05
_TOTALS_SECONDS = 1.0
_ARGUMENTS_LENGTH = 4096


class _Track:
    """Iterations of one unit."""

    __slots__ = ("at", "due", "muted", "number", "unit", "written")

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.number = 0
        self.written = 0
        self.due = 0.0
        self.at = 0.0
        self.muted = False


def _guarded(method: Call) -> Call:
    """Whatever is wrong with the marker is not the job's: it says so, if it still can, and marks no more."""

    def guarded(self: Marker, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            self.broken(error)
            return None

    return guarded  # type: ignore[return-value]


class _Phase:
    """A phase as a context manager."""

    __slots__ = ("_marker", "_name")

    def __init__(self, marker: Marker, name: str) -> None:
        self._marker = marker
        self._name = name

    def __enter__(self) -> None:
        self._marker.begin(self._name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._marker.end(self._name)


class Marker:
    """The recorder's side within one process of the job; see memfit.quantities.Marks.

    Args:
        folder: the spool folder.
        looks: whether attributions may be taken.
        clock: time.monotonic, or a test's.
        resident: reads the resident set size.
        rising: reads a high-water mark whose rises count.
    """

    def __init__(
        self,
        folder: str,
        *,
        looks: bool = True,
        clock: Callable[[], float] = monotonic,
        resident: Callable[[], int | None] = resident_bytes,
        rising: Callable[[], int] = rising_bytes,
    ) -> None:
        self._clock = clock
        self._resident = resident
        self._rising = rising
        self._spool = Spool(folder, self._hello)
        self._with_looks = looks
        self.closed = False
        self._on_close: list[Callable[[], None]] = []
        self._laps: list[Lap] = []
        self._reset()

    def _reset(self) -> None:
        self._lock = RLock()  # the job's signal handlers may mark something while a line is being written
        self._tracks: dict[str, _Track] = {}
        self._by_hand: dict[str, _Track] = {}
        self._totals: dict[str, Total] = {}
        self._stays: dict[int, list[Stay | tuple[Total, float]]] = {}  # by thread; a quick one is a tuple
        self._gauges: dict[str, Callable[[], int | None]] = {}
        self._looks = Looks(self._clock)
        self._totals_due = self._clock() + _TOTALS_SECONDS
        self._row_rising = self._rising()
        for lap in self._laps:
            lap.total, lap.due = self._totals.setdefault(lap.total.name, Total(lap.total.name)), self._totals_due
        self._role: tuple[str, int | None] | None = None

    # ---- iterations

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        """``count`` iterations have just ended."""
        track = self._tracks.get(unit)
        if track is None:
            track = self._tracks.setdefault(unit, _Track(unit))
        track.number += count
        now = track.at = self._clock()
        if now >= track.due:
            self._row(track, now)

    @_guarded
    def by_hand(self, unit: str = "step", count: int = 1) -> None:
        """``count`` iterations have ended, says the job itself: what a framework says of this unit counts no more."""
        track = self._by_hand.get(unit)
        if track is None:
            track = self._by_hand.setdefault(unit, _Track(unit))
            told = self._tracks.get(unit)
            # The framework has usually told of this same iteration just now: go on from there, not twice.
            track.number = max(0, told.number - count) if told is not None else 0
            muted = _Track(unit)
            muted.due, muted.muted = float("inf"), True
            self._tracks[unit] = muted
        track.number += count
        now = track.at = self._clock()
        if now >= track.due:
            self._row(track, now)

    @_guarded
    def _row(self, track: _Track, now: float) -> None:
        if not self._spool.alive:
            track.due = float("inf")
            return
        with self._lock:
            track.due = now + ROW_SECONDS
            track.written = track.number
            self._spool.write(["i", track.at, track.unit, track.number, self._readings()])
            if now >= self._totals_due:
                self._write_totals(now)
        if self._with_looks and self._looks.due(track.unit, track.number):
            self._looks.take(track.number, self._found, self._look_failed)

    def _readings(self) -> dict[str, int]:
        """What is known of memory now; the high-water mark only if it rose since the row before."""
        found: dict[str, int] = {}
        resident, rising = self._resident(), self._rising()
        if resident is not None:
            found["host/rss"] = resident
        if rising > self._row_rising:
            found["host/rss_high"] = max(rising, resident or 0)  # the kernel sums its counters up at its own times
        self._row_rising = rising
        for name, read in list(self._gauges.items()):
            try:
                value = read()
            except Exception:  # a framework's own reading failed: it is not asked again
                self._gauges.pop(name, None)
                continue
            if value is not None:
                found[name] = value
        return found

    def _flush(self) -> None:
        """Write the iterations that wait for their row; what is read long after the last is none of its memory."""
        for track in [*self._tracks.values(), *self._by_hand.values()]:
            if track.written != track.number and not track.muted:
                track.written = track.number
                readings = self._readings() if self._clock() - track.at < ROW_SECONDS else {}
                self._spool.write(["i", track.at, track.unit, track.number, readings])

    # ---- phases

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase as a context manager; phases nest."""
        return _Phase(self, name)

    def begin(self, name: str) -> None:
        """A phase begins in this thread."""
        stays = self._stays.get(get_ident())
        if stays is None:
            stays = self._stays.setdefault(get_ident(), [])
        total = self._totals.get(name)
        if total is None:
            total = self._totals.setdefault(name, Total(name))
        if len(stays) >= DEEPEST:  # begun again and again, and never ended
            del stays[0]
        if (total.quick and total.count & (ONE_IN - 1)) or not self._spool.alive:
            stays.append((total, self._clock()))
            return
        self._begin_in_full(stays, total)

    @_guarded
    def _begin_in_full(self, stays: list[Stay | tuple[Total, float]], total: Total) -> None:
        stay = Stay(total, self._clock())
        stay.rss_bytes, stay.rising_bytes = self._resident(), self._rising()
        if total.told_at_once:
            self._tell_beginning(stay)
        stays.append(stay)

    def end(self, name: str) -> None:
        """The phase ends; one that is not open in this thread is ignored."""
        stays = self._stays.get(get_ident())
        if not stays:
            return
        stay = stays[-1]
        if isinstance(stay, tuple) and stay[0].name == name:
            now = self._clock()
            if now - stay[1] < LISTED_SECONDS and now < self._totals_due:
                stays.pop()
                stay[0].count += 1
                stay[0].seconds += now - stay[1]
                return
        for at in range(len(stays) - 1, -1, -1):
            stay = stays[at]
            if (stay[0] if isinstance(stay, tuple) else stay.total).name == name:
                del stays[at]
                self._ended(Stay(*stay) if isinstance(stay, tuple) else stay)
                return

    def lap(self, name: str) -> Lap:
        """A phase of every iteration, at the least cost."""
        total = self._totals.setdefault(name, Total(name))
        lap = Lap(total, clock=self._clock, begin=self.begin, end=self.end, rare=self._lapped)
        lap.due = self._totals_due
        self._laps.append(lap)
        return lap

    @_guarded
    def _lapped(self, total: Total, began: float, now: float) -> None:
        with self._lock:
            if now - began >= LISTED_SECONDS:
                self._spool.write(["b", began, total.name, None])
                self._spool.write(["e", now, total.name, self._resident(), None])
            if now >= self._totals_due:
                self._write_totals(now)

    @_guarded
    def _ended(self, stay: Stay) -> None:
        now = self._clock()
        high = None
        if stay.rising_bytes is not None:
            rising = self._rising()
            high = rising if rising > stay.rising_bytes else None
        seconds = now - stay.began
        stay.total.add(seconds, high)
        if stay.told or seconds >= LISTED_SECONDS:
            with self._lock:
                self._tell_beginning(stay)
                self._spool.write(["e", now, stay.total.name, self._resident(), high])
        if now >= self._totals_due:
            with self._lock:
                self._write_totals(now)

    def _end_all(self) -> None:
        """Whatever is open ends with the process."""
        for stays in list(self._stays.values()):
            while stays:
                stay = stays.pop()
                self._ended(Stay(*stay) if isinstance(stay, tuple) else stay)

    def _tell_beginning(self, stay: Stay) -> None:
        if not stay.told:
            stay.told = True
            with self._lock:
                self._flush()
                self._spool.write(["b", stay.began, stay.total.name, stay.rss_bytes])

    def _write_totals(self, now: float) -> None:
        self._totals_due = now + _TOTALS_SECONDS
        for lap in self._laps:
            lap.due = self._totals_due
        summed = {t.name: [t.count, t.seconds, t.high_bytes] for t in list(self._totals.values()) if t.count}
        if summed:
            self._spool.write(["t", now, summed])

    # ---- what else there is to say

    def gauge(self, name: str, read: Callable[[], int | None]) -> None:
        """Read ``name`` in bytes with each written iteration."""
        self._gauges[name] = read

    def attribution(self, name: str, look: Callable[[], Iterable[Held]]) -> None:
        """A look at who holds memory, taken between iterations now and then."""
        self._looks.add(name, look)

    @_guarded
    def role(self, name: str, rank: int | None = None) -> None:
        """What this process is; said once."""
        if self._role != (name, rank):
            self._role = (name, rank)
            self._write(["r", self._clock(), name, rank])

    @_guarded
    def note(self, slug: str, text: str) -> None:
        """Something that the reader of the recording should know."""
        self._write(["n", self._clock(), slug, text])

    @_guarded
    def version(self, package: str, version: str) -> None:
        """A package whose version belongs to the recording was loaded."""
        self._write(["v", self._clock(), {package: version}])

    def _found(self, look: str, found: Iterable[Held]) -> None:
        rows = [[h.category, h.label, h.held_bytes, h.count, h.where, h.grows] for h in found]
        self._write(["a", self._clock(), look, rows])

    def _look_failed(self, text: str) -> None:
        self.note(slug="look-failed", text=text)

    def _write(self, line: list[object]) -> None:
        with self._lock:
            self._spool.write(line)

    def _hello(self) -> list[object]:
        words = getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or []
        argv, left = [], _ARGUMENTS_LENGTH
        for word in words:
            argv.append(word[:left])
            left -= len(word)
            if left <= 0:
                break
        about = {"pid": os.getpid(), "argv": argv, "python": sys.version.split(" ", 1)[0]}
        return ["h", self._clock(), about]

    @_guarded
    def hello(self) -> None:
        """Begin the file now."""
        with self._lock:
            self._spool.begin()

    # ---- the end

    def broken(self, error: BaseException) -> None:
        """Something of ours failed: leave a note, and the job alone."""
        if self._spool.alive:
            self._spool.write(["n", self._clock(), "marks-failed", f"marks ended: {type(error).__name__}: {error}"])
            self._spool.close()

    @_guarded
    def forked(self) -> None:
        """In a forked child: begin anew, with nothing said until there is something to say."""
        if not self.closed:
            self._spool.forked()
            self._reset()

    def on_close(self, call: Callable[[], None]) -> None:
        """Call when the marker is closed."""
        self._on_close.append(call)

    @_guarded
    def close(self) -> None:
        """Say the last words; whatever is marked afterwards is lost."""
        if self.closed:
            return
        self.closed = True
        with self._lock:
            if self._spool.begun and self._spool.alive:
                self._end_all()
                self._flush()
                self._write_totals(self._clock())
                self._spool.write(["x", self._clock(), peak_bytes()])
            self._spool.close()
        for call in self._on_close:
            call()
