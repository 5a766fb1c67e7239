"""A process tree where there is no /proc (macOS, Windows), by psutil: resident sizes, no proportional shares."""

from __future__ import annotations

import contextlib

import psutil

from memfit.sensors.tree import Member, ProcessTree


class PortableTree(ProcessTree):
    """The same readings as far as psutil has them; for a process's share stands its resident size."""

    def discover(self) -> tuple[list[Member], list[Member]]:
        """Look for processes that came and went since the last call: (new ones, those that are gone)."""
        living: dict[tuple[int, int], psutil.Process] = {}
        for pid in self._roots:
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(pid)
                for one in (*((top,) if self._itself else ()), *top.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        if one.pid != self._without and one.status() != psutil.STATUS_ZOMBIE:
                            living[one.pid, int(one.create_time() * 1000)] = one
        gone = [self.members.pop(key) for key in list(self.members) if key not in living]
        new = [_member(key, one) for key, one in living.items() if key not in self.members]
        for member in new:
            self.members[member.pid, member.start] = member
        return new, gone

    def read_quickly(self) -> None:
        """Resident sizes."""
        for member in self.members.values():
            with contextlib.suppress(psutil.Error):
                memory = psutil.Process(member.pid).memory_info()
                member.rss_bytes, member.size_bytes = int(memory.rss), int(memory.vms)
                peak = getattr(memory, "peak_wset", None)  # Windows alone keeps a high-water mark
                member.peak_rss_bytes = None if peak is None else int(peak)

    def read_peaks(self) -> None:
        """Read with the resident sizes."""

    def read_shares(self, member: Member) -> None:
        """Not to be had."""
        member.may_be_read = False


def _member(key: tuple[int, int], process: psutil.Process) -> Member:
    name, command, parent = "", "", 0
    with contextlib.suppress(psutil.Error):
        name, parent = process.name(), process.ppid()
        command = " ".join(process.cmdline())[:300]
    return Member(pid=key[0], start=key[1], parent=parent, name=name, command=command)


def process_tree_of(*roots: int, itself: bool = True, without: int | None = None) -> ProcessTree:
    """The tree for this system; see ProcessTree for the arguments."""
    kind = ProcessTree if psutil.LINUX else PortableTree
    return kind(*roots, itself=itself, without=without)
