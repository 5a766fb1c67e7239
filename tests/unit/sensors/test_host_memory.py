"""What a job may use of the host: the bound that leaves the least room, and who holds the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memfit.quantities import GIB, KIB, MIB
from memfit.sensors import host_capacity
from memfit.sensors.host import parse_meminfo
from memfit.sensors.linux import parse_counts, parse_limit, parse_sizes

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def meminfo(total: int, available: int, swap: int = 0) -> str:
    rows = {
        "MemTotal": total,
        "MemFree": available // 2,
        "MemAvailable": available,
        "SwapTotal": swap,
        "SwapFree": swap,
    }
    return "".join(f"{name}:  {size // KIB} kB\n" for name, size in {**rows, "CommitLimit": total}.items())


def machine(root: Path, info: str, *, limit: str | None = None, usage: int = 0, cache: int = 0) -> Path:
    files = {"proc/meminfo": info, "proc/sys/vm/overcommit_memory": "0\n"}
    if limit is not None:
        files |= {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "sys/fs/cgroup/memory.max": limit,
            "sys/fs/cgroup/memory.current": str(usage),
            "sys/fs/cgroup/memory.stat": f"inactive_file {cache}\n",
        }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def no_ulimit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memfit.sensors.host.process_limits", lambda: iter(()))


def test_ram_alone(tmp_path: Path) -> None:
    """Without a container the machine's RAM binds; what is not available belongs to others."""
    host = host_capacity(machine(tmp_path, meminfo(32 * GIB, 20 * GIB)), own_bytes=GIB)

    assert (host.binding.name, host.capacity_bytes) == ("RAM", 32 * GIB)
    assert host.other_processes_bytes == 11 * GIB
    assert host.binding.room_bytes == 21 * GIB
    assert host.swap_total_bytes == 0


def test_container_limit_binds(tmp_path: Path) -> None:
    """A container of 8 GiB on a machine of 64: the container's limit counts, its page cache does not."""
    root = machine(
        tmp_path, meminfo(64 * GIB, 60 * GIB), limit=str(8 * GIB), usage=3 * GIB + 512 * MIB, cache=512 * MIB
    )

    host = host_capacity(root, own_bytes=GIB)

    assert (host.binding.name, host.binding.where) == ("container limit", "/")
    assert (host.capacity_bytes, host.other_processes_bytes) == (8 * GIB, 2 * GIB)


def test_least_room_binds_and_not_the_smallest_number(tmp_path: Path) -> None:
    """A generous container on a machine that others have filled: the machine binds."""
    root = machine(tmp_path, meminfo(64 * GIB, 4 * GIB), limit=str(32 * GIB), usage=GIB)

    host = host_capacity(root, own_bytes=0)

    assert host.binding.name == "RAM"
    assert host.binding.room_bytes == 4 * GIB


def test_this_process_is_no_other(tmp_path: Path) -> None:
    """What memfit itself holds will be gone when the job runs; it never makes others' share negative."""
    root = machine(tmp_path, meminfo(8 * GIB, 7 * GIB))

    assert host_capacity(root, own_bytes=3 * GIB).other_processes_bytes == 0


@linux
def test_ulimit_is_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address space limit below everything else binds and is named."""
    import resource

    monkeypatch.undo()
    monkeypatch.setattr(
        resource,
        "getrlimit",
        lambda kind: (2 * GIB, 2 * GIB) if kind == resource.RLIMIT_AS else (resource.RLIM_INFINITY,) * 2,
    )

    host = host_capacity(machine(tmp_path, meminfo(32 * GIB, 30 * GIB)), own_bytes=0)

    assert (host.binding.name, host.capacity_bytes) == ("address space limit", 2 * GIB)


def test_kernels_without_memavailable() -> None:
    """Before Linux 3.14 free memory and page cache stand for what is available."""
    total, available, swap, free = parse_meminfo("MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 25 kB\n")

    assert (total, available, swap, free) == (100 * KIB, 40 * KIB, None, None)


def test_elsewhere_psutil_tells(tmp_path: Path) -> None:
    """Without /proc (macOS, Windows) the machine's memory is still known; Linux's own settings are not."""
    host = host_capacity(tmp_path)

    assert host.total_bytes > 0 and 0 < host.available_bytes <= host.total_bytes
    assert host.overcommit is None and host.commit_limit_bytes is None and host.groups == ()


@linux
def test_this_machine() -> None:
    """The real files are read, and agree with psutil's reading of the same machine."""
    import psutil

    host = host_capacity()

    assert host.total_bytes == psutil.virtual_memory().total
    assert 0 < host.binding.room_bytes <= host.total_bytes


def test_lines_that_make_no_sense_are_passed_over() -> None:
    """The parsers take what has the form and leave the rest."""
    assert parse_sizes("A: 1 kB\nB: x kB\nC:\nD: 5\n: 3 kB\n\x00") == {"A": KIB, "": 3 * KIB}
    assert parse_counts("a 1\nb\nc d e\nf -1\n") == {"a": 1}
    assert [parse_limit(text) for text in (None, "", "max", "12 13", "-4", "17")] == [None, None, None, None, None, 17]
