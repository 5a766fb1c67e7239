"""What was learnt on this machine, as an estimate uses it: found by what it holds for; what was used is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from memfit.documents import Assumption, Component
from memfit.machines import LearntConstant, best_match
from memfit.quantities import Basis, ByteRange, Category, format_bytes

_MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")  # a learnt behaviour of malloc holds under these settings alone


class Learnt:
    """The constants at hand for one estimate.

    Args:
        constants: all that this machine knows.
        torch: the version that the job would run with.
    """

    def __init__(self, constants: Sequence[LearntConstant] = (), torch: str = "") -> None:
        self._constants = constants
        self._torch = torch
        self._used: dict[tuple[str, str, str], LearntConstant] = {}

    def find(self, kind: str, subject: str) -> LearntConstant | None:
        """The constant of that kind for the subject and this version of torch; it counts as used."""
        found = best_match(self._constants, kind=kind, subject=subject, version=self._torch)
        if found is not None:
            self._used[found.key] = found
        return found

    def assumptions(self) -> list[Assumption]:
        """One sentence that names every constant that was used; none when none was."""
        if not self._used:
            return []
        told = ", ".join(f"{one.kind.replace('_', ' ')} of {one.subject} {_figure(one)}" for one in self._used.values())
        return [Assumption(slug="learnt-here", text=f"learnt on this machine and used: {told}")]


def learnt_component(category: Category, size: ByteRange, one: LearntConstant, what: str) -> Component:
    """A part of the peak that rests on a learnt constant.

    Args:
        category: of the part.
        size: that it contributes.
        one: the constant.
        what: the bytes are, in a phrase.
    """
    return Component(category=category, range=size, basis=Basis.MEASURED, source=f"{what}: {told(one)}")


def told(one: LearntConstant) -> str:
    """Where a learnt figure comes from, in a phrase."""
    times = "1 reading" if one.readings == 1 else f"{one.readings} readings"
    return f"learnt on this machine, {times}, {one.date}"


def around(assumed: ByteRange, one: LearntConstant) -> ByteRange:
    """The assumed range with the learnt middle, widened to the learnt ends."""
    low, high = min(assumed.low, one.range.low), max(assumed.high, one.range.high)
    return ByteRange(low=low, expected=one.range.expected, high=high)


def script_name(target: Mapping[str, Any]) -> str:
    """By what a script is known again: its name without its folder, or the module's."""
    name = str(target.get("name") or "")
    return PurePath(name).name if name.endswith(".py") else name


def allocator_subject(script: str, environment: Mapping[str, Any]) -> str:
    """What a learnt behaviour of malloc belongs to: the script, under the settings that steer malloc."""
    settings = {name: value for name, value in environment.items() if name.startswith(_MALLOC) and value}
    return " ".join([script, *(f"{name}={settings[name]}" for name in sorted(settings))])


def _figure(one: LearntConstant) -> str:
    return format_bytes(one.range.expected) if one.unit == "bytes" else f"{one.range.expected / 1000:.2f} × the model"
