"""Trains a model of sentences as sentence-transformers does it, by pairs against all others, or lets it embed.

    python -m memfit.recipes.sentences FOLDER --train full --batch 64 --seq 128

On the simulated device under memfit, on a real one when run as it stands. Weights are nobody's. The encoder and its
mean are sentence-transformers' own; texts are numbers made up, since no tokenizer is fetched.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

from memfit.errors import MemfitError, UsageError
from memfit.recipes import loop
from memfit.recipes.notes import said
from memfit.recipes.other_wishes import read
from memfit.recipes.placing import device_of_job

_SCALE = 20.0  # MultipleNegativesRankingLoss's own


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """A transformer and the mean of its tokens.

    Args:
        transformer: gives (batch, tokens, width).
        pooling: sentence-transformers' own.
    """

    def __init__(self, transformer: Any, pooling: Any) -> None:
        super().__init__()
        self.transformer, self.pooling = transformer, pooling

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """(batch, tokens) → (batch, width)."""
        mask = torch.ones_like(text)
        tokens = self.transformer(input_ids=text, attention_mask=mask).last_hidden_state
        embedded: torch.Tensor = self.pooling({"token_embeddings": tokens, "attention_mask": mask})[
            "sentence_embedding"
        ]
        return embedded


def built(wishes: argparse.Namespace) -> Encoder:
    """The model.

    Raises:
        MemfitError: sentence-transformers is not installed.
        UsageError: transformers cannot build its encoder.
    """
    try:
        from sentence_transformers.models import Pooling
    except ImportError as error:
        raise MemfitError(
            f"sentence-transformers is not installed whole, which makes models of sentences: {error}",
            hint="pip install sentence-transformers",
        ) from error
    try:
        told = transformers.AutoConfig.from_pretrained(wishes.model, local_files_only=True, trust_remote_code=False)
        transformer: Any = transformers.AutoModel.from_config(told)
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UsageError(
            f"transformers {transformers.__version__} cannot build {wishes.model}: {said(error)}",
            slug="unknown-architecture",
        ) from error
    if wishes.checkpointing:
        loop.recompute(transformer)
    return Encoder(transformer, Pooling(told.hidden_size))


def main(words: list[str] | None = None) -> None:
    """Do what was asked for."""
    wishes = read("sentences", sys.argv[1:] if words is None else words, "memfit.recipes.sentences")
    device = device_of_job()
    model = loop.prepared(built(wishes), wishes, device)

    def text() -> torch.Tensor:
        return torch.randint(0, model.transformer.config.vocab_size, (wishes.batch, wishes.seq), device=device)

    def loss() -> torch.Tensor:
        one, other = (torch.nn.functional.normalize(model(text()), dim=-1) for _ in range(2))
        return torch.nn.functional.cross_entropy(one @ other.T * _SCALE, torch.arange(wishes.batch, device=device))

    if wishes.train:
        loop.train(model, loss, wishes, device)
    else:
        loop.infer(model, lambda: model(text()), wishes, device)
    loop.show(Path(wishes.model).name, device)


if __name__ == "__main__":
    main()
