"""Pipeline stages of a language model: each rank's layers, and the training over all of them."""

from __future__ import annotations

import argparse
from typing import Any

import torch

# Of a schedule with many micro-batches: the optimizer has its states by the second, and further ones are alike.
STEPS = 2


def cut(model: Any, stages: Any, *, to_train: bool) -> None:
    """Leave this stage's layers; what infers passes hidden states on by transformers' own loop.

    Args:
        stages: the mesh's dimension of them.
    """
    from transformers.distributed.pipeline_parallel import PipelineIdentityLayer, apply_pipeline_parallelism

    apply_pipeline_parallelism(model, stages)
    if to_train:
        del model.forward  # that loop, which knows no backward pass
    gone = {name for name, module in model.named_modules() if isinstance(module, PipelineIdentityLayer)}
    for plan in ("_tp_plan", "_fsdp_plan"):
        kept = {name: style for name, style in (getattr(model, plan, None) or {}).items() if name not in gone}
        setattr(model, plan, kept)


class Stage(torch.nn.Module):  # type: ignore[misc]
    """This rank's layers of a language model: from tokens or hidden states to hidden states or logits.

    Args:
        model: cut to its layers by transformers' pipeline parallelism.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.place = model, model._pp_stage

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """(batch, tokens), or (batch, tokens, width) from the stage before."""
        told = {"input_ids": given} if self.place.pp_is_first_stage else {"inputs_embeds": given}
        whole = self.model if self.place.pp_is_last_stage else self.model.base_model
        found = whole(**told, use_cache=False)
        result: torch.Tensor = found.logits if self.place.pp_is_last_stage else found.last_hidden_state
        return result


class Pipeline:
    """Takes steps of several micro-batches over all stages.

    Args:
        model: as of `Stage`, in memory.
        wishes: batch, seq and accumulate: micro-batches for each step.
    """

    def __init__(self, model: Any, wishes: argparse.Namespace, device: torch.device) -> None:
        from torch.distributed.pipelining import PipelineStage, Schedule1F1B

        self.place, self._batch = model._pp_stage, wishes.batch * wishes.accumulate
        stage = PipelineStage(Stage(model), self.place.pp_rank, self.place.pp_size, device, group=self.place.pp_group)
        self._schedule = Schedule1F1B(stage, n_microbatches=wishes.accumulate, loss_fn=_loss)

    def run(self, text: torch.Tensor) -> None:
        """Forward and backward of (batch, tokens)."""
        first = (text,) if self.place.pp_is_first_stage else ()
        self._schedule.step(*first, **({"target": text, "losses": []} if self.place.pp_is_last_stage else {}))


def _loss(logits: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), text[:, 1:].flatten())
