"""Gives a model that the installed libraries built the habits of earlier versions (`software`)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

import torch

from memfit.recipes import notes
from memfit.recipes.software import HABITS, Software

_OF_WRITING = {"whole_logits", "tuples"}
_UNSHIFTED = (4, 49)  # of transformers: from then on its loss shifts the labels (loss/loss_utils.py)


class Then:
    """What a pass leaves behind for the next one, by hooks of the model's own.

    Args:
        logits: keep a pass' logits until the next has made its own: of all the prompt's tokens, the next token's are a
            view (generation/utils.py of transformers before 4.45).
        caches: keep the tensors of the cache that a pass began with until it ends.
    """

    def __init__(self, *, logits: bool, caches: bool) -> None:
        self._logits, self._caches = logits, caches
        self.held: list[Any] = []
        self._last: Any = None

    def before(self, model: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """A pass begins."""
        if model.training:
            return None
        layers = getattr(kwargs.get("past_key_values"), "layers", ()) if self._caches else ()
        self.held = [getattr(layer, name, None) for layer in layers for name in ("keys", "values")]
        return args, {**kwargs, "logits_to_keep": 0} if self._logits and "logits_to_keep" in kwargs else kwargs

    def after(self, model: Any, args: Any, told: Any) -> None:
        """A pass has ended."""
        self.held = []
        self._last = getattr(told, "logits", None) if self._logits and not model.training else None


def shifted_loss(logits: Any, labels: Any, vocab_size: int, **_: Any) -> Any:
    """Next tokens, by copies of the logits in float32 and without the last token (4.46.0, loss/loss_utils.py)."""
    logits = logits.float()
    shifted = logits[..., :-1, :].contiguous()
    return torch.nn.functional.cross_entropy(shifted.view(-1, vocab_size), labels[..., 1:].contiguous().view(-1))


def as_then(model: Any, wishes: argparse.Namespace, layers: Iterable[Any]) -> None:
    """Change a model before it is in memory, and note what was changed.

    Args:
        model: with its adapters and quantised layers.
        wishes: of the recipe; without versions that were named nothing changes.
        layers: its blocks.
    """
    software: Software = wishes.software
    if not software.versions:
        return
    inner: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    writes, trains = bool(wishes.generate) or wishes.objective == "grpo", bool(wishes.train)
    kind = str(inner.config.get_text_config().model_type)
    done = {habit for habit in HABITS if software.has(habit, kind) and (writes or habit not in _OF_WRITING)}
    if inner.config._attn_implementation != "eager" or wishes.attention == "eager":
        done.discard("eager")
    head = inner.get_output_embeddings()
    if "float_logits" in done and head is not None:
        head.register_forward_hook(lambda _, args, out: out.float())
    if "tables" in done:
        _with_tables(inner, layers)
    if done & _OF_WRITING:
        then = Then(logits="whole_logits" in done, caches="tuples" in done)
        inner.register_forward_pre_hook(then.before, with_kwargs=True)
        inner.register_forward_hook(then.after)
    told = [HABITS[habit] for habit in HABITS if habit in done]
    if trains and software.is_before("transformers", *_UNSHIFTED):
        inner.loss_function = shifted_loss
        told.append("the loss copies logits once more to shift them")
    told += _told_of_training(wishes) if trains else []
    notes.note(
        "other-software",
        f"as with {software}, where others are installed: {'; '.join(told) or 'nothing that is known was otherwise'}",
    )


def _told_of_training(wishes: argparse.Namespace) -> list[str]:
    """What other parts of the recipe do otherwise."""
    software: Software = wishes.software
    return [
        *(["checkpoints are reentrant"] if wishes.checkpointing and software.has_reentrant else []),
        *(["4-bit layers keep their inputs"] if wishes.train == "qlora" and software.has_kept_inputs else []),
        *(["FSDP is FullyShardedDataParallel"] if wishes.parallel == "fsdp1" and software.has_flat_shards else []),
        *(["weights are stepped one by one, and gradients filled with zeros"] if software.has_old_steps else []),
    ]


def _with_tables(model: Any, layers: Iterable[Any]) -> None:
    """A cosine and a sine for every position and number of a head, in every block."""
    told = model.config.get_text_config()
    head = getattr(told, "head_dim", None) or told.hidden_size // told.num_attention_heads
    parameters = getattr(told, "rope_parameters", None) or {}
    share = getattr(told, "partial_rotary_factor", None) or parameters.get("partial_rotary_factor") or 1.0
    shape = (told.max_position_embeddings, int(head * share))
    dtype = next(weight.dtype for weight in model.parameters() if weight.is_floating_point())
    for layer in layers:
        for name in ("then_cosines", "then_sines"):
            layer.register_buffer(name, torch.empty(shape, dtype=dtype, device="meta"), persistent=False)
