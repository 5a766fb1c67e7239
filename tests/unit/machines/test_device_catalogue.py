"""The catalogue: every shipped row is whole and plausible, and a user's own file is read or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.errors import UsageError
from memfit.machines import Device, MemoryBasis, all_devices
from memfit.machines.catalogue import COLUMNS, read_devices, user_file
from memfit.machines.lookup import _key
from memfit.quantities import GIB, MIB

SHIPPED = all_devices()
HEADER = ",".join(COLUMNS)
ARCHITECTURES = {
    "kepler": {3}, "maxwell": {5}, "pascal": {6}, "volta": {7}, "turing": {7}, "ampere": {8}, "ada": {8},
    "hopper": {9}, "blackwell": {10, 11, 12},
}  # fmt: skip


def own_file(tmp_path: Path, *rows: str, schema: str = "1") -> Path:
    path = tmp_path / "devices.csv"
    path.write_text("\n".join([f"# schema: {schema}", HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def test_many_devices_are_known() -> None:
    """Consumer cards, laptops, data centre, boards, other makers: what people use."""
    vendors = {device.vendor for device in SHIPPED}

    assert len(SHIPPED) >= 150
    assert vendors == {"nvidia", "amd", "apple", "google"}
    assert sum(device.memory_basis is MemoryBasis.DRIVER for device in SHIPPED) >= 60


@pytest.mark.parametrize("device", SHIPPED, ids=lambda device: device.name)
def test_row_is_whole(device: Device) -> None:
    """A row names its device, its sizes, their source and their date, and its parts agree."""
    assert device.name == device.name.lower().replace(" ", "")
    assert device.product and device.source and device.date.startswith("20")
    assert device.memory_bytes is not None and GIB <= device.memory_bytes <= 1024 * GIB
    assert device.usable_bytes is not None and 0.6 * device.memory_bytes < device.usable_bytes <= device.memory_bytes
    assert device.multiprocessors is not None and 1 <= device.multiprocessors <= 400
    assert device.year is not None and 2012 <= device.year <= 2030
    assert (device.capability is not None) == (device.vendor == "nvidia")
    if device.capability is not None:
        assert device.capability[0] in ARCHITECTURES[device.architecture]


@pytest.mark.parametrize("device", SHIPPED, ids=lambda device: device.name)
def test_slug_tells_the_size(device: Device) -> None:
    """The size in the name is the size that the maker sells, within what ECC and drivers take."""
    sold_bytes = next(int(part[:-2]) for part in device.name.split("-") if part.endswith("gb")) * GIB

    assert 0.92 * sold_bytes <= (device.memory_bytes or 0) <= 1.05 * sold_bytes


def test_names_and_aliases_are_unique() -> None:
    """No name leads to two rows, and no alias to two."""
    names = [_key(device.name) for device in SHIPPED]
    aliases = [_key(alias) for device in SHIPPED for alias in device.aliases]

    assert len(set(names)) == len(names)
    assert len(set(aliases)) == len(aliases)


@pytest.mark.parametrize(
    ("name", "memory_mib", "usable_mib"),
    [
        ("rtx4090-24gb", 24564, 24084),
        ("h100-80gb", 81559, 80998),
        ("a100-80gb", 81920, 81038),
        ("t4-16gb", 15360, 14909),
    ],
)
def test_well_known_sizes(name: str, memory_mib: int, usable_mib: int) -> None:
    """What nvidia-smi shows and what a process is shown are two figures."""
    (device,) = (device for device in SHIPPED if device.name == name)

    assert (device.memory_bytes, device.usable_bytes) == (memory_mib * MIB, usable_mib * MIB)
    assert device.usable_basis is MemoryBasis.DRIVER


def test_unread_share_is_taken_from_the_nearest_device() -> None:
    """An A40's usable size follows from the A6000's; people read 45634 MiB on it."""
    (a40,) = (device for device in SHIPPED if device.name == "a40-48gb")

    assert a40.usable_basis is MemoryBasis.NOMINAL
    assert a40.usable_bytes == pytest.approx(45634 * MIB, rel=0.005)


def test_users_device_is_found_first(tmp_path: Path) -> None:
    """A row in the user's own file is used as given and wins over the shipped one of the same name."""
    path = own_file(tmp_path, "rtx4090-24gb,,,48000,,,8.9,128,ada,2022,mine,,")

    devices = all_devices(path)

    assert devices[0].memory_bytes == devices[0].usable_bytes == 48000 * MIB
    assert devices[0].memory_basis is MemoryBasis.GIVEN
    assert [device.name for device in devices].count("rtx4090-24gb") == 1


def test_users_file_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MEMFIT_DEVICES points at a file of the user's."""
    from memfit.machines import find

    monkeypatch.setenv("MEMFIT_DEVICES", str(own_file(tmp_path, "labcard-20gb,Lab Card,,20480,,,8.0,,,,lab,,")))

    assert find("lab").name == "labcard-20gb"


def test_users_folder_is_looked_into(tmp_path: Path) -> None:
    """Without MEMFIT_DEVICES the configuration folder is looked into, and nothing there is no fault."""
    folder = tmp_path / "memfit"

    nothing = user_file({"XDG_CONFIG_HOME": str(tmp_path)})
    folder.mkdir()
    own_file(folder)

    assert nothing is None
    assert user_file({"XDG_CONFIG_HOME": str(tmp_path)}) == folder / "devices.csv"


@pytest.mark.parametrize(
    "row",
    [
        "card,,,many,,,,,,,,,",
        "card,,,-5,,,,,,,,,",
        ",,,1024,,,,,,,,,",
        "card,,,1024,,2048,,,,,,,",
        "card,,,1024,measured,,,,,,,,",
        "card,,,1024,,,eight,,,,,,",
    ],
)
def test_wrong_row_is_named(tmp_path: Path, row: str) -> None:
    """A row that cannot be right is refused with its name, not read as something else."""
    with pytest.raises(UsageError, match=r"line 3, the row '.*', is wrong") as refusal:
        all_devices(own_file(tmp_path, row))

    assert refusal.value.slug == "bad-catalogue"


def test_other_schema_and_other_files_are_refused(tmp_path: Path) -> None:
    """A newer schema, a file of another kind, a missing file: each is said in a sentence."""
    with pytest.raises(UsageError, match="schema 2"):
        all_devices(own_file(tmp_path, schema="2"))
    with pytest.raises(UsageError, match="schema None"):
        read_devices("name,size\n", origin="x")
    with pytest.raises(UsageError, match="no column 'memory_mib'"):
        read_devices("# schema: 1\nname\ncard\n", origin="x")
    with pytest.raises(UsageError, match="cannot be read"):
        all_devices(tmp_path / "nowhere.csv")
