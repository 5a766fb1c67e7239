"""Trains a model of images that timm makes, or lets it look, with weights nobody downloaded.

    python -m memfit.recipes.vision resnet50 --train full --batch 64 --image 224

On the simulated device under memfit, on a real one when run as it stands.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import torch

from memfit.errors import MemfitError, UsageError
from memfit.recipes import loop
from memfit.recipes.notes import said
from memfit.recipes.other_wishes import read
from memfit.recipes.placing import device_of_job


def built(wishes: argparse.Namespace) -> Any:
    """The model, with a head for the classes that were asked for, and for images of that side where it matters.

    Raises:
        MemfitError: timm is not installed.
        UsageError: it does not know the model, or not for such images.
    """
    try:
        import timm
    except ImportError as error:
        raise MemfitError(
            f"timm is not installed whole, which makes models of images: {error}", hint="pip install timm"
        ) from error
    told: dict[str, Any] = {}
    if wishes.classes:
        told["num_classes"] = wishes.classes
    own = timm.get_pretrained_cfg(wishes.model) if timm.is_model(wishes.model) else None
    if wishes.image and own is not None and own.fixed_input_size:
        told["img_size"] = wishes.image
    try:
        model = timm.create_model(wishes.model, pretrained=False, **told)
    except (RuntimeError, ValueError, TypeError, AssertionError, KeyError) as error:
        near = ", ".join(timm.list_models(f"*{wishes.model.split('_')[0][:12]}*")[:6])
        raise UsageError(
            f"timm {timm.__version__} cannot make {wishes.model}: {said(error)}",
            hint=f"it has {near}" if near else "timm.list_models() names what it has",
            slug="no-model",
        ) from error
    if wishes.checkpointing:
        model.set_grad_checkpointing(True)
    return model


def images(model: Any, wishes: argparse.Namespace, device: torch.device) -> torch.Tensor:
    """Made-up pictures: (batch, channels, side, side), in the type of the weights."""
    channels, height, width = (model.pretrained_cfg or {}).get("input_size") or (3, 224, 224)
    height, width = (wishes.image, wishes.image) if wishes.image else (height, width)
    kind = next(model.parameters()).dtype
    return torch.randn(wishes.batch, channels, height, width, device=device, dtype=kind)


def main(words: list[str] | None = None) -> None:
    """Do what was asked for."""
    wishes = read("vision", sys.argv[1:] if words is None else words, "memfit.recipes.vision")
    device = device_of_job()
    model = loop.prepared(built(wishes), wishes, device)

    def loss() -> torch.Tensor:
        seen = model(images(model, wishes, device))
        return torch.nn.functional.cross_entropy(seen, torch.randint(0, seen.shape[-1], (wishes.batch,), device=device))

    if wishes.train:
        loop.train(model, loss, wishes, device)
    else:
        loop.infer(model, lambda: model(images(model, wishes, device)), wishes, device)
    loop.show(wishes.model, device)


if __name__ == "__main__":
    main()
