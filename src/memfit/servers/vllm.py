"""vLLM's rules: a share of the card, less what its measuring pass finds, is the cache.

Read from vllm/worker/worker.py (0.4.3 to 0.8.5, determine_num_available_blocks), vllm/v1/worker/gpu_worker.py (0.8.5 to
0.33.0, determine_available_memory), vllm/utils.py (memory_profiling) and vllm/engine/arg_utils.py (defaults).
"""

from __future__ import annotations

from memfit.quantities import GIB, MIB, ByteRange
from memfit.servers.blocks import token_bytes, vllm_pool
from memfit.servers.plan import Card, Job, Plan, lora_bytes
from memfit.servers.profile import SORTED, UNSORTED, Pass, graphs_range, peak_range
from memfit.servers.version import Engine
from memfit.servers.weights import allocated, rotary_bytes, tensors

_LARGE_CARD = 70 * GIB
_FIRST_CHUNK = 512
_LONG = 32768  # tokens from which V0 computes prompts in chunks by itself (arg_utils.py)
# Beside its tensors, when the driver's context is not counted: by the logs of the tuning half.
_LIBRARIES = ByteRange(low=10 * MIB, expected=50 * MIB, high=500 * MIB)
# Since 0.27 all that is gone from the card after weights are loaded (total_consumed), kernels and workspaces too.
_CONSUMED = ByteRange(low=100 * MIB, expected=280 * MIB, high=600 * MIB)


def is_v1(engine: Engine, capability: tuple[int, int] | None) -> bool:
    """Whether this version's second generation runs: it needs compute capability 8; since 0.11 there is no other."""
    return engine.since(0, 11) or (engine.since(0, 8) and (capability is None or capability >= (8, 0)))


def plan(job: Job, card: Card) -> Plan:
    """What vLLM plans for one rank."""
    settings, engine = job.settings, job.settings.engine
    v1 = is_v1(engine, card.capability)
    fraction = settings.fraction or (0.92 if engine.since(0, 20) else 0.9)
    requested = int(card.total_bytes * fraction)
    seqs, batched = _at_once(job, card, v1=v1)
    weights = _weights(job)
    activations = _activations(job, engine, seqs=seqs, batched=batched, v1=v1)
    graphs = _graphs(job, engine, seqs=seqs, batched=batched, v1=v1)
    beside = _beside(engine, card)
    found = ByteRange.total([weights, activations, beside] + ([graphs] if engine.since(0, 21) else []))
    cache = ByteRange(
        low=requested - found.high, expected=requested - found.expected, high=requested - found.low
    )  # fmt: skip
    draft = token_bytes(job.draft, job.share, job.cache_item) if job.draft is not None else 0
    pool = vllm_pool(
        job.model,
        job.share,
        job.cache_item,
        block=settings.block or (64 if v1 and job.model.layers[0].latent else 16),
        batched=batched,
        windows=v1 and engine.since(0, 9, 2),
        by_requests=engine.since(0, 21),
        nearly=engine.since(0, 12),
        more_bytes=draft,
    )
    return Plan(
        fraction=fraction, requested_bytes=requested, weights=weights, activations=activations, graphs=graphs,
        beside=beside, cache=cache, pool=pool, seqs=seqs, batched=batched, rules=_rules(job, engine, v1=v1),
    )  # fmt: skip


def _at_once(job: Job, card: Card, *, v1: bool) -> tuple[int, int]:
    """Requests and tokens at once (arg_utils.py, _set_default_args_v0 and _v1)."""
    settings, engine = job.settings, job.settings.engine
    large = card.total_bytes >= _LARGE_CARD and not (engine.since(0, 9) and "a100" in card.name.lower())
    if v1:
        huge = engine.since(0, 33) and card.total_bytes >= 160 * GIB
        seqs = settings.seqs or (1024 if large else 256)
        batched = settings.batched or min(16384 if huge else 8192 if large else 2048, seqs * job.context)
    else:
        seqs = settings.seqs or 256
        chunk = 2048 if engine.since(0, 7) else _FIRST_CHUNK
        chunked = engine.since(0, 5, 5) and job.context > _LONG
        batched = settings.batched or (chunk if chunked else max(job.context, 2048))
    return min(seqs, batched), batched


def _weights(job: Job) -> ByteRange:
    rotary = rotary_bytes(job.model, job.dtype, double=False)
    sizes = [*tensors(job.model, job.share, job.dtype), rotary]
    loaded = allocated(sizes) if job.weights_bytes is None else job.weights_bytes + rotary
    loaded += job.draft_bytes + lora_bytes(job) - job.settings.offload_bytes
    spread = loaded // 50 if job.model.quantisation and job.weights_bytes is None else loaded // 400
    return ByteRange(low=loaded - spread, expected=loaded, high=loaded + spread + 32 * MIB)


def _activations(job: Job, engine: Engine, *, seqs: int, batched: int, v1: bool) -> ByteRange:
    logit, other = SORTED, None
    if v1 and engine.since(0, 17):
        logit = UNSORTED
    elif v1:
        other = UNSORTED  # with FlashInfer at hand, as in its images
    sampled = 0 if batched == _FIRST_CHUNK and not engine.since(0, 7) else seqs  # prompts in chunks: none is ended
    done = Pass(tokens=batched, sampled=sampled, logit_bytes=logit, between=4 if engine.since(0, 6, 6) else 3)
    return peak_range(job.model, job.share, job.dtype, done, other=other)


def _graphs(job: Job, engine: Engine, *, seqs: int, batched: int, v1: bool) -> ByteRange:
    """Sizes that are captured: worker/model_runner.py (V0), config/vllm.py, _set_cudagraph_sizes (V1)."""
    if job.settings.eager:
        return ByteRange.exactly(0)
    if not v1:
        return graphs_range(job.model, job.share, whole=_sizes(seqs, 8), pieces=0)
    if not engine.since(0, 11):
        return graphs_range(job.model, job.share, whole=0, pieces=_sizes(min(512, batched), 8), early=True)
    most = min(2 * seqs, 512, batched)
    pieces = _sizes(most, 8) if not engine.since(0, 11, 1) else _sizes(min(most, 256), 8) + max(most - 256, 0) // 16
    return graphs_range(job.model, job.share, whole=_sizes(min(seqs, most), 8), pieces=pieces)


def _sizes(most: int, step: int) -> int:
    """1, 2, 4, then multiples of a step."""
    return sum(size <= most for size in (1, 2, 4)) + most // step


def _beside(engine: Engine, card: Card) -> ByteRange:
    """What is not the engine's own tensors: until 0.6.4 with the driver's context, since then what comes later."""
    if not engine.since(0, 6, 6):
        return card.context + card.collectives
    own = _CONSUMED if engine.since(0, 27) else _LIBRARIES
    return own + card.collectives


def _rules(job: Job, engine: Engine, *, v1: bool) -> tuple[str, ...]:
    told = []
    if engine.since(0, 8) and not engine.since(0, 11):
        told.append(f"its {'second' if v1 else 'first'} generation (V{int(v1)})")
    if not engine.since(0, 21) and not job.settings.eager:
        told.append("CUDA graphs are captured after the cache is made, beyond the engine's share of the card")
    if job.model.has_windows and not (v1 and engine.since(0, 9, 2)):
        told.append("the whole context is kept where a window slides")
    return tuple(told)
