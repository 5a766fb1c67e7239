"""The user's file of learnt constants: readings go in, constants come out, are handed on, and are removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from memfit.calibrating.readings import Reading
from memfit.errors import UsageError
from memfit.machines import LearntConstant, load_learnt, store_learnt, with_reading
from memfit.machines.learnt import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What this machine knows of itself, and what was just learnt.

    Args:
        file: where it is kept.
        constants: all of them.
        learnt: those that this call changed.
        notes: what could not be learnt, and why.
    """

    file: Path
    constants: tuple[LearntConstant, ...]
    learnt: tuple[LearntConstant, ...] = ()
    notes: tuple[str, ...] = ()


def known(file: Path, *, export: Path | None = None) -> Calibration:
    """What this machine knows of itself.

    Args:
        file: of the user.
        export: a file to write it to, for another machine of the same kind.
    """
    constants = load_learnt(file)
    if export is not None:
        store_learnt(export, constants)
    return Calibration(file=file, constants=constants)


def add(file: Path, readings: Iterable[Reading], date: str, notes: Iterable[str] = ()) -> Calibration:
    """Add readings to the file.

    Args:
        file: of the user.
        readings: of this machine.
        date: of today, ISO.
        notes: what could not be read.
    """
    constants = load_learnt(file)
    before = set(constants)
    for one in readings:
        constants = with_reading(
            constants,
            kind=one.kind,
            subject=one.subject,
            version=one.version,
            size=one.size,
            date=date,
            note=one.note,
        )
    changed = tuple(constant for constant in constants if constant not in before)
    if changed:
        store_learnt(file, constants)
    return Calibration(file=file, constants=constants, learnt=changed, notes=tuple(notes))


def take_in(file: Path, other: Path) -> Calibration:
    """Add the constants of another file; one that is known here already is replaced.

    Raises:
        InvalidDocument: the other is none.
        UsageError: there is no such file.
    """
    if not other.is_file():
        raise UsageError(f"there is no file {other}", hint="give what `memfit calibrate --export FILE` wrote")
    new = tuple(_from_elsewhere(one, other) for one in load_learnt(other))
    store_learnt(file, [*load_learnt(file), *new])
    return Calibration(file=file, constants=load_learnt(file), learnt=new)


def remove(file: Path, kind: str = "") -> Calibration:
    """Forget the constants of a kind, or all.

    Raises:
        UsageError: no such kind.
    """
    if kind and kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r} of constants", hint="the kinds are " + ", ".join(KINDS))
    kept = tuple(one for one in load_learnt(file) if kind and one.kind != kind)
    if file.is_file():
        store_learnt(file, kept)
    return Calibration(file=file, constants=kept)


def _from_elsewhere(one: LearntConstant, file: Path) -> LearntConstant:
    note = one.note if one.note.startswith("from ") else f"from {file.name}; {one.note}".rstrip("; ")
    return replace(one, note=note)
