"""From a model and the settings of its engine to the plan for one rank."""

from __future__ import annotations

from memfit.errors import UsageError
from memfit.servers import sglang, vllm
from memfit.servers.decoder import Decoder, Family
from memfit.servers.plan import Card, Job, Plan
from memfit.servers.version import Server
from memfit.servers.weights import SIZES, Share, allocated, tensors
from memfit.servers.wishes import EAGLE, Settings


def job_of(
    model: Decoder,
    settings: Settings,
    *,
    tensor: int,
    name: str,
    weights_bytes: int | None = None,
    draft: Decoder | None = None,
) -> Job:
    """The model on one rank.

    Args:
        model: it.
        settings: of the engine.
        tensor: ranks that share every layer.
        name: of the model, for messages.
        weights_bytes: of the rank, where headers say it.
        draft: the model that drafts, where it is one of its own.

    Raises:
        UsageError: ranks that do not divide the model.
    """
    for layer in model.layers[:1]:
        if layer.heads % tensor or (tensor % layer.key_heads if tensor > layer.key_heads else layer.key_heads % tensor):
            raise UsageError(
                f"{tensor} ranks do not divide the {layer.heads} heads and {layer.key_heads} heads of keys of {name}",
                hint="--mesh tp=2, or another number that divides them",
                slug="engine-ranks",
            )
    if settings.stages > len(model.layers):
        raise UsageError(
            f"{settings.stages} stages are more than the {len(model.layers)} layers of {name}",
            hint="--mesh tp=2,pp=2",
            slug="engine-ranks",
        )
    share = Share(tensor=tensor, stages=settings.stages)
    dtype = _dtype(settings.dtype or model.dtype)
    if settings.draft == EAGLE:
        draft = _eagle(model)
    drafted = 0
    if draft is not None:
        drafted = allocated(tensors(draft, share, dtype))
        if settings.draft == EAGLE:  # it borrows the embedding and the output, and joins two hidden states
            drafted = allocated([*_own(draft, share, dtype), 2 * model.width * model.width * SIZES[dtype]])
    context = settings.context or model.positions
    return Job(
        model=model,
        share=share,
        dtype=dtype,
        cache_item=1 if settings.cache_dtype.startswith("fp8") else 2,
        context=context,
        settings=settings,
        weights_bytes=weights_bytes,
        draft=draft,
        draft_bytes=drafted,
    )


def plan_of(job: Job, card: Card) -> Plan:
    """What the engine plans for this rank."""
    return vllm.plan(job, card) if job.settings.engine.server is Server.VLLM else sglang.plan(job, card)


def _dtype(told: str | None) -> str:
    """Both engines load float32 in 16 bit unless that is asked for (vllm/config, _get_and_verify_dtype)."""
    return told if told in ("bfloat16", "float16") else "bfloat16"


def _eagle(model: Decoder) -> Decoder:
    """One layer of the model's shape."""
    return Decoder(
        kind="llama",
        family=Family(),
        width=model.width,
        vocabulary=model.vocabulary,
        layers=model.layers[-1:],
        tied=True,
        dtype=model.dtype,
        positions=model.positions,
        rotary=model.rotary,
        told=model.told,
    )


def _own(draft: Decoder, share: Share, dtype: str) -> list[int]:
    """A drafting layer's tensors without the embedding."""
    return list(tensors(draft, share, dtype))[1:]
