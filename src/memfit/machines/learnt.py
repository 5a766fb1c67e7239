"""Constants learnt on the user's own machine: one small JSON file, read and written whole.

Trusts nothing in the file; the path comes from the caller (``user_data_file`` says where it lives by default). Who
measures the constants is elsewhere (memfit.calibrating), and so is who uses them (memfit.estimating).
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.errors import InvalidDocument
from memfit.machines.versions import version_pair
from memfit.quantities import ByteRange

SCHEMA = 1


KEPT = 64  # readings that are kept singly of each constant: the median is of these


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntConstant:
    """One constant of this machine.

    Args:
        kind: what it is, one of KINDS.
        subject: what it belongs to: the device's product name as the driver reports it, a package, a script.
        version: of the package that it was measured with (torch's for a context); "" when it does not depend on it.
        range: lowest, median and highest reading, in bytes; of the kind "host_allocator" in thousandths.
        readings: how many.
        date: of the last reading, ISO.
        note: driver, command, anything that makes it repeatable.
        sizes: the latest readings one by one; empty where only their range was handed on.
    """

    kind: str
    subject: str
    version: str
    range: ByteRange
    readings: int
    date: str
    note: str = ""
    sizes: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is replaced by: one of the same kind, subject and version."""
        return self.kind, self.subject, self.version

    @property
    def unit(self) -> str:
        """ "bytes", or "per_mille" for a ratio."""
        return "per_mille" if self.kind == "host_allocator" else "bytes"


# What can be learnt, with what it says.
KINDS = {
    "baseline": "a fresh process that imported the package",
    "first_step": "what the first small step adds: kernels' code, threads, scratch",
    "context": "what a process holds on the device beside the allocator",
    "cuda_host": "host memory of the device's driver and libraries",
    "host_allocator": "this script's tensors and what malloc keeps, measured over modelled",
}


def with_reading(
    constants: Iterable[LearntConstant],
    *,
    kind: str,
    subject: str,
    version: str,
    size: int,
    date: str,
    note: str = "",
) -> tuple[LearntConstant, ...]:
    """The constants with one more reading; low and high remember all readings, the median the latest of them."""
    known = {item.key: item for item in constants}
    old = known.get((kind, subject, version))
    sizes = (*((old.sizes or (old.range.expected,)) if old else ()), size)[-KEPT:]
    low, high = (size, size) if old is None else (min(old.range.low, size), max(old.range.high, size))
    new = LearntConstant(
        kind=kind,
        subject=subject,
        version=version,
        range=ByteRange(low=low, expected=round(statistics.median(sizes)), high=high),
        readings=1 if old is None else old.readings + 1,
        date=date,
        note=note,
        sizes=sizes,
    )
    return tuple({**known, new.key: new}.values())


def user_data_file(environment: Mapping[str, str]) -> Path:
    """Where this user's learnt constants live: MEMFIT_LEARNT, else learnt.json in the user's data folder."""
    if environment.get("MEMFIT_LEARNT"):
        return Path(environment["MEMFIT_LEARNT"]).expanduser()
    if sys.platform == "win32":
        folder = environment.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        folder = "~/Library/Application Support"
    else:
        folder = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(folder).expanduser() / "memfit" / "learnt.json"


def load_learnt(path: Path) -> tuple[LearntConstant, ...]:
    """Read the constants; none when the file is not there.

    Raises:
        InvalidDocument: the file is damaged or of another schema.
    """
    if not path.is_file():
        return ()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}, expected {SCHEMA}")
        return tuple(_from_json(item) for item in data["constants"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidDocument(
            f"the learnt constants in {path} cannot be read: {error}", hint="remove the file and calibrate again"
        ) from error


def store_learnt(path: Path, constants: Iterable[LearntConstant]) -> None:
    """Write the constants, whole or not at all; a later one of the same key replaces an earlier."""
    latest = {item.key: item for item in constants}
    data = {"schema": SCHEMA, "constants": [learnt_to_json(item) for item in latest.values()]}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def best_match(constants: Sequence[LearntConstant], *, kind: str, subject: str, version: str) -> LearntConstant | None:
    """The constant of that kind and subject with the same major and minor version, the latest of several."""
    wanted = version_pair(version)
    found = [
        item
        for item in constants
        if item.kind == kind and item.subject == subject and (not item.version or version_pair(item.version) == wanted)
    ]
    return max(found, key=lambda item: item.date, default=None)


def learnt_to_json(item: LearntConstant) -> dict[str, Any]:
    """The constant as plain JSON values."""
    return {
        "kind": item.kind,
        "subject": item.subject,
        "version": item.version,
        f"low_{item.unit}": item.range.low,
        f"expected_{item.unit}": item.range.expected,
        f"high_{item.unit}": item.range.high,
        "readings": item.readings,
        "date": item.date,
        "note": item.note,
        "sizes": list(item.sizes),
    }


def _from_json(data: Mapping[str, Any]) -> LearntConstant:
    unit = "per_mille" if data["kind"] == "host_allocator" else "bytes"
    low, expected, high = (_size(data[f"{end}_{unit}"]) for end in ("low", "expected", "high"))
    return LearntConstant(
        kind=str(data["kind"]),
        subject=str(data["subject"]),
        version=str(data["version"]),
        range=ByteRange(low=low, expected=expected, high=high),
        readings=int(data["readings"]),
        date=str(data["date"]),
        note=str(data.get("note", "")),
        sizes=tuple(_size(size) for size in data.get("sizes", ())[-KEPT:]),
    )


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"expected a size, got {value!r}")
    return value
