"""What malloc keeps of freed blocks: settings of glibc's, and other allocators."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes.util import find_library

from memfit.advice.setting import Proposal, Setting
from memfit.documents import Hint, JobFacts

SLUG = "malloc-threshold"
# glibc's own starting value, which it raises as it goes; setting it ends that (mallopt(3)).
THRESHOLD = {"MALLOC_MMAP_THRESHOLD_": "131072"}
# The median of 85 small jobs, measured on a busy machine (benchmarks/accuracy/data/process): docs/advice.md.
_TIME = 1.5
_FRAMEWORKS = ("torch", "tensorflow", "jax")  # estimators: their tables are mapped alone anyway
LIBRARIES = {
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "mimalloc": "libmimalloc.so.2",
}
OTHER = "other-allocator-"  # begins the hints' slugs
_PACKAGES = {"jemalloc": "libjemalloc2", "tcmalloc": "libtcmalloc-minimal4", "mimalloc": "libmimalloc2.0"}


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For a job whose tensors live in the host's memory, where nothing is set yet."""
    if facts.framework not in _FRAMEWORKS or facts.on_device or facts.malloc_set:
        return
    yield Proposal(
        slug=SLUG,
        title="malloc that gives freed blocks back at once",
        setting=Setting(environment=THRESHOLD),
        costs="more page faults: half as much time again in the median of measured jobs",
        how=" ".join(f"{name}={value}" for name, value in THRESHOLD.items()),
        time_factor=_TIME,
        touches=frozenset({"malloc"}),
        at_most_bytes=None,
    )


def found() -> tuple[str, ...]:
    """Those that the loader of this machine finds."""
    return tuple(
        name for name, library in LIBRARIES.items() if find_library(library.removeprefix("lib").partition(".so")[0])
    )


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Allocators that memfit has no model of, where malloc keeps much."""
    kept = facts.breakdown.get("fragmentation", 0)
    if facts.on_device or facts.malloc_set or kept < 0.05 * facts.peak_bytes:
        return
    for name, library in LIBRARIES.items():
        there = name in facts.installed
        how = f"LD_PRELOAD={library} python …"
        state = "installed" if there else "not installed"
        yield Hint(
            slug=f"{OTHER}{name}",
            text=f"{name} ({state}) keeps less of freed blocks than glibc's malloc; how much is not estimated",
            how=how if there else f"apt install {_PACKAGES[name]}; {how}",
        )
