"""A model that gives rewards: held beside the one that learns, and asked about all answers of a step at once.

As TRL's GRPOTrainer does with a reward that is a model (_calculate_rewards: no gradients, one score for each text).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
import transformers

from memfit.errors import UsageError
from memfit.recipes.notes import said
from memfit.recipes.placing import in_place, placed


def judge_of(wishes: argparse.Namespace, device: torch.device) -> Callable[[torch.Tensor], None]:
    """From texts, (rows, tokens), to nothing: their scores are not needed, the memory that they take is.

    Raises:
        UsageError: transformers cannot build it.
    """
    if wishes.reward is None:
        return lambda text: None
    try:
        told: Any = transformers.AutoConfig.from_pretrained(
            wishes.reward, local_files_only=True, trust_remote_code=False, num_labels=1
        )
        told.pad_token_id = 0
        with torch.device("meta"):
            model: Any = transformers.AutoModelForSequenceClassification.from_config(
                told, dtype=getattr(told, "dtype", None) or torch.float32
            )
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UsageError(
            f"transformers {transformers.__version__} cannot build {wishes.reward} to give rewards: {said(error)}",
            slug="unknown-architecture",
        ) from error
    model = model.eval().requires_grad_(False)
    model = in_place(model, device) if wishes.parallel == "ddp" else placed(model, wishes, device)

    def judge(text: torch.Tensor) -> None:
        with torch.no_grad():
            model(input_ids=text, attention_mask=torch.ones_like(text))

    return judge
