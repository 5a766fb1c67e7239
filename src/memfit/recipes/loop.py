"""What recipes share: a plain training loop, plain passes, activations recomputed, and what a real card saw."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch

from memfit.errors import MemfitError
from memfit.recipes.optimizers import optimizer


def adapters_library() -> Any:
    """peft, which makes adapters.

    Raises:
        MemfitError: it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise MemfitError("peft is not installed, which makes the adapters", hint="pip install peft") from error
    return peft


def prepared(model: Any, wishes: argparse.Namespace, device: torch.device) -> Any:
    """In the type that was asked for, on the device."""
    if wishes.dtype != "auto":
        model = model.to(getattr(torch, wishes.dtype))
    return model.to(device)


def recompute(model: Any, *, reentrant: bool = False) -> None:
    """Let a model of transformers recompute activations, in the way that it recommends, or as it did before 5.0."""
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})


def train(model: Any, loss_of: Callable[[], torch.Tensor], wishes: argparse.Namespace, device: torch.device) -> None:
    """A few optimizer steps over all weights.

    Args:
        model: on the device.
        loss_of: one batch through it, to its loss.
        wishes: of the recipe.
        device: for mixed precision.
    """
    model.train()
    trained = [each for each in model.parameters() if each.requires_grad]
    stepper = optimizer(wishes.optimizer, trained)
    for _ in range(wishes.steps):
        for _ in range(wishes.accumulate):
            with mixed(wishes, device):
                loss = loss_of() / wishes.accumulate
            loss.backward()
        stepper.step()
        stepper.zero_grad()


def infer(model: Any, one: Callable[[], Any], wishes: argparse.Namespace, device: torch.device) -> None:
    """Two passes without gradients."""
    model.eval()
    with torch.no_grad():
        for _ in range(2):
            with mixed(wishes, device):
                one()


def mixed(wishes: argparse.Namespace, device: torch.device) -> Any:
    """Mixed precision where it was asked for."""
    return torch.autocast(device.type, getattr(torch, wishes.autocast)) if wishes.autocast else nullcontext()


def show(name: str, device: torch.device) -> None:
    """On a real card: what torch's allocator saw, as JSON."""
    if torch.cuda.is_available():
        seen = {
            "requested_peak_bytes": torch.cuda.memory_stats(device)["requested_bytes.all.peak"],
            "allocated_peak_bytes": torch.cuda.max_memory_allocated(device),
            "reserved_peak_bytes": torch.cuda.max_memory_reserved(device),
            "configuration": name,
        }
        print(json.dumps(seen), flush=True)
