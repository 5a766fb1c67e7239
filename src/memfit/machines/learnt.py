"""Constants learnt on the user's own machine: one small JSON file, read and written whole.

Trusts nothing in the file; the path comes from the caller (``user_data_file`` says where it lives by default). Who
measures the constants is elsewhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.errors import InvalidDocument
from memfit.machines.versions import version_pair
from memfit.quantities import ByteRange

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntConstant:
    """One constant of this machine.

    Args:
        kind: what it is: "context" for a device's context and libraries, "baseline" for a framework's imports, …
        subject: what it belongs to: the device's product name as the driver reports it, a framework, …
        torch: the version of torch it was measured with; "" when it does not depend on it.
        range: lowest, median and highest reading, in bytes.
        readings: how many.
        date: of the last reading, ISO.
        note: driver, command, anything that makes it repeatable.
    """

    kind: str
    subject: str
    torch: str
    range: ByteRange
    readings: int
    date: str
    note: str = ""


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
    """Write the constants, whole or not at all; a later one of the same kind, subject and torch replaces an earlier."""
    latest = {(item.kind, item.subject, item.torch): item for item in constants}
    data = {"schema": SCHEMA, "constants": [learnt_to_json(item) for item in latest.values()]}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def best_match(constants: Sequence[LearntConstant], *, kind: str, subject: str, torch: str) -> LearntConstant | None:
    """The constant of that kind and subject with the same torch major and minor, the latest of several."""
    wanted = version_pair(torch)
    found = [
        item
        for item in constants
        if item.kind == kind and item.subject == subject and (not item.torch or version_pair(item.torch) == wanted)
    ]
    return max(found, key=lambda item: item.date, default=None)


def learnt_to_json(item: LearntConstant) -> dict[str, Any]:
    """The constant as plain JSON values."""
    return {
        "kind": item.kind,
        "subject": item.subject,
        "torch": item.torch,
        "low_bytes": item.range.low,
        "expected_bytes": item.range.expected,
        "high_bytes": item.range.high,
        "readings": item.readings,
        "date": item.date,
        "note": item.note,
    }


def _from_json(data: Mapping[str, Any]) -> LearntConstant:
    return LearntConstant(
        kind=str(data["kind"]),
        subject=str(data["subject"]),
        torch=str(data["torch"]),
        range=ByteRange(low=int(data["low_bytes"]), expected=int(data["expected_bytes"]), high=int(data["high_bytes"])),
        readings=int(data["readings"]),
        date=str(data["date"]),
        note=str(data.get("note", "")),
    )
