"""A GGUF model under llama.cpp → the estimate document, by its header and llama.cpp's rules; nothing runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

from memfit.api.named import machine_words
from memfit.documents import Assumption, Component, Estimate
from memfit.errors import UsageError
from memfit.estimating import exactly
from memfit.jobs.computed import computed_estimate
from memfit.jobs.machine import device_count, devices_here
from memfit.llamacpp import finding, wishes
from memfit.llamacpp.graph import Batch, Era
from memfit.llamacpp.placing import Placed, Wanted, place
from memfit.llamacpp.shape import Shape, shape_of
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category

# What llama-server holds on the host beside the model: its code, CUDA's, the tokenizer; read from few runs.
_PROGRAM = ByteRange(low=64 * MIB, expected=256 * MIB, high=768 * MIB)
_PROMPT_CACHE = 8 * GIB  # llama-server --cache-ram, its default since October 2025 (ggml-org/llama.cpp#16391)


def estimate_gguf(
    target: str, words: Sequence[str], *, on: str | None, host_memory_bytes: int | None = None
) -> Estimate:
    """What llama.cpp would hold for a model.

    Args:
        target: a file, or "hf:org/name:Q4_K_M".
        words: how it is run (`memfit.llamacpp.wishes`).
        on: the device, None for what this machine has.
        host_memory_bytes: to judge the host by.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.
    """
    began = time.monotonic()
    on, ranks, rest = machine_words(target, words, on=on)
    options = wishes.read(rest, f"memfit estimate {target}")
    on = on or devices_here()
    count = device_count(on)
    if count > 1 or ranks is not None:
        raise UsageError(
            f"a GGUF model is placed on one device so far, not on {on if count > 1 else f'{ranks} ranks'}",
            hint="name one",
            slug="one-device",
        )
    header, found = finding.find(target)
    shape = shape_of(header, target)
    wanted = _wanted(options, on_device=count > 0)
    device, host = place(shape, wanted)
    words_of_host = [Component(category=Category.FRAMEWORK, range=_PROGRAM, basis=Basis.ASSUMED, source="llama-server")]
    made = computed_estimate(
        {"kind": "model", "name": target, "arguments": rest},
        [_parts(device)] if count else [],
        [*_parts(host), *words_of_host],
        on=on,
        assumptions=_assumptions(shape, wanted, options, found),
        versions={"llama.cpp": options.llama_cpp.value if options.llama_cpp else "any"},
        host_memory_bytes=host_memory_bytes,
        libraries=("cublas",),
    )
    return replace(made, cost={"seconds": round(time.monotonic() - began, 2)})


def _wanted(options: argparse.Namespace, *, on_device: bool) -> Wanted:
    era: Era | None = options.llama_cpp
    flash = options.flash_attention == "on" or (options.flash_attention == "auto" and era is not Era.PLAIN)
    context = options.context or wishes.DEFAULT_CONTEXT
    batch = Batch(
        tokens=min(options.ubatch, context * options.concurrent),
        context=context,
        sequences=options.concurrent,
        flash=flash,
        on_device=on_device,
    )
    return Wanted(batch=batch, kind=options.cache_type, layers=options.gpu_layers, era=era)


def _parts(placed: Placed) -> list[Component]:
    exact = [
        (Category.PARAMETERS, placed.weights, "the header's tensors, as they are stored"),
        (Category.CACHE, placed.caches, "keys, values and states of all requests"),
    ]
    ranges = [
        (Category.ACTIVATIONS, placed.graph, "the graph's buffer, reserved for a full batch"),
        (Category.TEMPORARIES, placed.moment, "what kernels take beside it"),
    ]
    return [exactly(category, size, source) for category, size, source in exact if size] + [
        Component(category=category, range=span, basis=Basis.COMPUTED, source=source)
        for category, span, source in ranges
        if span.high
    ]


def _assumptions(shape: Shape, wanted: Wanted, options: argparse.Namespace, found: str) -> tuple[Assumption, ...]:
    types: dict[str, int] = {}
    for tensor in shape.tensors.values():
        types[tensor.dtype] = types.get(tensor.dtype, 0) + tensor.bytes
    by_type = ", ".join(f"{size:,} in {kind}" for kind, size in sorted(types.items(), key=lambda each: -each[1])[:6])
    batch = wanted.batch
    where = "all layers on the device" if wanted.layers is None else f"--gpu-layers {wanted.layers}"
    where = where if batch.on_device else "on the processor"
    fused = "fused" if batch.flash else "plain"
    told = [
        Assumption(
            slug="by-llama-cpp",
            text=f"{shape.name or shape.architecture} ({shape.architecture}, {len(shape.layers)} layers) by the header "
            f"of {found} and llama.cpp's rules, nothing was run: {where}, {batch.sequences} x {batch.context:,} tokens,"
            f" cache in {wanted.kind}, {fused} attention, {batch.tokens} tokens a pass; weights: {by_type}",
        ),
        Assumption(
            slug="prompt-cache",
            text="llama-server keeps old prompts in RAM, up to --cache-ram (8 GiB unless told otherwise): not in the "
            "host's figure",
            effect_bytes=_PROMPT_CACHE,
        ),
    ]
    if options.llama_cpp is None:
        told.append(
            Assumption(
                slug="llama-cpp-version",
                text="which llama.cpp was not said (--llama-cpp 2026-03): the graph's buffer is the newest versions', "
                "and high covers those since August 2025",
            )
        )
    if options.context is None:
        told.append(
            Assumption(slug="context-taken", text=f"a context of {batch.context:,} tokens; --context says more")
        )
    if shape.trained and batch.context > shape.trained:
        told.append(
            Assumption(
                slug="context-taken", text=f"the model was made for {shape.trained:,} tokens, fewer than asked for"
            )
        )
    return tuple(told)
