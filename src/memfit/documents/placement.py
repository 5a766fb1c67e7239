"""Where a job fits: one machine held against what the job needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from memfit.quantities import ByteRange, Verdict

OVERSIZED_SHARE = 0.25  # less than a quarter used: a machine of half the size would still be half empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One machine and the job on it.

    Args:
        machine, provider, kind: of the catalogue.
        ram_bytes: as stated.
        usable_ram_bytes: what is left for jobs.
        host_bytes: what the job needs of it; with unified memory the device's part too.
        device: the accelerator's name; None without any.
        devices: how many the machine has.
        devices_used: how many the job uses.
        device_bytes: what one of them has for a process.
        device_need_bytes: what the job needs of one; None when it needs none.
        estimated: the job was estimated on this device; False when its figures were carried over from another.
        comparable: whether figures can be carried over to this device at all.
        source, date: where and when the machine's sizes were read.
        stale: that was too long ago to rely on.
    """

    machine: str
    provider: str
    kind: str
    ram_bytes: int
    usable_ram_bytes: int
    host_bytes: ByteRange
    device: str | None
    devices: int
    devices_used: int
    device_bytes: int
    device_need_bytes: ByteRange | None
    estimated: bool
    source: str
    date: str
    stale: bool
    comparable: bool = True

    @property
    def host_share(self) -> float:
        """How full the RAM gets, by the figure to plan with."""
        return self.host_bytes.high / self.usable_ram_bytes

    @property
    def device_share(self) -> float | None:
        """How full an accelerator gets, by the figure to plan with; None when the job uses none."""
        if self.device_need_bytes is None:
            return None
        return self.device_need_bytes.high / self.device_bytes if self.device_bytes else float("inf")

    @property
    def short_bytes(self) -> int:
        """What is missing for the figure to plan with, of the RAM and of one accelerator; 0 when it fits."""
        device = 0 if self.device_need_bytes is None else self.device_need_bytes.high - self.device_bytes
        return max(self.host_bytes.high - self.usable_ram_bytes, 0) + max(device, 0)

    @property
    def verdict(self) -> Verdict:
        """FITS when the figures to plan with fit, TIGHT when the expected ones do, UNKNOWN where not comparable."""
        if self.devices_used > self.devices:
            return Verdict.DOES_NOT_FIT
        if not self.comparable:
            return Verdict.UNKNOWN
        if not self.short_bytes:
            return Verdict.FITS
        device_expected = 0 if self.device_need_bytes is None else self.device_need_bytes.expected
        expected = self.host_bytes.expected <= self.usable_ram_bytes and device_expected <= self.device_bytes
        return Verdict.TIGHT if expected else Verdict.DOES_NOT_FIT

    @property
    def oversized(self) -> bool:
        """The job leaves most of the machine empty: of its accelerators when it uses them, of its RAM otherwise."""
        used = self.host_share
        if self.device_share is not None:
            used = self.device_share * self.devices_used / max(self.devices, 1)
        return self.verdict is Verdict.FITS and used < OVERSIZED_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Placements:
    """A job on every machine that was considered.

    Args:
        target: the job, as in its estimate.
        rows: the smallest machine first.
        kept_share: of a machine's stated RAM, what its system keeps.
        all_of_them: the machines were asked for by name: what does not fit is shown too.
    """

    target: Mapping[str, Any]
    rows: tuple[Placement, ...]
    kept_share: float
    all_of_them: bool = False

    @property
    def fitting(self) -> tuple[Placement, ...]:
        """Those that hold the job."""
        return tuple(row for row in self.rows if row.verdict is Verdict.FITS)


def placement_to_json(placement: Placement) -> dict[str, Any]:
    """One placement as plain JSON values."""
    return {
        **asdict(placement),
        "verdict": placement.verdict.value,
        "host_share": round(placement.host_share, 4),
        "device_share": None if placement.device_share is None else round(placement.device_share, 4),
        "oversized": placement.oversized,
    }
