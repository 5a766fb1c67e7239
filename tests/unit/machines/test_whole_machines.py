"""Whole machines: every shipped row is sourced and plausible, a user's own file is read or refused with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from memfit.errors import UnknownMachine, UsageError
from memfit.machines import WholeMachine, all_machines, chosen
from memfit.machines.whole import KINDS, read_machines, shipped_machines
from memfit.quantities import GIB

SHIPPED = shipped_machines()


def named(name: str) -> WholeMachine:
    return next(machine for machine in SHIPPED if machine.name == name)


def test_many_machines_are_known() -> None:
    """Three large clouds and more, with accelerators and without, servers, boards."""
    clouds = {machine.provider for machine in SHIPPED if machine.kind == "cloud"}

    assert len(SHIPPED) >= 150
    assert {"aws", "gcp", "azure"} < clouds and len(clouds) >= 6
    assert sum(not machine.devices for machine in SHIPPED) >= 50
    assert {machine.kind for machine in all_machines()} == set(KINDS)


@pytest.mark.parametrize("machine", SHIPPED, ids=lambda machine: machine.name)
def test_row_is_whole(machine: WholeMachine) -> None:
    """A row has its source and its date, and sizes that such machines have."""
    assert machine.source and date(2026, 1, 1) <= date.fromisoformat(machine.date) <= date(2026, 12, 31)
    assert machine.kind == "microcontroller" or GIB // 2 <= machine.ram_bytes <= 32 * 1024 * GIB
    assert machine.devices in range(17) and bool(machine.devices) == (machine.device is not None)


def test_names_are_unique() -> None:
    """No name leads to two machines."""
    names = [machine.name for machine in all_machines()]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "ram_gib", "device", "devices"),
    [
        ("g5.xlarge", 16, "a10g-24gb", 1),
        ("p4d.24xlarge", 1152, "a100-40gb", 8),
        ("p5.48xlarge", 2048, "h100-80gb", 8),
        ("Standard_ND96isr_H100_v5", 1900, "h100-80gb", 8),
        ("a2-ultragpu-4g", 680, "a100-80gb", 4),
        ("g2-standard-48", 192, "l4-24gb", 4),
    ],
)
def test_well_known_machines(name: str, ram_gib: int, device: str, devices: int) -> None:
    """The sizes that everybody quotes."""
    machine = named(name)

    assert (machine.ram_bytes, machine.device and machine.device.name, machine.devices) == (
        ram_gib * GIB,
        device,
        devices,
    )


def test_usable_ram_is_less_than_stated() -> None:
    """A g5.xlarge of 16 GiB: Karpenter plans with 14.8 GiB before what Kubernetes reserves."""
    assert named("g5.xlarge").usable_ram_bytes == pytest.approx(14.8 * GIB, rel=0.001)


def test_macs_share_their_memory() -> None:
    """A device with unified memory is a machine: its RAM is the device's."""
    (mac,) = chosen(["apple-m4-max-128gb"])

    assert mac.unified and mac.ram_bytes == 128 * GIB and mac.device_bytes < mac.ram_bytes


def test_old_rows_are_stale() -> None:
    """A year after it was read, a row is no longer relied on."""
    machine = named("g5.xlarge")

    assert not machine.is_stale(date(2026, 12, 1))
    assert machine.is_stale(date(2027, 9, 1))


@pytest.mark.parametrize("word", ["aws", "EDGE", "g5.xlarge", "l40s"])
def test_machines_are_chosen_by_provider_kind_or_name(word: str) -> None:
    """Each word of --only keeps what it names, and nothing else."""
    kept = chosen([word])

    assert 0 < len(kept) < len(all_machines())
    assert all(word.lower() in f"{m.provider} {m.kind} {m.name} {m.device and m.device.name}".lower() for m in kept)


def test_unknown_machine_names_the_nearest() -> None:
    """A typing error gets the name that was meant."""
    with pytest.raises(UnknownMachine) as refusal:
        chosen(["g5.xlrge"])

    assert "g5.xlarge" in refusal.value.hint


def test_users_machine_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the user's own file is used, and replaces a shipped one of its name."""
    path = tmp_path / "mine.csv"
    path.write_text("# schema: 1\nname,ram,device,devices\nlab,64GiB,rtx4090,2\ng5.xlarge,8GiB,,\n", encoding="utf-8")
    monkeypatch.setenv("MEMFIT_MACHINES", str(path))

    lab, shrunk = all_machines()[:2]

    assert (lab.provider, lab.devices, lab.device and lab.device.name) == ("own", 2, "rtx4090-24gb")
    assert shrunk.ram_bytes == 8 * GIB
    assert [machine.name for machine in all_machines()].count("g5.xlarge") == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("lab,,,,,,", "no memory size"),
        ("lab,,,0GiB,,,", "above zero"),
        (",,,64GiB,,,", "expected a name"),
        ("lab,,,64GiB,warp9,1,", "no device 'warp9'"),
        ("lab,,,64GiB,t4,x,", "invalid literal"),
        ("lab,,,64GiB,,2,", "expected a device"),
        ("lab,,garage,64GiB,,,", "expected a kind"),
        ("lab,,,64GiB,,,yesterday", "Invalid isoformat"),
    ],
)
def test_wrong_row_is_refused_with_its_line(row: str, expected: str) -> None:
    """The line and what was expected are in the message."""
    text = f"# schema: 1\n# mine\nname,provider,kind,ram,device,devices,date\nok,,,8GiB,,,\n{row}\n"

    with pytest.raises(UsageError, match=f"line 5, .*{expected}") as refusal:
        read_machines(text, origin="mine.csv")

    assert refusal.value.slug == "bad-catalogue"
