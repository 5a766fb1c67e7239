"""A context by the libraries that a job wakes up, where that was measured."""

from __future__ import annotations

from memfit.machines import device_overhead, find
from memfit.quantities import MIB

ALL = ("cuBLAS", "cuBLAS in backward", "cuDNN")


def test_a_job_holds_the_parts_it_wakes_up() -> None:
    """Measured on an H200: 621 MiB bare, 687 for products alone, 751 with a backward pass, 769 with convolutions."""
    whole = device_overhead(find("h200-141gb"), "2.11.0", "13.0")

    held = [whole.with_libraries(names).range.expected for names in ((), ALL[:1], ALL[:2], ALL)]

    assert held == [621 * MIB, 687 * MIB, 751 * MIB, 769 * MIB]


def test_the_range_holds_its_expected_value() -> None:
    """Whatever a job wakes up, low is not above and high not below."""
    whole = device_overhead(find("h100-80gb-pcie"), "2.11.0", "13.0")

    for names in ((), ALL):
        span = whole.with_libraries(names).range
        assert span.low <= span.expected <= span.high


def test_elsewhere_the_readings_of_whole_processes_stay() -> None:
    """Nothing is taken off what nobody took apart."""
    whole = device_overhead(find("a100-80gb"), "2.11.0", "13.0")

    assert whole.with_libraries(()).range == whole.range
