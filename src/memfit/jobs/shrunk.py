"""A script run on parts of its data: on a share, on half of it and on a quarter; what grew is carried on to the whole.

What a script holds, reads and fits grows with its rows by a line, whatever of it does not grow at all: a sample of
fixed size, imports, a table to look things up in. Two runs tell the line, and a third whether it is one: what a join or
a matrix of all pairs makes grows faster, by a power of the rows. The runs that go ahead fit little.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from memfit.documents import Assumption
from memfit.errors import JobFailed, JobTimedOut, MemfitError
from memfit.jobs.readers import Cut, Readers, Size
from memfit.jobs.request import Request
from memfit.probing.child.reading import give_back, sizes
from memfit.probing.law import DOUBLING_SHARE
from memfit.probing.sweeping import ProbeResult
from memfit.quantities import ByteRange

PART_AHEAD = 0.5  # of the share, that the run ahead reads
_PART_BEFORE = 0.25  # of the share, that a run before that reads
# Growth that more than doubles when the rows do, by more than the runs' noise and this share, is no line; the power
# that is taken for it is at most this, and that far off at the larger end.
_BENT_SHARE, _MOST_POWER, _POWER_ERROR = 1.15, 2.2, 0.1
_COUNTING_S = 90.0
# Of what grew: allocators serve large blocks in another way than small ones, readers keep buffers of a fixed size.
CARRIED_SHARE = 0.05
_NOISE_BYTES = 1 << 19  # of a difference between two runs' memory, after what was freed was given back


class FitThere(NamedTuple):
    """What a run saw of a call that trains.

    Attributes:
        label: of the call.
        rows: of its data.
        data_bytes: of it.
        own_bytes: memory of the process's own, files not counted.
    """

    label: str
    rows: int
    data_bytes: int
    own_bytes: int


class Grown(NamedTuple):
    """What a figure comes to with all of the rows.

    Attributes:
        size_bytes: of it.
        unsure_bytes: that may come on top.
        power: of the rows, that it grows with.
    """

    size_bytes: int
    unsure_bytes: int
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What the run ahead saw.

    Args:
        share: of the rows that the run after it reads.
        fits: the calls that train, in their order.
        marks: how high memory came from one mark to the next.
        cuts: the files of which it read a part, in a sentence each.
        whole: the files that it read whole, by the reason.
        unsure_share: of the number of rows, that there may be more.
        fits_before: as fits, of a run on half of what this one read; () where it made others.
        marks_before: as marks, of the same.
    """

    share: float
    fits: tuple[FitThere, ...]
    marks: tuple[int, ...]
    cuts: tuple[str, ...]
    whole: dict[str, str]
    unsure_share: float
    fits_before: tuple[FitThere, ...] = ()
    marks_before: tuple[int, ...] = ()

    @property
    def times(self) -> float:
        """How often what grew between the two runs is still to come."""
        return (1 - self.share) / (self.share * (1 - PART_AHEAD))

    def carried(self, now: float, ahead: float, power: float = 1.0) -> int:
        """What a figure comes to with all of the rows, from those of the run and of the run ahead.

        >>> known = Ahead(share=0.1, fits=(), marks=(), cuts=(), whole={}, unsure_share=0)
        >>> known.carried(20, 15), known.carried(100, 25, power=2)
        (110, 10000)
        """
        coming = math.pow(self.share, -power) - 1
        return round(now + max(now - ahead, 0) / (1 - math.pow(PART_AHEAD, power)) * coming)

    def unsure_bytes(self, growth: float, power: float = 1.0) -> int:
        """What may come on top of growth that was carried on: noise of the runs, rows not counted, the distance."""
        distance = CARRIED_SHARE + DOUBLING_SHARE * math.log2(1 / self.share)
        if power > 1:
            distance += math.pow(self.share, -_POWER_ERROR) - 1
        return round(_NOISE_BYTES * self.times + max(growth, 0) * (self.unsure_share + distance))

    def unsure(self, result: ProbeResult) -> ProbeResult:
        """What probes of a part say of the whole, with what may come on top in the high end."""
        rise = result.rise_bytes
        if rise is None:
            return result
        high = rise.high + self.unsure_bytes(rise.expected)
        return dataclasses.replace(result, rise_bytes=ByteRange(low=rise.low, expected=rise.expected, high=high))

    def whole_of(self, at: int, there: FitThere) -> tuple[FitThere, float]:
        """What a call comes to with all of the rows, and the power that the fastest of its figures grows with."""
        ahead = self.fits[at]
        before = self.fits_before[at] if self.fits_before else None
        grown, powers = [], []
        for name, noise in (("rows", 0.0), ("data_bytes", 4.0 * _NOISE_BYTES), ("own_bytes", 4.0 * _NOISE_BYTES)):
            now, half = getattr(there, name), getattr(ahead, name)
            powers.append(power_of(now, half, None if before is None else getattr(before, name), noise))
            grown.append(self.carried(now, half, powers[-1]))
        return FitThere(there.label, *grown), max(powers)

    def mark(self, at: int, now: int) -> Grown:
        """What a mark comes to; one that the run ahead had not grows in proportion."""
        if at >= len(self.marks):
            whole = round(now / self.share)
            return Grown(whole, self.unsure_bytes(whole - now), 1.0)
        before = self.marks_before[at] if len(self.marks_before) == len(self.marks) else None
        power = power_of(now, self.marks[at], before)
        whole = self.carried(now, self.marks[at], power)
        return Grown(whole, self.unsure_bytes(whole - now, power), power)


def power_of(now: float, ahead: float, before: float | None, noise: float = 4 * _NOISE_BYTES) -> float:
    """The power of the rows that a figure grows with, from the run, the one ahead and the one before: 1 for a line.

    >>> power_of(100e6, 25e6, 6.25e6), power_of(100e6, 55e6, 32e6), power_of(100e6, 25e6, None)
    (2.0, 1.0, 1.0)
    """
    if before is None:
        return 1.0
    last, first = now - ahead, max(ahead - before, noise, 1.0)
    if last <= 2 * first * _BENT_SHARE + noise:
        return 1.0
    return min(math.log2(last / first), _MOST_POWER)


def run_ahead(folder: Path, request: Request) -> Ahead:
    """Run the script on half of the share, and on a quarter.

    Raises:
        MemfitError: it failed on half of it, or nothing that it reads could be cut.
    """
    found = _run(folder, request, PART_AHEAD)
    if not found.cuts:
        return found
    try:
        before = _run(folder, dataclasses.replace(request, shrink=found.share), _PART_BEFORE)
    except MemfitError:  # on so few rows: then a line has to do
        return found
    alike = [fit.label for fit in before.fits] == [fit.label for fit in found.fits]
    return dataclasses.replace(found, fits_before=before.fits, marks_before=before.marks) if alike else found


def _run(folder: Path, request: Request, part: float) -> Ahead:
    """Run the script on a part of the share.

    Raises:
        MemfitError: it failed, or nothing that it reads could be cut.
    """
    place = folder / f"ahead-{part:g}"
    place.mkdir()
    asked = dataclasses.replace(request, shrink_part=part, timeout_s=request.timeout_s / 2)
    (place / "request.json").write_text(json.dumps(dataclasses.asdict(asked)), encoding="utf-8")
    command = [sys.executable, "-m", "memfit.jobs.fitting", str(place)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=request.timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise JobTimedOut(
            f"{request.target} did not end within {request.timeout_s:g} s on a part of its data",
            hint="keep less of it with a smaller --shrink, or give it longer with --timeout",
        ) from error
    if (place / "error.json").exists():
        told = json.loads((place / "error.json").read_text(encoding="utf-8"))
        raise on_a_part(told["message"])
    if not (place / "ahead.json").exists():
        raise JobFailed(f"on a part of its data {request.target} ended with exit code {done.returncode}")
    told = json.loads((place / "ahead.json").read_text(encoding="utf-8"))
    found = Ahead(**{**told, "fits": tuple(FitThere(*fit) for fit in told["fits"]), "marks": tuple(told["marks"]),
                     "cuts": tuple(told["cuts"])})  # fmt: skip
    if not found.cuts and request.shrink:
        raise nothing_cut(request.target, found.whole)
    return found


def nothing_cut(target: str, whole: dict[str, str]) -> MemfitError:
    """What is said where --shrink finds nothing to shrink."""
    left = "; ".join(f"{Path(path).name}: {why}" for path, why in list(whole.items())[:5])
    return MemfitError(
        f"nothing that {target} reads could be cut" + (f" ({left})" if left else ""),
        hint="of files by name these can: pandas.read_csv, read_table, read_json(lines=True), read_parquet; polars' "
        "read_* and scan_* of CSV, Parquet, JSON lines; numpy.load of .npy, loadtxt, genfromtxt; pyarrow.parquet",
        slug="nothing-to-shrink",
    )


def on_a_part(message: str) -> MemfitError:
    """What is said where the script, or a fit of it, fails on a part of the data."""
    return JobFailed(
        f"on a part of its data: {message}",
        hint="a larger --shrink keeps more rows; the first rows of a sorted file may lack a class or a value",
    )


def faster(label: str, power: float, share: float) -> str:
    """What is said of what grows faster than the rows."""
    return (
        f"between a quarter, half and all of the part that was read, what the script holds {label} grows as "
        f"n^{power:.1f}: a join, or all pairs of rows. It is carried on by that power to {1 / share:.0f} times as "
        "many, which a larger --shrink makes surer"
    )


def diverged(label: str, before: FitThere | None) -> MemfitError:
    """What is said where the run ahead made another fit, or none."""
    seen = before.label if before is not None else "no further fit"
    return JobFailed(
        f"on half as many rows the script made {seen}, where it makes {label} now",
        hint="what it fits depends on its data, of which a part does not tell what the whole does: run it without "
        "--shrink, or with a larger share",
        slug="shrink-diverged",
    )


def written_ahead(folder: Path, readers: Readers, fits: Sequence[FitThere], marks: Sequence[int]) -> None:
    """Leave what a run ahead saw."""
    told: dict[str, Any] = {
        "share": readers.share or 1.0,
        "fits": list(fits),
        "marks": list(marks),
        "cuts": [str(cut) for cut in readers.cuts],
        "whole": readers.whole,
        "unsure_share": _unsure(readers.cuts),
    }
    (folder / "ahead.json").write_text(json.dumps(told), encoding="utf-8")


def _unsure(cuts: Sequence[Cut]) -> float:
    return max((cut.whole_high / max(cut.whole, 1) - 1 for cut in cuts), default=0.0)


def assumptions(readers: Readers, ahead: Ahead) -> list[Assumption]:
    """Which reader was cut and how, and what that rests on."""
    found = [
        Assumption(
            slug="shrunk-data",
            text=f"read: {'; '.join(map(str, readers.cuts))}. Half and a quarter of that were read in runs before; "
            "what grew between them was carried on to all rows",
        )
    ] if readers.cuts else []  # fmt: skip
    if readers.whole:
        left = "; ".join(f"{Path(path).name} ({why})" for path, why in list(readers.whole.items())[:5])
        found.append(Assumption(slug="read-whole", text=f"read whole: {left}"))
    return found


def own_bytes() -> int:
    """Memory of this process's own, once what was freed is given back."""
    give_back()
    now = sizes()
    return now.get("RssAnon", now.get("VmRSS", 0))


def heads(path: str, rows: int, folder: Path) -> str | None:
    """A Parquet file with so many of another's rows, written by a process of its own; None where that failed."""
    target = folder / f"{rows}-{Path(path).name}"
    module = "memfit.datasets.formats.parquet_heads"
    command = [sys.executable, "-m", module, os.path.abspath(path), str(target), str(rows)]  # noqa: PTH100
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COUNTING_S, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return str(target)


def count(path: str) -> Size | None:
    """What a file holds, found out in a process of its own; None where it cannot be told."""
    command = [sys.executable, "-m", "memfit.datasets.counting", os.path.abspath(path)]  # noqa: PTH100
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COUNTING_S, check=True
        )
        told = json.loads(done.stdout)
        return Size(told["rows"][1], told["rows"][2], told["held_bytes"])
    except (subprocess.SubprocessError, OSError, ValueError, KeyError):
        return None
