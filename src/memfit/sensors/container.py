"""The memory limits of the control groups this process is in, versions 1 and 2, from its own group up to the root.

A container's limit is that of a control group; a limit further up the tree binds as well. Reads /proc and /sys below
``root``, which tests replace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from memfit.sensors.linux import parse_counts, parse_limit, read


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """One control group that limits or throttles memory.

    Args:
        version: 1 or 2.
        path: within its hierarchy, "/" for the topmost that can be seen.
        limit_bytes: at which the kernel kills; None without one.
        high_bytes: at which the kernel throttles (version 2); None without one.
        usage_bytes: what all of its processes hold, page cache included.
        reclaimable_bytes: the part of it that is page cache not lately used: the kernel drops it before it kills.
        swap_limit_bytes: of swap alone in version 2, of memory and swap together in version 1; None without one.
        oom_kills: processes killed for memory since the group was made; None where the kernel does not count.
    """

    version: int
    path: str
    limit_bytes: int | None
    high_bytes: int | None
    usage_bytes: int | None
    reclaimable_bytes: int
    swap_limit_bytes: int | None
    oom_kills: int | None


def control_groups(root: Path = Path("/")) -> tuple[ControlGroup, ...]:
    """The groups of this process that limit or throttle memory, the innermost first; none outside Linux."""
    cgroup, mounts = read(root / "proc/self/cgroup"), read(root / "proc/self/mountinfo")
    found = [
        group
        for version, mounted, folder in _memory_folders(cgroup or "", mounts or "")
        for group in _up_the_tree(version, root / mounted.lstrip("/"), folder)
    ]
    return tuple(group for group in found if group.limit_bytes is not None or group.high_bytes is not None)


def own_oom_kills(root: Path = Path("/")) -> int | None:
    """Processes killed for memory in the control group of this process, limited or not; None where none counts."""
    cgroup, mounts = read(root / "proc/self/cgroup"), read(root / "proc/self/mountinfo")
    for version, mounted, folder in _memory_folders(cgroup or "", mounts or ""):
        name = "memory.events" if version == 2 else "memory.oom_control"
        count = parse_counts(read(root / mounted.lstrip("/") / folder / name) or "").get("oom_kill")
        if count is not None:
            return count
    return None


def _memory_folders(cgroup: str, mounts: str) -> Iterator[tuple[int, str, PurePosixPath]]:
    """(version, mount point, own folder below it) of every hierarchy that counts memory."""
    own = dict(_own_groups(cgroup))
    for version, mounted_root, mount_point in parse_mounts(mounts):
        if version not in own:
            continue
        try:  # a container may see its own group as the root of the mount
            folder = PurePosixPath(own[version]).relative_to(mounted_root)
        except ValueError:
            folder = PurePosixPath()
        if ".." in folder.parts:  # a group outside of what this namespace shows
            folder = PurePosixPath()
        yield version, mount_point, folder


def _own_groups(cgroup: str) -> Iterator[tuple[int, str]]:
    """(version, group) from /proc/self/cgroup: ``0::/a/b`` is version 2, ``4:memory:/a`` version 1."""
    for line in cgroup.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3 and (parts[0] == "0" and not parts[1]):
            yield 2, parts[2]
        elif len(parts) == 3 and "memory" in parts[1].split(","):
            yield 1, parts[2]


def parse_mounts(mountinfo: str) -> Iterator[tuple[int, str, str]]:
    """(version, root within the hierarchy, mount point) of the control group mounts in /proc/self/mountinfo."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            yield 2, fields[3], fields[4]
        elif kind[0] == "cgroup" and "memory" in kind[2].split(","):
            yield 1, fields[3], fields[4]


def _up_the_tree(version: int, mount: Path, folder: PurePosixPath) -> Iterator[ControlGroup]:
    while True:
        if (mount / folder).is_dir():
            yield _group(version, mount / folder, f"/{'' if folder == PurePosixPath() else folder}")
        if folder == PurePosixPath():
            return
        folder = folder.parent


def _group(version: int, folder: Path, path: str) -> ControlGroup:
    stat = parse_counts(read(folder / "memory.stat") or "")
    if version == 2:
        events = parse_counts(read(folder / "memory.events") or "")
        return ControlGroup(
            version=2,
            path=path,
            limit_bytes=parse_limit(read(folder / "memory.max")),
            high_bytes=parse_limit(read(folder / "memory.high")),
            usage_bytes=parse_limit(read(folder / "memory.current")),
            reclaimable_bytes=stat.get("inactive_file", 0),
            swap_limit_bytes=parse_limit(read(folder / "memory.swap.max")),
            oom_kills=events.get("oom_kill"),
        )
    return ControlGroup(
        version=1,
        path=path,
        limit_bytes=parse_limit(read(folder / "memory.limit_in_bytes")),
        high_bytes=None,
        usage_bytes=parse_limit(read(folder / "memory.usage_in_bytes")),
        reclaimable_bytes=stat.get("total_inactive_file", stat.get("inactive_file", 0)),
        swap_limit_bytes=parse_limit(read(folder / "memory.memsw.limit_in_bytes")),
        oom_kills=parse_counts(read(folder / "memory.oom_control") or "").get("oom_kill"),
    )
