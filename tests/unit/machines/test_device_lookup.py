"""Finding a device by what people call it."""

from __future__ import annotations

import pytest

from memfit.errors import UnknownMachine, UsageError
from memfit.machines import Device, MemoryBasis, all_devices, find, parse_request
from memfit.quantities import GIB


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("4090", "rtx4090-24gb"),
        ("RTX 4090", "rtx4090-24gb"),
        ("GeForce RTX 4090", "rtx4090-24gb"),
        ("NVIDIA GeForce RTX 4090", "rtx4090-24gb"),
        ("rtx-4090", "rtx4090-24gb"),
        ("4090 laptop", "rtx4090-laptop-16gb"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx4090-laptop-16gb"),
        ("h100", "h100-80gb"),
        ("H100 PCIe", "h100-80gb-pcie"),
        ("NVIDIA H100 80GB HBM3", "h100-80gb"),
        ("a100-80gb", "a100-80gb"),
        ("A100 80GB", "a100-80gb"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("Tesla V100-SXM2-16GB", "v100-16gb"),
        ("t4", "t4-16gb"),
        ("a6000", "rtxa6000-48gb"),
        ("RTX 6000 Ada", "rtx6000ada-48gb"),
        ("titan rtx", "titanrtx-24gb"),
        ("4060 Ti 16GB", "rtx4060ti-16gb"),
        ("gtx 1080 ti", "gtx1080ti-11gb"),
        ("jetson orin nx", "jetson-orin-nx-16gb"),
        ("mi300x", "mi300x-192gb"),
        ("7900 XTX", "rx7900xtx-24gb"),
        ("m4 max 128gb", "apple-m4-max-128gb"),
    ],
)
def test_forgiving_names(said: str, meant: str) -> None:
    """Case, blanks, hyphens and left-out brands do not matter."""
    assert find(said).name == meant


@pytest.mark.parametrize(
    ("said", "meant", "other"),
    [
        ("a100", "a100-40gb", "a100-80gb"),
        ("v100", "v100-16gb", "v100-32gb"),
        ("h100", "h100-80gb", "h100-94gb-nvl"),
        ("rtx 6000", "rtx6000ada-48gb", "quadro-rtx6000-24gb"),
        ("NVIDIA GeForce RTX 3080", "rtx3080-10gb", "rtx3080-12gb"),
        ("m1", "apple-m1-8gb", "apple-m1-16gb"),
    ],
)
def test_ambiguous_name_says_what_was_chosen(said: str, meant: str, other: str) -> None:
    """A name that several devices answer to gets the likely one, with a note that names the others."""
    device = find(said)

    assert device.name == meant
    assert f"was read as {meant}" in device.note and other in device.note


@pytest.mark.parametrize("device", all_devices(), ids=lambda device: device.name)
def test_every_device_is_found_by_its_own_name(device: Device) -> None:
    """A slug means itself, without a note; the driver's name means one of the devices that report it."""
    assert find(device.name) == device
    assert find(device.name).note == ""
    assert find(device.product).product == device.product


@pytest.mark.parametrize(
    ("said", "meant", "count"),
    [("2xh100-80gb", "h100-80gb", 2), ("8 x A100", "a100-40gb", 8), ("4*l4", "l4-24gb", 4), ("t4", "t4-16gb", 1)],
)
def test_count_before_the_name(said: str, meant: str, count: int) -> None:
    """ "2xh100" is two of them."""
    device, number = parse_request(said)

    assert (device.name, number) == (meant, count)


@pytest.mark.parametrize("said", ["0xh100", "99999xh100", "2xcpu"])
def test_impossible_counts_are_refused(said: str) -> None:
    """No devices, more than any cluster has, or several CPUs: a usage error."""
    with pytest.raises(UsageError):
        parse_request(said)


def test_size_alone_is_a_cuda_card() -> None:
    """ "24GiB" stands for a card of that size; the capability that was assumed is said."""
    device, count = parse_request("2x24GiB")

    assert (device.memory_bytes, device.usable_bytes, count) == (24 * GIB, 24 * GIB, 2)
    assert device.is_cuda and device.memory_basis is MemoryBasis.GIVEN
    assert "was assumed" in device.note


def test_size_with_capability() -> None:
    """ "gpu:24GiB:8.6" says both, so nothing is assumed."""
    device = find("gpu:24GiB:8.6")

    assert (device.capability, device.architecture, device.note) == ((8, 6), "ampere", "")


def test_cpu_has_no_memory_of_its_own() -> None:
    """The CPU's memory is the host's: unknown to the catalogue, so None."""
    device, count = parse_request("cpu")

    assert device.is_cpu and device.memory_bytes is None and count == 1


@pytest.mark.parametrize(
    ("said", "nearest"), [("rtx409", "rtx4090-24gb"), ("h10", "h100-80gb"), ("a100-81gb", "a100-80gb")]
)
def test_unknown_name_is_answered_with_the_nearest(said: str, nearest: str) -> None:
    """A typing error gets "did you mean"."""
    with pytest.raises(UnknownMachine) as refusal:
        find(said)

    assert nearest in refusal.value.hint
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("said", ["", "   ", "!!!", "quantum9000", "0GiB", "x" * 5000])
def test_nonsense_is_refused_in_a_sentence(said: str) -> None:
    """Anything else ends in a usage error, never in a guess."""
    with pytest.raises(UsageError):
        find(said)
