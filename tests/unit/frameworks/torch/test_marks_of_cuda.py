"""What a recorder reads of the CUDA allocator: only once the job has initialised it, and without resetting anything."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from memfit.frameworks.torch.gauges import add_gauges


class Gauges:
    """Takes gauges as a recorder does."""

    def __init__(self) -> None:
        self.read: dict[str, Callable[[], int | None]] = {}

    def gauge(self, name: str, read: Callable[[], int | None]) -> None:
        self.read[name] = read

    def values(self) -> dict[str, int]:
        found = {name: read() for name, read in list(self.read.items())}
        return {name: value for name, value in found.items() if value is not None}


class Device:
    """The allocator's counters of two devices, of which one is used."""

    def __init__(self) -> None:
        self.initialised = False
        self.current, self.peak = 0, 0

    def stats(self, device: int) -> dict[str, Any]:
        one = {"current": self.current, "peak": self.peak} if device == 0 else {"current": 0, "peak": 0}
        return {"allocated_bytes": {"all": one}, "reserved_bytes": {"all": one}}

    @property
    def torch(self) -> Any:
        cuda = SimpleNamespace(is_initialized=lambda: self.initialised, device_count=lambda: 2)
        return SimpleNamespace(cuda=cuda, _C=SimpleNamespace(_cuda_memoryStats=self.stats))


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def gauges(device: Device) -> Gauges:
    found = Gauges()
    add_gauges(device.torch, found)  # type: ignore[arg-type]
    return found


def test_nothing_before_the_job_initialises(gauges: Gauges) -> None:
    """A job on the CPU has no figures of a device."""
    assert gauges.values() == {}


def test_the_device_that_is_used(device: Device, gauges: Gauges) -> None:
    """Allocated and reserved, now and at their highest where it rose."""
    device.initialised, device.current, device.peak = True, 5, 9
    gauges.values()

    assert gauges.values() == {
        "cuda:0/allocated": 5,
        "cuda:0/reserved": 5,
        "cuda:0/allocated_high": 9,
        "cuda:0/reserved_high": 9,
    }


def test_a_peak_is_told_where_it_rose(device: Device, gauges: Gauges) -> None:
    """Not again while it stands; and from anew when the job resets it."""
    device.initialised, device.current, device.peak = True, 5, 9
    gauges.values()
    gauges.values()

    again = gauges.values()
    device.peak = 6
    reset = gauges.values()
    device.peak = 7
    risen = gauges.values()

    assert "cuda:0/allocated_high" not in again
    assert "cuda:0/allocated_high" not in reset
    assert risen["cuda:0/allocated_high"] == 7
