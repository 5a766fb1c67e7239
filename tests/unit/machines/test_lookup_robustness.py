"""Whatever is typed as a device's name ends in a device or in a usage error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memfit.errors import UsageError
from memfit.machines import all_devices, cublas_workspace_bytes, device_overhead, parse_request

NAMES = sorted({device.name for device in all_devices()} | {device.product for device in all_devices()})
PIECES = st.one_of(
    st.sampled_from(NAMES), st.text(max_size=12), st.sampled_from(["2x", "gpu:", "GiB", ":", "8.6", " "])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=4).map("".join))
def test_any_name_is_answered(text: str) -> None:
    """No traceback, and what is found has a size or is the CPU."""
    try:
        device, count = parse_request(text)
    except UsageError as refusal:
        assert refusal.message and refusal.exit_code == 2
        return

    assert count >= 1
    assert device.is_cpu or (device.memory_bytes or 0) > 0


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.one_of(st.none(), st.text(max_size=8)), st.text(max_size=20))
def test_any_version_is_answered(torch: str, cuda: str | None, setting: str) -> None:
    """A version or a setting that makes no sense falls back to today's builds."""
    device = all_devices()[0]

    overhead = device_overhead(device, torch, cuda)
    workspace = cublas_workspace_bytes(device.capability, torch, {"CUBLAS_WORKSPACE_CONFIG": setting})

    assert 0 <= overhead.range.low <= overhead.range.expected <= overhead.range.high
    assert workspace >= 0
