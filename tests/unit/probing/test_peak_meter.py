"""The rise of a process within a block: its own high-water mark, its children, and nothing of what came before."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from memfit.probing import meter as module
from memfit.probing.meter import PeakMeter
from memfit.quantities import MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


_WITH_A_CHILD = """
import subprocess, sys
from memfit.probing.meter import has_children
print(has_children())
with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
    print(has_children())
    child.communicate(b"\\n")
print(has_children())
"""


def touched(mib: int) -> bytearray:
    return bytearray(b"x") * (mib * MIB)


def test_a_spike_that_is_gone_is_measured() -> None:
    """What was freed before the end counts; to within what else a process does meanwhile."""
    with PeakMeter() as meter:
        del (block := [touched(64)])[:]

    assert 60 * MIB < meter.peak_bytes < 80 * MIB
    assert block == []


def test_what_was_there_before_does_not_count() -> None:
    """A block that is held all the while, and one that was freed before, are none of the rise."""
    held = touched(64)
    touched(128)

    with PeakMeter() as meter:
        touched(8)

    assert 4 * MIB < meter.peak_bytes < 24 * MIB
    assert len(held) == 64 * MIB


def test_children_are_counted() -> None:
    """A child of 80 MiB that lives for a second is part of the rise."""
    script = "import time; block = bytearray(b'x') * (80 << 20); time.sleep(1)"

    with PeakMeter() as meter:
        subprocess.run([sys.executable, "-c", script], check=True)

    assert meter.peak_bytes > 70 * MIB
    assert meter.own_bytes < 40 * MIB
    assert meter.children == 1


def test_where_the_mark_may_not_be_reset_it_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spike of some tens of milliseconds is seen by the samples."""
    monkeypatch.setattr(module, "_reset_high_water_mark", lambda: False)

    with PeakMeter() as meter:
        block = touched(64)
        time.sleep(0.05)
        del block

    assert not meter.exact
    assert 50 * MIB < meter.peak_bytes < 90 * MIB


def test_children_are_seen_while_they_live() -> None:
    """Before and after there are none: of a process of its own, since a test runner may have some."""
    done = subprocess.run([sys.executable, "-c", _WITH_A_CHILD], capture_output=True, text=True, timeout=60)

    assert done.stdout.split() == ["False", "True", "False"], done.stderr
