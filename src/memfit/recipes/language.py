"""Trains, lets write, or serves a language model that is built from its configuration, with weights nobody downloaded.

    python -m memfit.recipes.language FOLDER --train lora --seq 4096 --batch 2

On the simulated device under memfit, on a real one when run as it stands; there it prints what torch saw, as JSON.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import transformers

from memfit.errors import UsageError
from memfit.recipes import loop, notes
from memfit.recipes.notes import said
from memfit.recipes.objectives import batch_of, loss_of
from memfit.recipes.optimizers import optimizer
from memfit.recipes.packed import as_stored
from memfit.recipes.placing import device_of_job, in_place, placed, share_layers, unsynchronised
from memfit.recipes.stages import STEPS, Pipeline
from memfit.recipes.wishes import DEFAULT_TOKENS, read
from memfit.recipes.writing import write
from memfit.recipes.zero import Zero, stage_of

_ALPHA_FOR_RANK = 2
_GROWING = ("keys", "values")  # of a cache's layer, with the tokens before the last dimension; states have no length
_WITHOUT_CACHE = "without --serve its forward passes are estimated, with --batch and --seq"


def called(wishes: argparse.Namespace) -> str:
    """The model as messages name it: "org/name", or its folder's name."""
    return Path(wishes.configuration).name.replace("--", "/")


def configuration_of(folder: str) -> Any:
    """The configuration, as transformers reads it; nothing of the repository's own code runs.

    Raises:
        UsageError: transformers does not know it, or has no such language model.
    """
    try:
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UsageError(
            f"transformers {transformers.__version__} cannot build {folder}: {said(error)}", slug="unknown-architecture"
        ) from error


def built(wishes: argparse.Namespace) -> Any:
    """The model on "meta", as from_pretrained makes it first: without memory."""
    configuration = configuration_of(wishes.configuration)
    longest = getattr(configuration, "max_position_embeddings", None)
    wishes.seq = wishes.seq or min(DEFAULT_TOKENS, longest or DEFAULT_TOKENS)
    if longest and not hasattr(configuration, "rope_parameters") and wishes.seq > longest:
        raise UsageError(f"{called(wishes)} has {longest} positions, and --seq asks for {wishes.seq}")
    dtype = wishes.dtype if wishes.dtype != "auto" else getattr(configuration, "dtype", None) or torch.float32
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype)
    attention = None if wishes.attention == "auto" else wishes.attention
    if attention is None and wishes.software.has("eager", configuration.model_type):
        attention = "eager"
    kind: Any = transformers.AutoModelForCausalLM
    if getattr(configuration, "is_encoder_decoder", False):
        kind = transformers.AutoModelForSeq2SeqLM
    elif "MaskedLM" in str(getattr(configuration, "architectures", None)):
        kind = transformers.AutoModelForMaskedLM
    try:
        with torch.device("meta"):
            return as_stored(kind.from_config(configuration, dtype=dtype, attn_implementation=attention), wishes)
    except ValueError as error:
        raise UsageError(
            f"{called(wishes)}: {said(error)}",
            hint="language models can be asked for by name; for others, give a script",
        ) from error


def with_adapters(model: Any, wishes: argparse.Namespace) -> Any:
    """Low-rank adapters by peft; under them 4-bit weights where asked.

    Raises:
        MemfitError: peft is not installed.
    """
    peft = loop.adapters_library()
    if wishes.train == "qlora":
        from memfit.recipes.quantised import quantise

        skip = () if wishes.four_bit_skip == "none" else tuple(wishes.four_bit_skip.split(","))
        flat = wishes.parallel == "fsdp1" and int(os.environ.get("WORLD_SIZE", "1")) > 1
        stored = model.dtype if flat else None  # in one tensor with the rest
        quantise(model, wishes.software, skip=skip, double=wishes.four_bit == "nf4-dq", stored_as=stored)
        if wishes.lora_dtype == "float32" and not flat:  # the rest of the weights becomes that, too
            prepare: Any = peft.prepare_model_for_kbit_training
            model = prepare(model, use_gradient_checkpointing=False)
    named = wishes.lora_targets
    settings = peft.LoraConfig(
        r=wishes.lora_rank,
        lora_alpha=_ALPHA_FOR_RANK * wishes.lora_rank,
        lora_dropout=wishes.lora_dropout,
        target_modules=named if named == "all-linear" else named.split(","),
        use_dora=wishes.train == "dora",  # whose start is computed from the weights: they are in memory by then
        task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
    )
    if wishes.lora_dtype == "float32":
        return peft.get_peft_model(model, settings)
    dtype = next(weight.dtype for weight in model.parameters() if weight.is_floating_point())
    model = peft.get_peft_model(model, settings, autocast_adapter_dtype=False)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.to(dtype)
    return model


def tokens(model: Any, batch: int, length: int, device: torch.device) -> torch.Tensor:
    """Made-up text: (batch, length), int64."""
    return torch.randint(0, model.config.get_text_config().vocab_size, (batch, length), device=device)


def train(wishes: argparse.Namespace, device: torch.device) -> None:
    """A few optimizer steps, as a plain loop takes them."""
    model = built(wishes)
    model.config.use_cache = False
    if wishes.train == "dora":
        model = in_place(model, device)
    if wishes.train != "full":
        shared = model if wishes.mesh is None else share_layers(model, wishes.mesh)
        model = with_adapters(shared, wishes)
    if wishes.checkpointing:
        loop.recompute(model, reentrant=wishes.software.has_reentrant)
        if wishes.train != "full":
            model.enable_input_require_grads()
    model = placed(model.train(), wishes, device)
    trained = [each for each in model.parameters() if each.requires_grad]
    stepper: Any = (
        Zero(model, wishes, device)
        if stage_of(wishes)
        else optimizer(wishes.optimizer, trained, one_by_one=wishes.software.has_old_steps)
    )
    mixed: Any = nullcontext()
    beside = wishes.train != "full" and wishes.lora_dtype == "float32"
    if wishes.autocast != "none" and (wishes.autocast or (beside and device.type == "cuda")):
        # Adapters are float32; as Trainer has it with bf16=True.
        mixed = torch.autocast(device.type, getattr(torch, wishes.autocast or "bfloat16"))
    plain = getattr(model, "module", model)
    loss_for = loss_of(model, wishes, lambda: built(wishes), device)
    if wishes.lengths is not None:
        notes.note("lengths-drawn", f"batches of changing lengths, {wishes.lengths.told()}: a run meets more of them")
    longs = iter(wishes.lengths.of_batches(wishes.steps * wishes.accumulate, wishes.batch) if wishes.lengths else ())
    batches = batch_of(plain, wishes, lambda rows: tokens(plain, rows, next(longs, wishes.seq), device), device)
    pipeline = Pipeline(model, wishes, device) if wishes.mesh is not None and wishes.mesh.pp > 1 else None
    for _ in range(wishes.steps if pipeline is None else min(wishes.steps, STEPS)):
        if pipeline is not None:
            with mixed:
                pipeline.run(tokens(plain, wishes.batch * wishes.accumulate, wishes.seq, device))
        else:
            for number, text in enumerate(batches(), 1):
                with unsynchronised(model, until_last=wishes.no_sync and number < wishes.accumulate):
                    with mixed:
                        loss = loss_for(text) / wishes.accumulate
                    loss.backward()
        stepper.step()
        stepper.zero_grad(set_to_none=not wishes.software.has_old_steps)


def generate(wishes: argparse.Namespace, device: torch.device) -> None:
    """A prompt and so many tokens after it, by transformers' own loop."""
    model = built(wishes).eval()
    if not model.can_generate():
        raise UsageError(f"{called(wishes)} does not write text", hint=_WITHOUT_CACHE.replace("serve", "generate"))
    model = placed(model, wishes, device)
    write(model, tokens(model, wishes.batch, wishes.seq, device), wishes.generate, every=wishes.every_token)


def serve(wishes: argparse.Namespace, device: torch.device) -> None:
    """Weights, the caches of all requests held at once, and one chunk of a prompt going through."""
    model = built(wishes).eval()
    if model.config.is_encoder_decoder:
        raise UsageError(f"{called(wishes)} has an encoder: its serving is not known", hint="--generate, with --batch")
    model = placed(model, wishes, device)
    context = wishes.context or wishes.seq
    told = model(input_ids=tokens(model, 1, 1, device), use_cache=True)
    layers = getattr(getattr(told, "past_key_values", None) or getattr(told, "cache_params", None), "layers", None)
    if not layers:
        raise UsageError(f"{called(wishes)} keeps no cache that could be served from", hint=_WITHOUT_CACHE)
    model.requests = caches(layers, wishes.concurrent, context)
    del told, layers
    last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    for _ in range(2):
        model(input_ids=tokens(model, 1, min(wishes.prefill, context), device), use_cache=False, **last)


class Requests(torch.nn.Module):  # type: ignore[misc]
    """The caches of requests, as buffers."""

    memfit_category = "cache"


def caches(layers: Any, requests: int, context: int) -> Requests:
    """What all requests keep between tokens: for each layer of one request's cache, the same for all at full length."""
    held = Requests()
    for number, layer in enumerate(layers):
        length = min(context, getattr(layer, "sliding_window", None) or context)
        for name, one in vars(layer).items():
            if isinstance(one, torch.Tensor) and one.dim() > 1:
                shape = [requests, *one.shape[1:]]
                if name in _GROWING:
                    shape[-2] = length
                held.register_buffer(f"{name}_{number}", one.new_empty(shape))
    return held


def infer(wishes: argparse.Namespace, device: torch.device) -> None:
    """Forward passes alone."""
    model = placed(built(wishes).eval(), wishes, device)
    model.config.use_cache = False
    for _ in range(2):
        text = tokens(model, wishes.batch, wishes.seq, device)
        model(input_ids=text, **({"decoder_input_ids": text} if model.config.is_encoder_decoder else {}))


def main(words: list[str] | None = None) -> None:
    """Do what was asked for."""
    wishes = read(sys.argv[1:] if words is None else words, "memfit.recipes.language")
    device = device_of_job()
    if wishes.train:
        train(wishes, device)
    else:
        with torch.no_grad():
            (generate if wishes.generate else serve if wishes.serve else infer)(wishes, device)
    loop.show(Path(wishes.configuration).name, device)


if __name__ == "__main__":
    main()
