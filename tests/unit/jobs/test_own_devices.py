"""Without --on, the devices of this machine are simulated."""

from __future__ import annotations

import pytest

from memfit.jobs.machine import own_devices
from memfit.machines import parse_request
from memfit.sensors import DeviceMemory, DeviceReading

MIB = 1 << 20


def reading(*devices: tuple[str, int]) -> DeviceReading:
    found = tuple(
        DeviceMemory(index=index, vendor="nvidia", name=name, total_bytes=size * MIB, used_bytes=0)
        for index, (name, size) in enumerate(devices)
    )
    return DeviceReading(devices=found, driver="580", problem="")


H100 = ("NVIDIA H100 80GB HBM3", 81559)


@pytest.mark.parametrize(
    ("devices", "environment", "expected"),
    [
        ([], {}, None),
        ([H100], {}, "h100-80gb"),
        ([H100, H100], {}, "2xh100-80gb"),
        ([H100, H100], {"CUDA_VISIBLE_DEVICES": "1"}, "h100-80gb"),
        ([H100], {"CUDA_VISIBLE_DEVICES": ""}, None),
        ([H100], {"CUDA_VISIBLE_DEVICES": "-1"}, None),
        ([("NVIDIA Something New", 40000)], {}, "40000MiB"),
    ],
)
def test_devices_are_named_as_the_catalogue_knows_them(
    devices: list[tuple[str, int]], environment: dict[str, str], expected: str | None
) -> None:
    """By the driver's name where it is known, by its size where it is not; hidden ones are not there."""
    assert own_devices(reading(*devices), environment) == expected
    if expected is not None:
        parse_request(expected)
