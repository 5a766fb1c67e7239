"""What an engine plans for one device: its parts, what is left for the cache, and whether it would start."""

from __future__ import annotations

import math
from dataclasses import dataclass

from memfit.quantities import GIB, ByteRange
from memfit.servers.blocks import Pool
from memfit.servers.decoder import Decoder
from memfit.servers.version import Server
from memfit.servers.weights import Share
from memfit.servers.wishes import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The device that is planned for.

    Args:
        total_bytes: of it, as a process is shown.
        capability: of CUDA; None where there is none.
        context: what a process holds there before anything is loaded.
        collectives: what the communication between ranks takes.
        name: as the driver calls it.
    """

    total_bytes: int
    capability: tuple[int, int] | None
    context: ByteRange
    collectives: ByteRange
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A model under an engine on one rank.

    Args:
        model: it.
        share: the rank's part.
        dtype: of the weights.
        cache_item: bytes of an element of the cache.
        context: tokens of the longest request.
        settings: what was asked for.
        weights_bytes: the rank's, where their headers were read; None to compute them.
        draft: a model that drafts, and the bytes of its weights; None without one.
    """

    model: Decoder
    share: Share
    dtype: str
    cache_item: int
    context: int
    settings: Settings
    weights_bytes: int | None = None
    draft: Decoder | None = None
    draft_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Its sizes.

    Args:
        fraction: of the card that the engine takes for itself.
        requested_bytes: what that is.
        weights: as the engine says it of their loading.
        activations: the peak of its measuring pass.
        graphs: CUDA graphs.
        beside: what libraries take beside the engine's own tensors.
        cache: what is left for the cache: expected with the expected parts, low with the high ones.
        pool: how that becomes tokens.
        seqs, batched: requests and tokens at once.
        rules: what was taken for granted, a sentence each.
    """

    fraction: float
    requested_bytes: int
    weights: ByteRange
    activations: ByteRange
    graphs: ByteRange
    beside: ByteRange
    cache: ByteRange
    pool: Pool
    seqs: int
    batched: int
    rules: tuple[str, ...] = ()

    def requests(self, size_bytes: int, context: int) -> int:
        """Whole requests of so many tokens that a cache of these bytes holds, no more than the engine runs at once."""
        return min(math.floor(self.pool.requests(size_bytes, context)), self.seqs)


def refusal(plan: Plan, job: Job) -> str:
    """Why the engine would not start, and what to set; "" where it would.

    vLLM: executor_base.py and v1/core/kv_cache_utils.py, check_enough_kv_cache_memory. SGLang starts with any room for
    a cache and turns longer requests away, so that for it only no room at all is refused.
    """
    left = plan.cache.expected
    raise_it = (
        f"--utilization above {plan.fraction:g}, more devices, or fewer bytes (--cache-dtype fp8, quantised weights)"
    )
    if left <= 0:
        return f"nothing is left for the cache, {-left / GIB:.2f} GiB are missing: {raise_it}"
    needed = plan.pool.request_bytes(job.context)
    if needed <= left or job.settings.engine.server is Server.SGLANG:
        return ""
    longest = plan.pool.longest(left, job.context)
    return (
        f"a request of {job.context:,} tokens needs {needed / GIB:.2f} GiB of cache and {left / GIB:.2f} GiB are left: "
        f"--context {longest:,} at most, or {raise_it}"
    )


def lora_bytes(job: Job) -> int:
    """Slots of adapters for every linear layer, the embedding and the output: both matrices of each, in 16 bit.

    vllm/lora/layers.py of 0.8.5 (create_lora_weights); SGLang's pool of adapters (srt/lora/mem_pool.py) is alike.
    """
    if not job.settings.lora_rank:
        return 0
    width, ranks = job.model.width, job.share.tensor
    total = 2 * (job.model.vocabulary // ranks + width)
    for layer in job.model.layers[: job.share.layers(len(job.model.layers))]:
        inner, keys = layer.heads * layer.side // ranks, job.share.key_heads(layer) * layer.side
        wide = (layer.wide or layer.shared_wide) // ranks
        ends = (width, inner), (width, keys), (width, keys), (inner, width), (width, wide), (width, wide), (wide, width)
        total += sum(first + second for first, second in ends)
    return total * job.settings.lora_rank * job.settings.loras * 2
