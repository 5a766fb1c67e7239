"""Reads PYTORCH_CUDA_ALLOC_CONF and its siblings as torch does. The environment is passed in; nothing is raised.

What torch would refuse, and what this model has no rule for, ends up in ``problems`` as a sentence for the user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memfit.engine.allocators import cuda_rules as rules
from memfit.quantities import MIB

# The first that is set wins, also when it is empty (checked against torch 2.13.0: with both set, the CUDA one is
# used; c10/cuda/CUDAAllocatorConfig.h has the same order).
ENVIRONMENT_VARIABLES = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
NO_CACHING_VARIABLE = "PYTORCH_NO_CUDA_MEMORY_CACHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatorSettings:
    """The settings of the CUDA caching allocator that decide what it reserves; the defaults are torch's.

    Args:
        max_split_size_bytes: blocks from this size on are neither split nor given to smaller requests; None: no limit.
        max_non_split_rounding_bytes: how much larger a block may be that serves a request above the former.
        roundup_power2_divisions: one entry per power of two from 1 MiB to 64 GiB; 0 or 1 is plain rounding.
        garbage_collection_threshold: share of the allowed memory above which old blocks are released; 0 is off.
            Works only together with a memory fraction.
        expandable_segments: segments grow page by page instead of being taken whole.
        large_segment_size_bytes: the segment for requests of 1 to 10 MiB, and the page of an expandable segment.
        per_process_memory_fraction: share of the device that the process may reserve; None is no such limit.
        caching: False when PYTORCH_NO_CUDA_MEMORY_CACHING is set: every block comes from the driver and returns to it.
        problems: what was not understood or not modelled, a sentence each.
    """

    max_split_size_bytes: int | None = None
    max_non_split_rounding_bytes: int = rules.LARGE_SEGMENT_BYTES
    roundup_power2_divisions: tuple[int, ...] = (0,) * rules.DIVISION_INTERVALS
    garbage_collection_threshold: float = 0.0
    expandable_segments: bool = False
    large_segment_size_bytes: int = rules.LARGE_SEGMENT_BYTES
    per_process_memory_fraction: float | None = None
    caching: bool = True
    problems: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, torch_version: str | None = None) -> AllocatorSettings:
        """The settings that a process with this environment would have.

        Args:
            environment: usually ``os.environ``.
            torch_version: settings that this version does not know yet are reported; None checks nothing.

        >>> AllocatorSettings.from_environment({"PYTORCH_ALLOC_CONF": "expandable_segments:True"}).expandable_segments
        True
        """
        text = next((environment[name] for name in ENVIRONMENT_VARIABLES if name in environment), "")
        settings = cls.parse(text, torch_version=torch_version)
        return replace(settings, caching=False) if NO_CACHING_VARIABLE in environment else settings

    @classmethod
    def parse(cls, text: str, *, torch_version: str | None = None) -> AllocatorSettings:
        """The settings in a string like ``max_split_size_mb:128,expandable_segments:True``.

        Args:
            text: key:value pairs with commas between; a value in brackets is a list of interval:divisions.
            torch_version: as for from_environment.

        >>> AllocatorSettings.parse("max_split_size_mb:128").max_split_size_bytes // 1024**2
        128
        """
        version = _version(torch_version)
        found: dict[str, Any] = {}
        problems: list[str] = []
        # torch reads the segment size first, whatever its place: the limits of two other settings depend on it
        for key, value in sorted(_pairs(text), key=lambda pair: pair[0] != "large_segment_size_mb"):
            since = rules.SETTING_SINCE.get(key)
            if version is not None and since is not None and version < since:
                problems.append(f"{key} needs torch {since[0]}.{since[1]}, the job runs {torch_version}: ignored")
                continue
            try:
                _read(key, value, found)
            except ValueError as error:
                problems.append(str(error))
        if "large_segment_size_bytes" in found:  # its default follows the segment (pull request 172056)
            found.setdefault("max_non_split_rounding_bytes", found["large_segment_size_bytes"])
        return cls(**found, problems=tuple(problems))


_SIZES = {
    "large_segment_size_mb": "large_segment_size_bytes",
    "max_split_size_mb": "max_split_size_bytes",
    "max_non_split_rounding_mb": "max_non_split_rounding_bytes",
}


def _version(text: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(found.group(1)), int(found.group(2))) if found else None


def _pairs(text: str) -> list[tuple[str, str]]:
    """Cut at the commas outside brackets, then at the first colon; white space means nothing, as in torch."""
    packed = re.sub(r"\s", "", text)
    parts = [part for part in re.split(r",(?![^\[]*\])", packed) if part]
    return [(key, value) for key, _, value in (part.partition(":") for part in parts)]


def _read(key: str, value: str, found: dict[str, Any]) -> None:
    """Put one setting into ``found`` under the name of its field.

    Raises:
        ValueError: it is unknown or out of range; the message is for the user.
    """
    if key in _SIZES:
        found[_SIZES[key]] = _mebibytes(key, value, found)
    elif key == "roundup_power2_divisions":
        found[key] = _divisions(value)
    elif key == "garbage_collection_threshold":
        found[key] = _share(key, value, with_one=False)
    elif key == "per_process_memory_fraction":
        fraction = _share(key, value, with_one=True)
        found[key] = None if fraction == 1.0 else fraction
    elif key == "expandable_segments":
        if value not in ("True", "False"):
            raise ValueError(f"expandable_segments takes True or False, not {value!r}: torch refuses it")
        found[key] = value == "True"
    elif key == "backend":
        if value != "native":
            raise ValueError(f"the allocator backend {value!r} is not modelled: the native one is taken in its place")
    elif key not in rules.SETTINGS_WITHOUT_EFFECT:
        raise ValueError(f"the allocator setting {key!r} is not known: ignored")


def _mebibytes(key: str, value: str, found: dict[str, Any]) -> int:
    size_bytes = _whole(key, value) * MIB
    if key == "large_segment_size_mb":
        least = rules.MIN_LARGE_BYTES + MIB
    else:
        least = int(found.get("large_segment_size_bytes", rules.LARGE_SEGMENT_BYTES))
    if size_bytes < least:
        raise ValueError(f"{key} must be at least {least // MIB}, not {value}: torch refuses it")
    return size_bytes


def _whole(key: str, value: str) -> int:
    if not value.isdigit():
        raise ValueError(f"{key} takes a whole number, not {value!r}: torch refuses it")
    return int(value)


def _share(key: str, value: str, *, with_one: bool) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not (0.0 < share < 1.0 or (with_one and share == 1.0)):
        raise ValueError(f"{key} takes a number between 0 and 1, not {value!r}: torch refuses it")
    return share


def _divisions(value: str) -> tuple[int, ...]:
    """One number for all intervals, or a list: sizes below the first interval named take its divisions, those
    between two named intervals keep 0, and ``>`` fills up to the end (checked entry by entry against torch 2.13.0).
    """
    if not value.startswith("["):
        return (_power_of_two(_whole("roundup_power2_divisions", value)),) * rules.DIVISION_INTERVALS
    filled = [0] * rules.DIVISION_INTERVALS
    last: int | None = None
    for part in filter(None, value.strip("[]").split(",")):
        interval, _, text = part.partition(":")
        divisions = _whole("roundup_power2_divisions", text)
        if divisions:
            _power_of_two(divisions)
        if interval == ">":
            start = (last or 0) + 1
            filled[start:] = [divisions] * (len(filled) - start)
            continue
        size_mib = _power_of_two(_whole("roundup_power2_divisions", interval))
        index = min(size_mib.bit_length() - 1, len(filled) - 1)
        if last is None:
            filled[:index] = [divisions] * index
        filled[index] = divisions
        last = index
    return tuple(filled)


def _power_of_two(number: int) -> int:
    if number <= 0 or number & (number - 1):
        raise ValueError(f"roundup_power2_divisions takes powers of two, not {number}: torch refuses it")
    return number
