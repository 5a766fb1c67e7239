"""Reading the kernel's small text files. Parsers are functions of text; a file that is not there is None."""

from __future__ import annotations

from pathlib import Path

from memfit.quantities import KIB


def read(path: Path) -> str | None:
    """The file's text, or None when it is missing, forbidden or gone (a process that just ended)."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None


def parse_sizes(text: str) -> dict[str, int]:
    """Sizes in bytes by name, from lines like ``MemTotal:  24684092 kB`` (meminfo, status, smaps_rollup).

    >>> parse_sizes("VmRSS:\\t  12 kB\\nThreads:\\t1\\n")
    {'VmRSS': 12288}
    """
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            sizes[name.strip()] = int(words[0]) * KIB
    return sizes


def parse_counts(text: str) -> dict[str, int]:
    """Whole numbers by name, from lines like ``oom_kill 3`` (memory.stat, memory.events).

    >>> parse_counts("low 0\\noom_kill 3\\n")
    {'low': 0, 'oom_kill': 3}
    """
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def parse_limit(text: str | None) -> int | None:
    """A limit in bytes; None where the kernel says there is none ("max", or version 1's number beyond any machine).

    >>> parse_limit("max\\n"), parse_limit("9223372036854771712"), parse_limit("8589934592")
    (None, None, 8589934592)
    """
    words = (text or "").split()
    if len(words) != 1 or not words[0].isdigit() or int(words[0]) >= 1 << 60:
        return None
    return int(words[0])
