"""What a process has mapped, by file: memory-mapped data, shared memory, libraries. Costs milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memfit.quantities import KIB
from memfit.sensors.linux import read

_LIBRARY_SUFFIXES = (".so", ".py", ".pyc", "locale-archive")
LIBRARIES = "libraries and programs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Pages of one file.

    Args:
        name: its path, or LIBRARIES for all code together.
        share_bytes: resident pages, those shared with others divided among them.
        shared: whether it is shared memory (/dev/shm, a memfd) rather than a file's page cache.
    """

    name: str
    share_bytes: int
    shared: bool


def mappings(pid: int, *, root: Path = Path("/")) -> tuple[Mapping, ...]:
    """The files that a process has mapped, the largest first; none where it may not be read.

    Args:
        pid: the process.
        root: where /proc is found.
    """
    return parse_mappings(read(root / f"proc/{pid}/smaps") or "")


def parse_mappings(text: str) -> tuple[Mapping, ...]:
    """Read /proc/PID/smaps. Memory without a name (heap, stacks, arenas) is not a mapping of a file.

    >>> parse_mappings("7f00-7f10 r--s 0 08:01 9    /data/a.bin\\nPss:  8 kB\\n")
    (Mapping(name='/data/a.bin', share_bytes=8192, shared=False),)
    """
    sums: dict[str, int] = {}
    name = ""
    for line in text.splitlines():
        first, _, rest = line.partition(" ")
        if first.endswith(":"):
            if first == "Pss:" and name:
                sums[name] = sums.get(name, 0) + int(rest.split()[0]) * KIB
        else:
            path = line.split(maxsplit=5)[5:]
            name = path[0] if path and path[0].startswith("/") else ""
    found: dict[str, int] = {}
    for mapped, size in sums.items():
        label = LIBRARIES if _is_code(mapped) else mapped
        found[label] = found.get(label, 0) + size
    return tuple(
        Mapping(name=label, share_bytes=size, shared=label.startswith(("/dev/shm/", "/memfd:", "/SYSV")))
        for label, size in sorted(found.items(), key=lambda item: -item[1])
        if size
    )


def _is_code(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].removesuffix(" (deleted)")
    return name.endswith(_LIBRARY_SUFFIXES) or ".so." in name or "/bin/" in path
