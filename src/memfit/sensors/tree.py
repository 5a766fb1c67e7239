"""A process and all that it starts, followed over time: quick readings often, costly ones when the caller asks.

Reads /proc below ``root``. A process is known by its number and its start time, so that a number used again is another
process; one that was seen once is followed on when its parent ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from memfit.sensors.linux import parse_sizes, read
from memfit.sensors.processes import ProcessMemory, parse_process

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_LONGEST_COMMAND = 300


@dataclass(slots=True, kw_only=True)
class Member:
    """One process of the tree, with what was last read of it (bytes; None for what was never read).

    Args:
        pid, start: its number and its start in clock ticks since boot, which together name it.
        parent: the number of the process that started it.
        name: of its program.
        command: its command line, shortened.
        rss_bytes: resident size at the last quick reading.
        size_bytes: of its address space, at the same time.
        peak_rss_bytes: its high-water mark.
        shares: PSS, USS, anonymous, file-backed, shared-memory and swapped bytes at the last costly reading, by name.
        rss_at_shares: the resident size at that moment.
        mapped_bytes: the part of the resident size that is mapped files and shared memory, at the last quick reading.
        mapped_at_shares: the same at the last costly one.
        mapped_share: how much of a mapped page this process was charged with then, 0 to 1.
        may_be_read: whether the kernel lets us see its shares.
    """

    pid: int
    start: int
    parent: int
    name: str
    command: str
    rss_bytes: int = 0
    size_bytes: int = 0
    peak_rss_bytes: int | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    rss_at_shares: int = 0
    mapped_bytes: int = 0
    mapped_at_shares: int = 0
    mapped_share: float = 1.0
    may_be_read: bool = True

    @property
    def held_bytes(self) -> int:
        """What the process is charged with now: its last proportional share, carried on by the change of its RSS.

        A page of its own counts in full, a mapped one as far as such pages were its own at the last costly reading: a
        batch in shared memory is resident in two processes and must not be counted twice until then.
        """
        return self.held_at(self.rss_bytes)

    def held_at(self, rss_bytes: int) -> int:
        """The same for a moment at which its resident size was another."""
        if "pss" not in self.shares:
            return rss_bytes
        mapped = self.mapped_bytes - self.mapped_at_shares
        counted_twice = round(mapped * (1 - self.mapped_share))
        return max(0, self.shares["pss"] + rss_bytes - self.rss_at_shares - counted_twice)


class ProcessTree:
    """The living processes below some roots.

    Args:
        roots: process numbers whose descendants belong to the tree.
        itself: whether the roots belong to it as well.
        without: a process that does not belong to it, whoever started it: the recorder that it started itself.
        root: where /proc is found.
    """

    def __init__(self, *roots: int, itself: bool = True, without: int | None = None, root: Path = Path("/")) -> None:
        self.members: dict[tuple[int, int], Member] = {}
        self._roots = roots
        self._itself = itself
        self._without = without
        self._proc = root / "proc"

    def discover(self) -> tuple[list[Member], list[Member]]:
        """Look for processes that came and went since the last call.

        Returns:
            (those that are new or became another program, those that are gone).
        """
        stats = dict(self._stats())
        inside = set(self._roots) if self._itself else set()
        inside |= {pid for pid, start in self.members if pid in stats and stats[pid].start == start}
        inside |= _below(set(self._roots) | inside, stats)
        if not self._itself:
            inside -= set(self._roots)
        inside.discard(self._without if self._without is not None else -1)
        living = {(pid, stats[pid].start) for pid in inside if pid in stats and not stats[pid].dead}
        gone = [self.members.pop(key) for key in list(self.members) if key not in living]
        new = [self._member(stats[pid]) for pid, start in sorted(living) if (pid, start) not in self.members]
        new += [self._member(stats[key[0]]) for key, known in self.members.items() if stats[key[0]].name != known.name]
        for member in new:
            self.members[member.pid, member.start] = member
        return new, gone

    def read_quickly(self) -> None:
        """Resident sizes: a few microseconds a process."""
        for member in self.members.values():
            self._read_sizes(member)

    def _read_sizes(self, member: Member) -> bool:
        """Whether there was anything to read: a process that is ending has no memory any more."""
        fields = (read(self._proc / str(member.pid) / "statm") or "").split()
        if len(fields) < 3 or fields[1] == "0":
            return False
        sizes = (int(pages) * _PAGE_BYTES for pages in fields[:3])
        member.size_bytes, member.rss_bytes, member.mapped_bytes = sizes
        return True

    def read_peaks(self) -> None:
        """High-water marks: some ten microseconds a process. A mark that fell was reset; it is believed."""
        for member in self.members.values():
            peak = parse_sizes(read(self._proc / str(member.pid) / "status") or "").get("VmHWM")
            if peak is not None:
                member.peak_rss_bytes = peak

    def read_shares(self, member: Member) -> None:
        """Proportional and unique sets and their kinds: milliseconds, and the process waits meanwhile if it maps."""
        rollup = read(self._proc / str(member.pid) / "smaps_rollup")
        sizes = parse_sizes(rollup or "")
        if "Pss" not in sizes:
            member.may_be_read = not self._read_sizes(member)  # one that is just ending has nothing to read
            return
        member.shares = {
            "pss": sizes["Pss"],
            "uss": sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0),
            "anonymous": sizes.get("Pss_Anon", sizes.get("Anonymous", 0)),
            "file": sizes.get("Pss_File", 0),
            "shared": sizes.get("Pss_Shmem", 0),
            "swap": sizes.get("SwapPss", sizes.get("Swap", 0)),
        }
        self._read_sizes(member)
        member.rss_at_shares = member.rss_bytes = sizes.get("Rss", member.rss_bytes)
        member.mapped_at_shares = member.mapped_bytes
        mapped = sizes.get("Rss", 0) - sizes.get("Anonymous", 0)
        charged = sizes["Pss"] - sizes.get("Pss_Anon", sizes["Pss"])
        member.mapped_share = min(1.0, charged / mapped) if mapped > 0 and "Pss_Anon" in sizes else 1.0

    def memory(self, member: Member) -> ProcessMemory | None:
        """All that can be read of one process at this moment."""
        folder = self._proc / str(member.pid)
        return parse_process(member.pid, read(folder / "status") or "", read(folder / "smaps_rollup"))

    def _stats(self) -> Iterator[tuple[int, _Stat]]:
        try:
            names = [path.name for path in self._proc.iterdir()]
        except OSError:
            return
        for name in names:
            if name.isdigit() and (stat := parse_stat(read(self._proc / name / "stat") or "")) is not None:
                yield stat.pid, stat

    def _member(self, stat: _Stat) -> Member:
        command = (read(self._proc / str(stat.pid) / "cmdline") or "").replace("\0", " ").strip()
        return Member(
            pid=stat.pid, start=stat.start, parent=stat.parent, name=stat.name, command=command[:_LONGEST_COMMAND]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stat:
    pid: int
    name: str
    dead: bool
    parent: int
    start: int


def parse_stat(text: str) -> _Stat | None:
    """What /proc/PID/stat says of a process; None when it cannot be read. Its name may hold spaces and parentheses.

    >>> parse_stat("7 (a (b) c) S 1 " + " ".join("0" for _ in range(17)) + " 99 0").start
    99
    """
    before, _, rest = text.rpartition(")")
    pid, _, name = before.partition("(")
    fields = rest.split()
    if len(fields) < 20 or not pid.strip().isdigit():
        return None
    return _Stat(pid=int(pid), name=name, dead=fields[0] in "ZX", parent=int(fields[1]), start=int(fields[19]))


def _below(roots: set[int], stats: Mapping[int, _Stat]) -> set[int]:
    children: dict[int, list[int]] = {}
    for stat in stats.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
