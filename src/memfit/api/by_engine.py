"""A model under vLLM or SGLang → the estimate document, by its configuration and the engine's rules; nothing runs."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memfit.api.named import machine_words
from memfit.documents import Assumption, Component, Estimate, PoolEstimate, Role, Serving, ServingEngine
from memfit.errors import UsageError
from memfit.estimating import exactly
from memfit.jobs.computed import computed_estimate
from memfit.jobs.machine import device_count, devices_here
from memfit.llamacpp.finding import is_gguf
from memfit.machines import Device, device_overhead, load_learnt, parse_request, user_data_file
from memfit.quantities import GIB, Basis, ByteRange, Category
from memfit.recipes import headers, naming
from memfit.recipes.layouts import RULES
from memfit.recipes.names import PREFIX
from memfit.servers import wishes
from memfit.servers.decoder import Decoder, decoder
from memfit.servers.plan import Card, Job, Plan, refusal
from memfit.servers.profile import collectives
from memfit.servers.starting import job_of, plan_of
from memfit.servers.version import Server
from memfit.servers.vllm import is_v1
from memfit.servers.weights import Share, from_headers
from memfit.servers.wishes import EAGLE, Settings

_BESIDE = ("libraries", "libraries, and with SGLang the model that drafts and its cache")
# An engine's own processes: Python with torch and CUDA in each, one a rank and two around them. Assumed.
_AROUND = ByteRange(low=GIB, expected=2 * GIB, high=5 * GIB)
_RANK = ByteRange(low=GIB, expected=5 * GIB // 2, high=6 * GIB)
_SHARD = 5 * 10**9  # bytes of one file of weights, as huggingface_hub splits them
_SWAP = 4 * GIB  # vLLM's --swap-space for each rank, until its first generation ended


def estimate_engine(
    target: str,
    words: Sequence[str],
    *,
    on: str | None,
    ranks: str | int | None = None,
    host_memory_bytes: int | None = None,
) -> Estimate:
    """What a serving engine would hold for a model.

    Args:
        target: a model's name, or a folder with its configuration.
        words: how it is served (`memfit.servers.wishes`).
        on: the devices, None for what this machine has.
        ranks: processes; an engine takes them from --mesh.
        host_memory_bytes: to judge the host by.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.
    """
    began = time.monotonic()
    if is_gguf(target):
        raise UsageError(
            f"{target} is a GGUF file, which llama.cpp serves: its rules are taken without --engine",
            hint=f"memfit estimate {target} --serve --context 8k",
            slug="unknown-engine",
        )
    on, ranks, rest = machine_words(target, words, on=on, ranks=ranks)
    settings = wishes.read(rest, f"memfit estimate {target}")
    on = on or devices_here()
    tensor = _ranks(settings, on, ranks)
    device, _ = parse_request(str(on))
    if device.vendor in ("google", "apple"):
        raise UsageError(
            f"what {settings.engine.server} holds on {device.name} is not known: its rules are those of a GPU's",
            hint="name a GPU, --on h100-80gb",
            slug="engine-model",
        )
    model, weights, unread = naming.with_weights(naming.find(target))
    told = _decoder(model)
    drafts = None if settings.draft in (None, EAGLE) else _decoder(naming.find(str(settings.draft)))
    share = Share(tensor=tensor, stages=settings.stages)
    held = None if weights is None else from_headers(weights.tensors, told, share, settings.dtype or "bfloat16")
    job = job_of(told, settings, tensor=tensor, name=model.name, weights_bytes=held, draft=drafts)
    card = card_of(device, tensor * settings.stages)
    plan = plan_of(job, card)
    made = computed_estimate(
        {"kind": "model", "name": target, "arguments": rest},
        [_parts(job, plan)],
        _host(job, plan, card),
        on=on,
        assumptions=_assumptions(job, plan, found=model.found, weights=weights, unread=unread),
        versions={settings.engine.server.value: settings.engine.version},
        host_memory_bytes=host_memory_bytes,
        libraries=("cublas",),
    )
    return _with_requests(replace(made, cost={"seconds": round(time.monotonic() - began, 2)}), job, plan)


def card_of(device: Device, ranks: int) -> Card:
    """A device of the catalogue as an engine finds it at its start."""
    context = device_overhead(device, "2.0", learnt=load_learnt(user_data_file(os.environ)))
    return Card(
        total_bytes=device.usable_bytes or device.memory_bytes or 0,
        capability=device.capability,
        context=context.with_libraries(()).range,
        collectives=collectives(device.capability, ranks),
        name=device.product,
    )


def _ranks(settings: Settings, on: str | None, ranks: str | int | None) -> int:
    """How many share every layer: what --mesh says, or all devices of a stage.

    Raises:
        UsageError: no device, or other ranks than devices.
    """
    count = device_count(on)
    if not count:
        raise UsageError(
            f"{settings.engine} serves on a device, and there is none here",
            hint="name one, --on h100-80gb; `memfit devices` lists them",
            slug="one-device",
        )
    if ranks is not None:
        raise UsageError("an engine's ranks are its mesh's", hint="--mesh tp=4, or tp=4,pp=2")
    tensor = settings.tensor or max(count // settings.stages, 1)
    if count > 1 and tensor * settings.stages != count:
        raise UsageError(
            f"{tensor * settings.stages} ranks do not lie on the {count} devices of {on}",
            hint=f"--mesh tp={count}, or name as many devices as ranks",
            slug="engine-ranks",
        )
    return tensor


def _decoder(model: naming.Named) -> Decoder:
    told: Mapping[str, Any] = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    return decoder(told, model.name.removeprefix(PREFIX))


def _parts(job: Job, plan: Plan) -> list[Component]:
    """On one device, the driver's context aside; of the cache what is expected, or what one request would need."""
    cache = plan.pool.request_bytes(job.context) if refusal(plan, job) else max(plan.cache.expected, 0)
    ranges = [
        (Category.PARAMETERS, plan.weights, "in the engine's layout"),
        (Category.ACTIVATIONS, plan.activations, f"the peak of a pass of {plan.batched:,} tokens, kept free"),
        (Category.WORKSPACES, plan.graphs, "CUDA graphs, by logs of other models"),
        (
            Category.COLLECTIVES if job.share.tensor > 1 else Category.WORKSPACES,
            plan.beside,
            _BESIDE[job.draft is not None],
        ),
    ]
    return [exactly(Category.CACHE, cache, "the pool of the cache")] + [
        Component(category=category, range=span, basis=Basis.COMPUTED, source=source)
        for category, span, source in ranges
        if span.high
    ]


def _host(job: Job, plan: Plan, card: Card) -> list[Component]:
    settings, count = job.settings, job.share.tensor * job.share.stages
    whole = plan.weights.expected * count
    own = ByteRange.total([_AROUND, *[_RANK] * count])
    parts = [
        Component(
            category=Category.FRAMEWORK, range=own, basis=Basis.ASSUMED, source=f"{count} ranks and what is around"
        ),
        Component(
            category=Category.LOADER,
            range=ByteRange(low=0, expected=min(_SHARD, whole), high=min(2 * _SHARD, whole)),
            basis=Basis.ASSUMED,
            source="files of weights, mapped while they are read",
        ),
    ]
    swap = settings.swap_bytes
    if settings.engine.server is Server.VLLM and swap is None and not is_v1(settings.engine, card.capability):
        swap = _SWAP
    pinned = count * ((swap or 0) + settings.offload_bytes)
    if pinned:
        parts.append(exactly(Category.PINNED, pinned, "swap space and weights left on the host"))
    return parts


def _with_requests(estimate: Estimate, job: Job, plan: Plan) -> Estimate:
    """The estimate with the engine's own range, every rank, and how many requests fit."""
    device, host = estimate.pools[0], estimate.pools[-1]
    refused = refusal(plan, job)
    if not refused:
        device = replace(device, peak_bytes=_taken(device, plan, job))
    settings, cache, context = job.settings, plan.cache, job.context
    serving = Serving(
        context=context,
        concurrent=settings.concurrent,
        request_bytes=plan.pool.request_bytes(context),
        fit=0 if refused else plan.requests(cache.low, context),
        fit_expected=0 if refused else plan.requests(cache.expected, context),
        engine=ServingEngine(
            name=settings.engine.server.value,
            version=settings.engine.version,
            fraction=round(plan.fraction, 4),
            requested_bytes=plan.requested_bytes,
            cache_bytes=ByteRange(low=max(cache.low, 0), expected=max(cache.expected, 0), high=max(cache.high, 0)),
            cache_tokens=_tokens(plan, context),
            concurrency=round(plan.pool.requests(cache.expected, context), 2),
            longest=plan.pool.longest(max(cache.expected, 0), context),
            at_once=plan.seqs,
            refusal=refused,
        ),
    )
    count = job.share.tensor * job.share.stages
    roles = (Role(ranks=f"0-{count - 1}", count=count, rank=0, pools=(device, host)),) if count > 1 else ()
    return replace(estimate, pools=(device, *estimate.pools[1:]), serving=serving, roles=roles)


def _tokens(plan: Plan, context: int) -> tuple[int, int, int]:
    low, expected, high = (
        plan.pool.tokens(size, context) for size in (plan.cache.low, plan.cache.expected, plan.cache.high)
    )
    return low, expected, high


def _taken(device: PoolEstimate, plan: Plan, job: Job) -> ByteRange:
    """What is found inside the engine's share moves room to the cache and back: only what lies beyond it spreads."""
    beyond = [part.range for part in device.components if part.category is Category.FRAMEWORK]
    settings = job.settings
    if settings.engine.server is Server.SGLANG or not settings.engine.since(0, 21):
        beyond.append(plan.graphs)
    if settings.engine.server is Server.SGLANG:
        beyond += [plan.activations, plan.beside]
    spread = ByteRange.total(beyond)
    expected = device.peak_bytes.expected
    return ByteRange(
        low=expected - spread.expected + spread.low, expected=expected, high=expected - spread.expected + spread.high
    )


def _assumptions(
    job: Job, plan: Plan, *, found: str, weights: headers.Weights | None, unread: str
) -> tuple[Assumption, ...]:
    settings, engine = job.settings, job.settings.engine
    share = f"{job.share.tensor} ranks share every layer" if job.share.tensor > 1 else "one rank"
    share += f", {job.share.stages} stages" if job.share.stages > 1 else ""
    taken = [
        f"{job.model.kind} by {found} and the rules of {engine}, nothing was run: {share}, weights in {job.dtype}",
        f"cache in {settings.cache_dtype if settings.cache_dtype != 'auto' else job.dtype}",
        f"{plan.seqs:,} requests and {plan.batched:,} tokens at once",
        *plan.rules,
    ]
    told = [Assumption(slug="by-engine", text="; ".join(taken))]
    if not engine.given:
        told.append(Assumption(slug="engine-version", text=f"which version was not said: {engine} is taken"))
    elif engine.beyond:
        told.append(Assumption(slug="engine-version", text=engine.beyond))
    if settings.context is None:
        told.append(
            Assumption(
                slug="context-taken", text=f"requests of {job.context:,} tokens, what the model was made for; --context"
            )
        )
    elif job.context > job.model.positions:
        made = f"the model was made for {job.model.positions:,} tokens, fewer than asked for: engines refuse that"
        told.append(Assumption(slug="context-taken", text=f"{made} unless its configuration is changed"))
    if weights is not None:
        told.append(
            Assumption(slug="weights-stored", text=f"{weights.told()}, by the headers of {weights.found}")
        )  # fmt: skip
    elif unread:
        told.append(Assumption(slug="weights-unread", text=f"the headers of its weights were not read: {unread}"))
    method = str(job.model.quantisation.get("quant_method", ""))
    if job.model.quantisation and weights is None and method not in RULES:
        text = f"quantised by {method or 'a method without a name'}, which is not known here: its weights count whole"
        told.append(Assumption(slug="weights-packed", text=text))
    if engine.server is Server.SGLANG and _passes(plan) > _free(plan):
        told.append(
            Assumption(
                slug="engine-reserve",
                text="what SGLang leaves free is less than a full pass and its graphs are expected to take: "
                f"--utilization below {plan.fraction:g}",
            )
        )
    return tuple(told)


def _passes(plan: Plan) -> int:
    return plan.activations.expected + plan.graphs.expected + plan.beside.expected


def _free(plan: Plan) -> int:
    return math.floor(plan.requested_bytes / plan.fraction * (1 - plan.fraction))
