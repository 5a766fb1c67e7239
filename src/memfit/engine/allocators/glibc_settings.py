"""Reads glibc's malloc settings (MALLOC_* and GLIBC_TUNABLES). The environment is passed in; nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.quantities import KIB

# By the name of the tunable: the field, and the older variable of the same meaning. Setting one of the first four
# ends the thresholds' adaptation (malloc/malloc.c, do_set_*; glibc 2.31 to 2.41).
_TUNABLES = {
    "mmap_threshold": ("mmap_threshold_bytes", "MALLOC_MMAP_THRESHOLD_"),
    "trim_threshold": ("trim_threshold_bytes", "MALLOC_TRIM_THRESHOLD_"),
    "top_pad": ("top_pad_bytes", "MALLOC_TOP_PAD_"),
    "mmap_max": ("mmap_max", "MALLOC_MMAP_MAX_"),
    "arena_max": ("arena_max", "MALLOC_ARENA_MAX"),
    "tcache_count": ("tcache_count", None),
    "tcache_max": ("tcache_max_bytes", None),
}
_ENDS_ADAPTATION = ("mmap_threshold", "trim_threshold", "top_pad", "mmap_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlibcSettings:
    """What decides how glibc's malloc keeps memory; the defaults are those of 64-bit glibc 2.31 to 2.41.

    Args:
        version: of glibc, (major, minor).
        mmap_threshold_bytes: requests from here on that no free chunk can serve get a mapping of their own.
        trim_threshold_bytes: a free top of this size goes back to the system, but for the pad.
        top_pad_bytes: taken in addition whenever the heap grows, kept whenever it shrinks.
        mmap_max: the most mappings at once.
        arena_max: the most arenas, None for glibc's rule; only the main one is modelled.
        tcache_count: chunks of one size kept per thread.
        tcache_max_bytes: the largest request that is kept so.
        dynamic: whether the first two follow the mappings that are freed.
        problems: what was not understood, a sentence each.
    """

    version: tuple[int, int] = (2, 36)
    mmap_threshold_bytes: int = 128 * KIB
    trim_threshold_bytes: int = 128 * KIB
    top_pad_bytes: int = 128 * KIB
    mmap_max: int = 65536
    arena_max: int | None = None
    tcache_count: int = 7
    tcache_max_bytes: int = 1032
    dynamic: bool = True
    problems: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, version: tuple[int, int] = (2, 36)) -> GlibcSettings:
        """The settings that a process with this environment would have.

        Args:
            environment: usually ``os.environ``.
            version: of glibc, as platform.libc_ver() tells.

        >>> GlibcSettings.from_environment({"MALLOC_MMAP_THRESHOLD_": "65536"}).mmap_threshold_bytes
        65536
        """
        tunables = dict(
            part.partition("=")[::2]
            for part in environment.get("GLIBC_TUNABLES", "").split(":")
            if part.startswith("glibc.malloc.")
        )
        found: dict[str, Any] = {}
        problems = []
        dynamic = True
        for name, (field, variable) in _TUNABLES.items():
            text = tunables.get(f"glibc.malloc.{name}", environment.get(variable) if variable else None)
            if text is None:
                continue
            number = _number(text)
            if number is None:
                problems.append(f"{variable or name}={text} is no number: ignored")
                continue
            found[field] = number
            dynamic = dynamic and name not in _ENDS_ADAPTATION
        return cls(version=version, dynamic=dynamic, problems=tuple(problems), **found)


def _number(text: str) -> int | None:
    """As glibc reads it: decimal, 0x… or 0…; what follows the digits is passed over (checked on 2.36)."""
    found = re.match(r"\s*(0[xX][0-9a-fA-F]+|[0-9]+)", text)
    if found is None:
        return None
    digits = found.group(1)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if re.fullmatch("0[0-7]+", digits) else 10
    return int(digits, base)
