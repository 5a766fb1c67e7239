"""Accelerators as their drivers tell of them, with a driver's library that is made up here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memfit.quantities import GIB, MIB
from memfit.sensors import devices, read_devices


class NVMLError(Exception):
    """As pynvml's."""


class FakeNVML:
    """Two cards: one with two processes, one that shares the host's memory and has none of its own."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 2

    def __init__(self, *, old: bool = False, broken: bool = False) -> None:
        self.old, self.broken, self.open = old, broken, False

    def nvmlInit(self) -> None:
        self.open = True

    def nvmlShutdown(self) -> None:
        self.open = False

    def nvmlDeviceGetCount(self) -> int:
        if self.broken:
            raise NVMLError("unknown error")
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str | bytes:
        return b"NVIDIA L4" if handle == 0 else "NVIDIA GB10"

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> Any:
        if handle == 1 or (self.old and version is not None):
            raise NVMLError("not supported")
        sizes = {"total": 23034 * MIB, "used": 5 * GIB}
        return SimpleNamespace(**sizes) if version is None else SimpleNamespace(**sizes, reserved=471 * MIB)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        if handle == 1:
            raise NVMLError("not supported")
        return [SimpleNamespace(pid=7, usedGpuMemory=4 * GIB), SimpleNamespace(pid=8, usedGpuMemory=None)]

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.95.05"


def test_card_and_its_processes(tmp_path: Path) -> None:
    """Name, total, use, the driver's own share, and who holds what; unknown sizes are None."""
    library = FakeNVML()

    reading = read_devices(tmp_path, nvml=library)
    card = reading.devices[0]

    assert (reading.driver, reading.problem) == ("580.95.05", "")
    assert (card.index, card.name, card.total_bytes, card.used_bytes) == (0, "NVIDIA L4", 23034 * MIB, 5 * GIB)
    assert card.reserved_bytes == 471 * MIB
    assert card.processes == ((7, 4 * GIB), (8, None))
    assert not library.open


def test_card_without_memory_of_its_own(tmp_path: Path) -> None:
    """A device that shares the host's memory has no figures; that is unknown, not zero."""
    card = read_devices(tmp_path, nvml=FakeNVML()).devices[1]

    assert (card.name, card.total_bytes, card.used_bytes, card.processes) == ("NVIDIA GB10", None, None, ())


def test_older_driver(tmp_path: Path) -> None:
    """A driver that knows the first form of the question alone still answers."""
    card = read_devices(tmp_path, nvml=FakeNVML(old=True)).devices[0]

    assert (card.total_bytes, card.reserved_bytes) == (23034 * MIB, None)


def test_no_driver(tmp_path: Path) -> None:
    """Without a driver there is a sentence and no device."""
    library = FakeNVML()
    library.nvmlInit = lambda: (_ for _ in ()).throw(NVMLError("not loaded"))  # type: ignore[method-assign]

    reading = read_devices(tmp_path, nvml=library)

    assert (reading.devices, reading.problem) == ((), "no NVIDIA driver")


def test_driver_that_fails_half_way(tmp_path: Path) -> None:
    """An error in the middle is told, and the library is closed all the same."""
    library = FakeNVML(broken=True)

    reading = read_devices(tmp_path, nvml=library)

    assert "does not answer" in reading.problem
    assert not library.open


def test_library_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nvidia-ml-py the command that installs it is named."""

    def missing() -> Any:
        raise ImportError("pynvml")

    monkeypatch.setattr(devices, "_nvml", missing)

    assert "pip install nvidia-ml-py" in read_devices(tmp_path).problem


def test_amd_cards_by_the_kernel(tmp_path: Path) -> None:
    """amdgpu's files tell total and use; cards of other makers have none and are passed over."""
    for card, total in (("card0", None), ("card1", 16 * GIB)):
        folder = tmp_path / f"sys/class/drm/{card}/device"
        folder.mkdir(parents=True)
        if total is not None:
            (folder / "mem_info_vram_total").write_text(f"{total}\n")
            (folder / "mem_info_vram_used").write_text(f"{GIB}\n")
            (folder / "product_name").write_text("AMD Radeon RX 7800 XT\n")

    (card,) = read_devices(tmp_path, nvml=FakeNVML(broken=True)).devices

    assert (card.vendor, card.index, card.total_bytes, card.used_bytes) == ("amd", 0, 16 * GIB, GIB)
    assert card.name == "AMD Radeon RX 7800 XT"
