"""What a trace's host tensors take from the system under glibc: a range, because small blocks land by chance.

Left to others: what is no tensor (library scratch buffers, late imports, the interpreter) and the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

from memfit.engine.allocators.glibc import NO_SMALL_BLOCKS, TORCH_SMALL_BLOCKS, GlibcAllocator
from memfit.engine.allocators.glibc_settings import GlibcSettings
from memfit.engine.replay import Replay, replay
from memfit.engine.trace import Trace
from memfit.quantities import ByteRange, Phase

# How far real jobs go above the largest of the three sets: at most 1 / 0.989 in the recorded traffic of the six fitted
# jobs; the rest is for jobs whose small blocks land worse (the tuning half of benchmarks/accuracy needs 1.03).
_ABOVE_THE_LARGEST = 1.06


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReplay:
    """The host pool of a trace under glibc's malloc.

    Args:
        reserved_peak_bytes: low is the tensors alone, expected the median of the sets of small blocks, high above
            the largest of them.
        expected: the replay behind the expected figure, with its breakdowns and steps.
        tensors_alone: the replay without small blocks.
    """

    reserved_peak_bytes: ByteRange
    expected: Replay
    tensors_alone: Replay


def replay_host(trace: Trace, settings: GlibcSettings | None = None, *, pool: str = "host") -> HostReplay:
    """Replay the host pool with each set of small blocks and without.

    Args:
        trace: what the simulation saw.
        settings: glibc's, from the environment of the job; its defaults when None. With a fixed mmap threshold the
            replays agree but for the small tensors.
        pool: the pool of the host.
    """
    alone = replay(trace, pool, GlibcAllocator(settings, small_blocks=NO_SMALL_BLOCKS))
    replays = [replay(trace, pool, GlibcAllocator(settings, small_blocks=small)) for small in TORCH_SMALL_BLOCKS]
    replays.sort(key=lambda found: found.reserved.size_bytes)
    if not any(storage.phase is Phase.BACKWARD for storage in trace.storages if storage.pool == pool):
        # no graph, few small blocks: those of the sets belong to autograd's nodes
        replays = sorted([alone, alone, replays[0]], key=lambda found: found.reserved.size_bytes)
    expected = replays[len(replays) // 2]
    low = min(alone.reserved.size_bytes, replays[0].reserved.size_bytes)
    high = int(replays[-1].reserved.size_bytes * (_ABOVE_THE_LARGEST if _adapts(settings) else 1))
    return HostReplay(
        reserved_peak_bytes=ByteRange(low=low, expected=expected.reserved.size_bytes, high=high),
        expected=expected,
        tensors_alone=alone,
    )


def _adapts(settings: GlibcSettings | None) -> bool:
    return settings is None or settings.dynamic
