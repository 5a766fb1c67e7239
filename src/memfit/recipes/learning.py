"""Trains the denoiser of a diffusers' pipeline as the library's own examples do, with the rest frozen beside it.

Of every step: texts through their encoders, images through the autoencoder, one pass of the denoiser, the squared error
against noise. What the denoiser is called with comes from the pipeline's own call, which is stopped there.
"""

from __future__ import annotations

import argparse
import inspect
from contextlib import nullcontext
from typing import Any

import torch

from memfit.errors import UsageError
from memfit.recipes import loop
from memfit.recipes.optimizers import optimizer
from memfit.recipes.pipelines import denoiser_of

_LORA_TARGETS = ("to_k", "to_q", "to_v", "to_out.0")  # of the library's examples: every attention
_NO_GUIDANCE = 1.0  # one pass for each image; a higher one would double them


class _Called(Exception):
    """The denoiser was about to be called."""


class Inputs:
    """What the denoiser is called with for a batch, and the images' sizes.

    Args:
        pipeline: whose own call makes them.
        denoiser: of it.
        call: arguments of the pipeline's call.
    """

    def __init__(self, pipeline: Any, denoiser: Any, call: dict[str, Any]) -> None:
        self._pipeline, self._denoiser = pipeline, denoiser
        known = inspect.signature(type(pipeline).__call__).parameters
        self._call = {**call, **({"guidance_scale": _NO_GUIDANCE} if "guidance_scale" in known else {})}
        self.shape: tuple[int, ...] = ()  # of the images: (batch, channels, [frames,] height, width)

    def made(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Texts through their encoders, and what else the pipeline does before its first step."""
        found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def stop(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            found.append((given, {**named, "return_dict": False}))
            raise _Called

        prepare = self._pipeline.prepare_latents

        def prepare_latents(*given: Any, **named: Any) -> Any:
            told = inspect.signature(prepare).bind(*given, **named).arguments
            frames = (told["num_frames"],) if "num_frames" in told else ()
            self.shape = (told["batch_size"], 3, *frames, told["height"], told["width"])
            return prepare(*given, **named)

        self._pipeline.prepare_latents = prepare_latents
        hook = self._denoiser.register_forward_pre_hook(stop, with_kwargs=True)
        try:
            self._pipeline(**self._call)
        except _Called:
            pass
        finally:
            hook.remove()
            del self._pipeline.prepare_latents
        if not found:
            raise UsageError(f"{type(self._pipeline).__name__} does not call its {type(self._denoiser).__name__}")
        return found[0]


def train(pipeline: Any, wishes: argparse.Namespace, device: torch.device, call: dict[str, Any]) -> None:
    """A few optimizer steps over the denoiser, or over adapters on it.

    Args:
        pipeline: in the host's memory.
        wishes: of the recipe.
        device: where it is trained.
        call: arguments of the pipeline's call.
    """
    name, denoiser = denoiser_of(pipeline)
    inputs = Inputs(pipeline, denoiser, call)
    half = _half(wishes)
    _freeze(pipeline, name, half)
    kept = inputs.made() if wishes.cached else None
    if kept is not None:
        for part in [each for each, module in pipeline.components.items() if isinstance(module, torch.nn.Module)]:
            setattr(pipeline, part, denoiser if part == name else None)
        kept = _moved(kept, device)
    pipeline.to(device)
    if wishes.train == "lora":
        _with_adapters(denoiser, wishes)
    if wishes.checkpointing:
        denoiser.enable_gradient_checkpointing()
    denoiser.train()
    stepper = optimizer(wishes.optimizer, [each for each in denoiser.parameters() if each.requires_grad])
    mixed: Any = nullcontext() if half is None else torch.autocast(device.type, half)
    for _ in range(_steps(wishes)):
        for _ in range(wishes.accumulate):
            given, named = kept if kept is not None else inputs.made()
            latents = None if kept is not None else _encoded(pipeline.vae, inputs.shape, device)
            with mixed:
                told = denoiser(*given, **named)[0]
                loss = torch.nn.functional.mse_loss(told.float(), torch.randn_like(told).float()) / wishes.accumulate
            loss.backward()
            del given, named, latents, told, loss
        stepper.step()
        stepper.zero_grad()


def _steps(wishes: argparse.Namespace) -> int:
    return int(wishes.steps or 4)


def _half(wishes: argparse.Namespace) -> torch.dtype | None:
    """The type of mixed precision: as asked for, and with adapters in float32 that of the weights."""
    of_weights = wishes.dtype if wishes.train == "lora" and wishes.dtype in ("float16", "bfloat16") else None
    name = wishes.autocast or of_weights
    return getattr(torch, name) if name else None


def _freeze(pipeline: Any, name: str, half: torch.dtype | None) -> None:
    """What is not trained has no gradients and is in the type of mixed precision."""
    for each, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False)
            if each != name and half is not None:
                part.to(half)
        if each == "vae" and half is torch.float16 and getattr(part.config, "force_upcast", False):
            part.to(torch.float32)
    getattr(pipeline, name).requires_grad_(True)


def _with_adapters(denoiser: Any, wishes: argparse.Namespace) -> None:
    """Low-rank adapters by peft, in float32.

    Raises:
        MemfitError: peft is not installed.
    """
    peft = loop.adapters_library()
    named = wishes.lora_targets.split(",") if wishes.lora_targets else list(_LORA_TARGETS)
    denoiser.requires_grad_(False)
    denoiser.add_adapter(
        peft.LoraConfig(
            r=wishes.lora_rank, lora_alpha=wishes.lora_rank, init_lora_weights="gaussian", target_modules=named
        )
    )
    for weight in denoiser.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _encoded(vae: Any, shape: tuple[int, ...], device: torch.device) -> Any:
    """Made-up images through the autoencoder, as examples do it in every step."""
    told = vae.encode(torch.randn(shape, device=device, dtype=vae.dtype))
    return told.latent_dist.sample() if hasattr(told, "latent_dist") else told[0]


def _moved(given: Any, device: torch.device) -> Any:
    """Every tensor of nested arguments on the device."""
    if isinstance(given, torch.Tensor):
        return given.to(device)
    if isinstance(given, dict):
        return {name: _moved(each, device) for name, each in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(_moved(each, device) for each in given)
    return given
