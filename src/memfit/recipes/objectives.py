"""What training asks of a language model: the next token, the better of two answers (DPO), or more of its best (GRPO).

Each is a plain loop's, in the order of TRL's trainers (1.16): DPO runs both answers of a pair through the model, then
through the model as it was at the start; GRPO lets the model write for a whole step, and then learns from that in
batches, without the model as it was (beta = 0, TRL's default). Trainers that fuse the output layer with the loss hold
less than this. Rewards that are a function take nothing here; a model that gives them stands beside (`judging`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from memfit.recipes.judging import judge_of
from memfit.recipes.loop import recompute
from memfit.recipes.placing import placed
from memfit.recipes.writing import write

_BETA = 0.1

Loss = Callable[[torch.Tensor], torch.Tensor]


def loss_of(model: Any, wishes: argparse.Namespace, start: Callable[[], Any], device: torch.device) -> Loss:
    """From (batch, tokens) to the loss.

    Args:
        model: in training.
        start: builds the model as it was before training, on "meta"; not called where adapters can be left out instead.
    """
    if wishes.objective == "sft":
        return lambda text: model(input_ids=text, labels=text).loss
    if wishes.objective == "grpo":
        return lambda text: _of_written(model, text, wishes.completion)
    if wishes.train == "full":
        reference, without = placed(start().eval().requires_grad_(False), wishes, device), nullcontext
    else:
        reference, without = model, getattr(model, "module", model).disable_adapter
    return lambda text: _of_pairs(model, reference, without, text)


def batch_of(
    model: Any, wishes: argparse.Namespace, draw: Callable[[int], torch.Tensor], device: torch.device
) -> Callable[[], Iterable[torch.Tensor]]:
    """The batches of one optimizer step, when they are asked for; one after the other, where none needs the others.

    Args:
        draw: so many sequences of made-up text, (batch, tokens).
    """
    if wishes.objective == "grpo":
        judge = judge_of(wishes, device)

        def judged() -> list[torch.Tensor]:
            text = _written(model, draw(wishes.batch * wishes.accumulate), wishes)
            judge(text)
            return list(text.split(wishes.batch))

        return judged
    rows = wishes.batch * (2 if wishes.objective == "dpo" else 1)
    return lambda: (draw(rows) for _ in range(wishes.accumulate))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _written(model: Any, prompts: torch.Tensor, wishes: argparse.Namespace) -> torch.Tensor:
    """Prompts with what the model writes after them; all of a step at once, as TRL does."""
    recomputing = wishes.checkpointing and getattr(model, "is_gradient_checkpointing", False)
    if recomputing:
        model.gradient_checkpointing_disable()
    model.eval()
    write(model, prompts, wishes.completion, every=wishes.every_token)
    model.train()
    if recomputing:
        recompute(model, reentrant=wishes.software.has_reentrant)
    made = prompts.new_zeros((prompts.shape[0], wishes.completion))
    return torch.cat([prompts, made], dim=1)


def _of_written(model: Any, text: torch.Tensor, completion: int) -> torch.Tensor:
    told = model(input_ids=text, logits_to_keep=completion + 1, use_cache=False).logits[:, :-1]
    logs = _logs(told, text[:, -completion:])
    ratio = torch.exp(logs - logs.detach())
    advantages = torch.ones(len(text), 1, device=text.device)
    return -(ratio * advantages).mean()


def _of_pairs(
    model: Any, reference: Any, without: Callable[[], AbstractContextManager[Any]], text: torch.Tensor
) -> torch.Tensor:
    now = _logs(model(input_ids=text, use_cache=False).logits[:, :-1], text[:, 1:]).sum(-1)
    with torch.no_grad(), without():
        before = _logs(reference(input_ids=text, use_cache=False).logits[:, :-1], text[:, 1:]).sum(-1)
    better = (now - before).chunk(2)
    return -torch.nn.functional.logsigmoid(_BETA * (better[0] - better[1])).mean()


def _logs(logits: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Logarithms of the probabilities of these tokens, row by row: (batch, tokens)."""
    if logits.dtype in (torch.float32, torch.float64):
        sums = torch.stack([torch.logsumexp(row, dim=-1) for row in logits])
        return logits.gather(-1, text.unsqueeze(-1)).squeeze(-1) - sums
    rows = zip(logits, text, strict=True)
    return torch.stack([row.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1) for row, ids in rows])
