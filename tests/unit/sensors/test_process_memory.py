"""What processes hold, from fixtures and from real processes."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from memfit.quantities import KIB, MIB
from memfit.sensors import largest_processes, process_memory, process_tree, tree_bytes
from memfit.sensors.processes import parse_process

STATUS = "Name:\tpython3\nPid:\t7\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\nVmSwap:\t  16 kB\nThreads:\t4\n"
ROLLUP = "55-7f ---p 0 00:00 0 [rollup]\nRss: 800 kB\nPss: 500 kB\nPrivate_Clean: 100 kB\nPrivate_Dirty: 300 kB\n"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_all_sizes_of_a_process() -> None:
    """Resident, proportional, unique, swapped and the high-water mark are told apart."""
    process = parse_process(7, STATUS, ROLLUP)

    assert process is not None
    assert (process.name, process.rss_bytes, process.peak_rss_bytes) == ("python3", 800 * KIB, 900 * KIB)
    assert (process.pss_bytes, process.uss_bytes, process.swap_bytes) == (500 * KIB, 400 * KIB, 16 * KIB)
    assert process.share_bytes == 500 * KIB


def test_another_users_process() -> None:
    """Where the kernel does not show the proportional size it is unknown, and the resident size is charged."""
    process = parse_process(7, STATUS, None)

    assert process is not None
    assert (process.pss_bytes, process.uss_bytes) == (None, None)
    assert process.share_bytes == 800 * KIB


def test_kernel_threads_hold_nothing() -> None:
    """A status without sizes is no process of interest."""
    assert parse_process(2, "Name:\tkthreadd\nThreads:\t1\n", None) is None


def test_fixture_root(tmp_path: Path) -> None:
    """/proc is read below the root that is given."""
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/status").write_text(STATUS, encoding="utf-8")

    process = process_memory(7, root=tmp_path)

    assert process is not None and process.rss_bytes == 800 * KIB


def test_process_that_is_gone() -> None:
    """A number without a process is None, not an error."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()

    assert process_memory(child.pid) is None
    assert process_tree(child.pid) == ()


@linux
def test_this_process() -> None:
    """A block that is touched shows in the resident size and stays in the high-water mark."""
    before = process_memory()
    with mmap.mmap(-1, 64 * MIB) as block:  # new pages for certain: malloc could hand out some that are resident
        for at in range(0, len(block), 4 * KIB):
            block[at] = 1
        during = process_memory(os.getpid())
    after = process_memory()

    assert before is not None and during is not None and after is not None
    assert during.rss_bytes - before.rss_bytes > 60 * MIB
    assert (after.peak_rss_bytes or 0) >= during.rss_bytes - 2 * MIB


@linux
def test_tree_of_processes() -> None:
    """A child is found, and shared pages are not counted twice."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        tree = process_tree()
    finally:
        child.communicate(b"\n")

    assert tree[0].pid == os.getpid()
    assert child.pid in {process.pid for process in tree}
    assert tree_bytes(tree) <= sum(process.rss_bytes for process in tree)


def test_largest_processes_leave_out_whom_asked() -> None:
    """The heaviest first; this process is not named when it is not wanted."""
    found = largest_processes(3, leave_out={os.getpid()})

    assert len(found) <= 3
    assert os.getpid() not in {process.pid for process in found}
