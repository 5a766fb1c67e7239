"""SGLang's rules: a share of what is free before the weights are loaded is for weights and cache, the rest for passes.

Read from srt/server_args.py (defaults of 0.4.3, 0.4.9, 0.5.5), srt/model_executor/model_runner.py (0.4.3 to 0.5.5,
profile_max_num_token) and srt/mem_cache/kv_cache_configurator.py (0.5.23, _profile_available_bytes).
"""

from __future__ import annotations

from memfit.quantities import GIB, MIB, ByteRange
from memfit.servers.blocks import sglang_pool, token_bytes
from memfit.servers.plan import Card, Job, Plan, lora_bytes
from memfit.servers.profile import SORTED, UNSORTED, Pass, graphs_range, peak_range
from memfit.servers.version import Engine
from memfit.servers.weights import rotary_bytes, tensors
from memfit.servers.wishes import EAGLE

# What is gone from the card after loading beside tensors: segments of the allocator that are not full, kernels. By the
# logs of the tuning half.
_LOADED = ByteRange(low=0, expected=64 * MIB, high=256 * MIB)
_LOADED_AMONG_RANKS = ByteRange(low=64 * MIB, expected=200 * MIB, high=512 * MIB)


def plan(job: Job, card: Card) -> Plan:
    """What SGLang plans for one rank."""
    settings, engine = job.settings, job.settings.engine
    chunk, graph_batch = _chunk_and_graphs(engine, card, job.share.tensor)
    batched = settings.batched or chunk
    fraction = settings.fraction or default_fraction(job, card, chunk=batched, graph_batch=graph_batch)
    before = ByteRange(
        low=card.total_bytes - card.context.high - card.collectives.high,
        expected=card.total_bytes - card.context.expected - card.collectives.expected,
        high=card.total_bytes - card.context.low - card.collectives.low,
    )
    weights = _weights(job) + (_LOADED if job.share.tensor == 1 else _LOADED_AMONG_RANKS)
    cache = ByteRange(
        low=round(before.low * fraction) - weights.high,
        expected=round(before.expected * fraction) - weights.expected,
        high=round(before.high * fraction) - weights.low,
    )
    pool = sglang_pool(
        job.model, job.share, job.cache_item, page=settings.block or 1, windows=engine.since(0, 5, 3)
    )  # fmt: skip
    seqs = settings.seqs or max(min(pool.tokens(cache.expected, job.context) * 512 // job.context, 4096), 2048)
    done = Pass(tokens=batched, sampled=graph_batch, logit_bytes=UNSORTED)
    graphs = ByteRange.exactly(0)
    if not settings.eager:
        graphs = graphs_range(job.model, job.share, whole=_captured(engine, graph_batch), pieces=0)
    return Plan(
        fraction=fraction,
        requested_bytes=round(before.expected * fraction),
        weights=weights,
        activations=peak_range(job.model, job.share, job.dtype, done, other=SORTED),
        graphs=graphs,
        beside=card.collectives + _drafting(job, pool.tokens(cache.expected, job.context)),
        cache=cache,
        pool=pool,
        seqs=seqs,
        batched=batched,
    )


def _weights(job: Job) -> ByteRange:
    rotary = rotary_bytes(job.model, job.dtype, double=True)
    loaded = sum(tensors(job.model, job.share, job.dtype)) if job.weights_bytes is None else job.weights_bytes
    loaded += rotary + lora_bytes(job) - job.settings.offload_bytes
    spread = loaded // 50 if job.model.quantisation and job.weights_bytes is None else loaded // 400
    return ByteRange(low=loaded - spread, expected=loaded, high=loaded + spread)


def _drafting(job: Job, tokens: int) -> ByteRange:
    """A model that drafts is loaded when the pool has been sized, with a cache for as many tokens.

    What is left free for passes holds it (model_runner.py of 0.5.5, draft_runner_cache_size).
    """
    if job.draft is None:
        return ByteRange.exactly(0)
    held = job.draft_bytes + tokens * token_bytes(job.draft, job.share, job.cache_item)
    return ByteRange.around(held, held // 20)


def default_fraction(job: Job, card: Card, *, chunk: int, graph_batch: int) -> float:
    """--mem-fraction-static where nobody set it: server_args.py, by the card's MiB as nvidia-smi shows them."""
    engine, ranks = job.settings.engine, job.share.tensor * job.share.stages
    size = _shown(card)
    if not engine.since(0, 4, 8):
        if size > 81920:
            return (size - 13 * 1024) / size
        steps = ((16, 0.79), (8, 0.81), (4, 0.85), (2, 0.87))
        return next((share for most, share in steps if job.share.tensor >= most), 0.88)
    if not engine.since(0, 5, 3):
        kept = (2.8 + ranks / 10) * 1024 if size < 35 * 1024 else (9.5 + ranks / 2) * 1024
        if size >= 90 * 1024:
            kept = (12 + ranks / 2) * 1024 if size < 160 * 1024 else 32 * 1024
    else:
        kept = 512 + max(chunk, 2048) * 1.5 + graph_batch * 2 + ranks / 8 * 1024
        kept = max(kept, 10 * 1024) if size > 60 * 1024 else kept
    if job.draft is not None:
        standalone = job.settings.draft != EAGLE and engine.since(0, 5, 3)
        kept += (6 if standalone else 2) * 1024
    return round((size - kept) / size, 3)


def _shown(card: Card) -> float:
    """MiB that nvidia-smi shows of a card of which a process is shown a little less."""
    return card.total_bytes / MIB * 1.01


def _chunk_and_graphs(engine: Engine, card: Card, tensor: int) -> tuple[int, int]:
    """--chunked-prefill-size and --cuda-graph-max-bs where nobody set them."""
    size = card.total_bytes / GIB
    if engine.since(0, 5, 3):
        steps = (
            (20, 2048, 8, 8), (34, 2048, 24, 80), (58, 4096, 32, 160), (156, 8192, 256, 512), (10**6, 16384, 512, 512),
        )  # fmt: skip
        _, chunk, few, many = next(step for step in steps if size < step[0])
        return chunk, few if tensor < 4 else many
    if size < 24.4:
        return 2048, 8 if tensor < 4 else 80
    return 8192, 160


def _captured(engine: Engine, most: int) -> int:
    """Batches that graphs are captured for: 1, 2, 4, 8 and further, by eights."""
    small = 4 if most <= 8 else 5
    return small + max(most - 8, 0) // (8 if engine.since(0, 4, 4) else 16)
