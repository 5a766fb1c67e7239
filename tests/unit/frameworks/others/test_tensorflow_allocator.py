"""The events of TensorFlow's allocator → what was alive at the fullest moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memfit.frameworks.tensorflow.allocator import summed


class Allocator:
    """Writes events down as the profiler does; what is asked for is rounded up to 256.

    Args:
        held: in use before the first event.
    """

    def __init__(self, held: int) -> None:
        self.used, self.live, self.events = held, {}, []  # type: ignore[var-annotated]

    def take(self, address: int, size: int, given: int = 0, region: str | None = "output", name: str = "op") -> None:
        given = given or -(-size // 256) * 256
        self.used += given
        self.live[address] = (size, given)
        named = {"tf_op": name, "region_type": region} if region else {}
        self._write("MemoryAllocation", address, size, given, named)

    def give(self, address: int, size: int = 0) -> None:
        size, given = self.live.pop(address, (size, size))
        self.used -= given
        self._write("MemoryDeallocation", address, size, given, {})

    def _write(self, kind: str, address: int, size: int, given: int, named: dict[str, Any]) -> None:
        self.events.append(
            {"kind": kind, "addr": address, "requested_bytes": size, "allocation_bytes": given,
             "bytes_allocated": self.used, **named}
        )  # fmt: skip

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.events)


def test_the_fullest_moment_is_what_was_asked_for_beside_what_was_held() -> None:
    """Rounding is told apart, and the operator that asked then."""
    seen = Allocator(held=1000)
    seen.take(1, 100, name="first")
    seen.take(2, 300, name="second")
    seen.give(1)
    seen.take(3, 50, name="third")

    told = summed(seen)
    assert (told["held_bytes"], told["peak_bytes"], told["given_bytes"]) == (1000, 1400, 1000 + 256 + 512)
    assert told["operator"] == "second"
    assert not told["is_compiled"]


def test_scratch_of_the_cpus_kernels_does_not_count() -> None:
    """It is told for itself: a GPU's kernels have other scratch."""
    seen = Allocator(held=0)
    seen.take(1, 256)
    seen.take(2, 5120, region="temp", name="Conv2DBackpropInput")
    seen.give(2)
    seen.take(3, 512)

    told = summed(seen)
    assert (told["peak_bytes"], told["scratch_bytes"]) == (768, 5120)


def test_what_a_program_of_xla_takes_bears_no_name_and_counts() -> None:
    """Its temporaries are the step's."""
    seen = Allocator(held=256)
    seen.take(1, 4096, given=8192, region=None)

    told = summed(seen)
    assert (told["peak_bytes"], told["given_bytes"]) == (256 + 4096, 256 + 8192)
    assert told["is_compiled"]


def test_what_was_there_before_is_given_back_with_its_whole_size() -> None:
    """The first event may be a deallocation, of a block whose allocation was not followed."""
    seen = Allocator(held=2048)
    seen.give(9, size=1024)
    seen.take(1, 512)

    told = summed(seen)
    assert (told["began_bytes"], told["held_bytes"], told["peak_bytes"]) == (2048, 1024, 2048)


def test_a_profile_without_events_tells_nothing() -> None:
    """The allocator's own count is taken then."""
    assert summed([]) == {}
