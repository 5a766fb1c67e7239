"""What TensorFlow's own executor holds, step by step: the events of its allocator, as its profiler writes them down.

On the CPU TensorFlow takes memory as it does on a GPU, from a BFC allocator, where TF_CPU_ALLOCATOR_USE_BFC says so
(process_state.cc). Each event names the operator, what it asked for and what it was given, and whether it is a result
or scratch of a kernel; a GPU's kernels have other scratch (tried with TensorFlow 2.21).
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

# oneDNN's kernels lay weights out anew and have scratch of their own; a GPU has neither. XLA plans before it makes
# machine code, which is then left as it comes.
SURROUNDINGS = {
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
}
_DEVICE = "CPU:0"
_HOST_LEVEL = 2  # of the profiler's host tracer: at 1 it has no memory events
_PROFILE = "tensorflow.tsl.profiler.protobuf.xplane_pb2"  # since 2.12
_EVENTS = ("MemoryAllocation", "MemoryDeallocation")


class Ledger:
    """The allocator's events between the end of a job's first step and its last one.

    Args:
        module: tensorflow.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def begin(self) -> None:
        """Follow what is taken from here on: the first step has made what the others find."""
        if self._folder is not None:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="memfit-")
        profiler = self._module.profiler.experimental
        options = profiler.ProfilerOptions(host_tracer_level=_HOST_LEVEL, python_tracer_level=0, device_tracer_level=0)
        try:
            profiler.start(self._folder.name, options)
        except Exception as error:  # the job's own profiler is at work: there is one in a process
            print(f"memfit: TensorFlow's profiler does not start: {error}", file=sys.stderr)

    def told(self) -> dict[str, Any]:
        """What was seen, as JSON (see ``summed``); the allocator's own peak where no step was made."""
        info = self._module.config.experimental.get_memory_info(_DEVICE)
        whole = {
            "began_bytes": info["current"], "held_bytes": info["current"], "peak_bytes": info["peak"],
            "given_bytes": info["peak"], "scratch_bytes": 0, "operator": "", "is_compiled": False, "blocks": [],
        }  # fmt: skip
        if self._folder is None:
            return whole
        try:
            self._module.profiler.experimental.stop()
            return summed(_events(Path(self._folder.name))) or whole
        except (ImportError, RuntimeError, self._module.errors.OpError) as error:
            print(f"memfit: TensorFlow's profile cannot be read: {error}", file=sys.stderr)
            return whole
        finally:
            self._folder.cleanup()


def _events(folder: Path) -> list[dict[str, Any]]:
    """The allocator's events of a profile, in their order."""
    space = importlib.import_module(_PROFILE).XSpace()
    for file in folder.rglob("*.xplane.pb"):
        space.MergeFromString(file.read_bytes())
    found = [event for plane in space.planes for event in _of_plane(plane)]
    return sorted(found, key=lambda event: int(event["at"]))


def _of_plane(plane: Any) -> Iterator[dict[str, Any]]:
    names = {number: each.name for number, each in plane.stat_metadata.items()}
    kinds = {number: each.name for number, each in plane.event_metadata.items() if each.name in _EVENTS}
    for line in plane.lines:
        for event in line.events:
            kind = kinds.get(event.metadata_id)
            if kind is None:
                continue
            told: dict[str, Any] = {"at": line.timestamp_ns * 1000 + event.offset_ps, "kind": kind}
            for stat in event.stats:
                value = getattr(stat, stat.WhichOneof("value"))
                told[names[stat.metadata_id]] = names[value] if stat.WhichOneof("value") == "ref_value" else value
            yield told


def summed(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What was alive at the fullest moment, but for kernels' scratch, and every block's life.

    Args:
        events: in their order.

    Returns:
        ``began_bytes`` before the first of them, ``held_bytes`` at the emptiest moment, ``peak_bytes`` that were asked
        for and ``given_bytes`` that were given at the fullest one, ``scratch_bytes`` of kernels at most, the
        ``operator`` that asked then, whether a program of XLA held the most of it, and ``blocks`` of [operator, when it
        was taken, when it was given back or None, bytes asked for]; one that was there before the first event was taken
        at -1. Empty without events.

    >>> made = {"kind": "MemoryAllocation", "addr": 1, "requested_bytes": 10, "allocation_bytes": 256}
    >>> summed([{**made, "bytes_allocated": 356, "region_type": "output", "tf_op": "a"}])["blocks"]
    [['a', 0, None, 10]]
    """
    tally: _Tally | None = None
    for at, event in enumerate(events):
        size, taken = int(event["allocation_bytes"]), event["kind"] == _EVENTS[0]
        if tally is None:
            tally = _Tally(int(event["bytes_allocated"]) + (-size if taken else size))
        (tally.take if taken else tally.give)(at, event)
    return tally.told if tally is not None else {}


class _Tally:
    """The sums over a run's events.

    Args:
        held: bytes before the first.
    """

    def __init__(self, held: int) -> None:
        self._asked = self._given = held
        self._scratch = self._compiled = 0
        self._live: dict[int, tuple[list[Any], int, bool]] = {}  # address → block, bytes given, whether of a program
        self._scratch_at: dict[int, int] = {}
        self.told: dict[str, Any] = {
            "began_bytes": held, "held_bytes": held, "peak_bytes": held, "given_bytes": held, "scratch_bytes": 0,
            "operator": "", "is_compiled": False, "blocks": [],
        }  # fmt: skip

    def take(self, at: int, event: Mapping[str, Any]) -> None:
        """A block was given to an operator."""
        address, given = int(event["addr"]), int(event["allocation_bytes"])
        if event.get("region_type") == "temp":
            self._scratch_at[address] = given
            self._scratch += given
            self.told["scratch_bytes"] = max(self.told["scratch_bytes"], self._scratch)
            return
        name, asked = str(event.get("tf_op", "")), int(event["requested_bytes"])
        block = [name, at, None, asked]
        self.told["blocks"].append(block)
        self._live[address] = (block, given, not name)
        self._add(asked, given, is_program=not name)
        if self._asked > self.told["peak_bytes"]:
            in_a_step = self._asked - self.told["held_bytes"]
            self.told.update(
                peak_bytes=self._asked,
                given_bytes=self._given,
                operator=name,
                is_compiled=2 * self._compiled > in_a_step,
            )

    def give(self, at: int, event: Mapping[str, Any]) -> None:
        """A block came back; one of before the first event had its whole size."""
        address, size = int(event["addr"]), int(event["allocation_bytes"])
        if address in self._scratch_at:
            self._scratch -= self._scratch_at.pop(address)
            return
        found = self._live.pop(address, None)
        if found is None:
            self.told["blocks"].append(["", -1, at, size])
            self._add(-size, -size, is_program=False)
            return
        block, given, is_program = found
        block[2] = at
        self._add(-block[3], -given, is_program=is_program)

    def _add(self, asked: int, given: int, *, is_program: bool) -> None:
        self._asked, self._given = self._asked + asked, self._given + given
        self.told["held_bytes"] = min(self.told["held_bytes"], self._asked)
        self._compiled += asked * is_program
