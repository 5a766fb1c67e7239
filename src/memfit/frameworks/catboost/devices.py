"""What a fit of CatBoost holds on a GPU: whatever its data is, the share of the device that it is told to take.

From its documentation (training parameters, performance settings; 1.2): what the fit would need is not known from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.on_devices import DeviceFit, Held, Moment, held
from memfit.quantities import GIB, ByteRange, Category

_SHARE = 0.95  # gpu_ram_part


def on_host(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by which the same fit is made on the CPU."""
    return {"task_type": "CPU"}


def least(params: Mapping[str, Any]) -> dict[str, Any]:
    """None: its trees are small."""
    return {}


def host_beside(fit: DeviceFit) -> tuple[Held, ...]:
    """The pinned buffer through which data goes to the device: pinned_memory_size, 1 GiB by default."""
    size = ByteRange(low=0, expected=GIB, high=GIB)
    return (Held(Category.PINNED, size, "pinned_memory_size, by CatBoost's documentation"),)


def moments(fit: DeviceFit) -> tuple[Moment, ...]:
    """Its one moment: it takes its share when it begins."""
    given = fit.params.get("gpu_ram_part")
    share = given if isinstance(given, (int, float)) and 0 < given <= 1 else _SHARE
    adapts = (
        f"CatBoost takes {share:.0%} of the memory that it finds free when it begins (gpu_ram_part), whatever it "
        "needs: that a fit of this size works within it is not told by this figure"
    )
    part = held(Category.OTHER, share * fit.free_bytes, "gpu_ram_part, by CatBoost's documentation")
    return (Moment("training", (part,), adapts),)


def grown_at_once(name: str, params: Mapping[str, Any]) -> int:
    """Trees of a round: one."""
    return 1


def stored_by(name: str, params: Mapping[str, Any], version: tuple[int, int] | None) -> bool:
    """It has no matrix of values of its own on the host that is told here."""
    return False
