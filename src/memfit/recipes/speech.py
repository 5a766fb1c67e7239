"""Trains a model of speech that transformers builds from its configuration, or lets it write what it hears.

    python -m memfit.recipes.speech FOLDER --train full --batch 8

On the simulated device under memfit, on a real one when run as it stands. Weights are nobody's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

from memfit.errors import UsageError
from memfit.recipes import loop
from memfit.recipes.notes import said
from memfit.recipes.other_wishes import read
from memfit.recipes.placing import device_of_job


def built(wishes: argparse.Namespace) -> Any:
    """The model, as it is made before weights are loaded.

    Raises:
        UsageError: transformers has no such model of speech.
    """
    try:
        told = transformers.AutoConfig.from_pretrained(wishes.model, local_files_only=True, trust_remote_code=False)
        model: Any = transformers.AutoModelForSpeechSeq2Seq.from_config(told)
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UsageError(
            f"transformers {transformers.__version__} cannot build {wishes.model} as a model of speech: {said(error)}",
            hint="Whisper and the like can be asked for by name; for others, give a script",
            slug="unknown-architecture",
        ) from error
    if wishes.checkpointing:
        loop.recompute(model)
    return model


def sound(model: Any, wishes: argparse.Namespace, device: torch.device) -> torch.Tensor:
    """Made-up spectra of half a minute, as the model's own reader makes them: (batch, bins, frames)."""
    told = model.config
    if not hasattr(told, "num_mel_bins") or not hasattr(told, "max_source_positions"):
        raise UsageError(f"{Path(wishes.model).name} hears something else than spectra", hint="give a script")
    kind = next(model.parameters()).dtype
    return torch.randn(wishes.batch, told.num_mel_bins, 2 * told.max_source_positions, device=device, dtype=kind)


def main(words: list[str] | None = None) -> None:
    """Do what was asked for."""
    wishes = read("speech", sys.argv[1:] if words is None else words, "memfit.recipes.speech")
    device = device_of_job()
    model = loop.prepared(built(wishes), wishes, device)

    def text() -> torch.Tensor:
        return torch.randint(0, model.config.vocab_size, (wishes.batch, wishes.tokens), device=device)

    if wishes.train:
        model.config.use_cache = False
        loop.train(model, lambda: model(sound(model, wishes, device), labels=text()).loss, wishes, device)
    elif wishes.generate:
        with torch.no_grad():
            model.eval().generate(
                sound(model, wishes, device), max_new_tokens=wishes.generate, min_new_tokens=wishes.generate,
                do_sample=False, eos_token_id=None,
            )  # fmt: skip
    else:
        loop.infer(model, lambda: model(sound(model, wishes, device), decoder_input_ids=text()), wishes, device)
    loop.show(Path(wishes.model).name, device)


if __name__ == "__main__":
    main()
