"""Text after a prompt, by transformers' own loop: its first tokens and its last, without those between.

The prompt's pass and the last token's are where memory peaks. Between them nothing happens but that the cache grows by
a token in each pass, thousands of times; it is lengthened in strides instead, layer by layer as the model does it.
"""

from __future__ import annotations

from typing import Any

import torch

_FIRST, _LAST = 8, 2  # tokens at each end
# What the allocator keeps depends on how the cache came to its length: GPT-2 with 32 sequences of 64 + 200 tokens
# reserves 3.21 GB token by token, 3.21 in 64 strides, 3.18 in 16 and 1.57 in one.
_STRIDES = 64
# Of transformers.cache_utils: those that hold all tokens, or the last of a window. Others are written token by token.
_PLAIN = ("DynamicLayer", "DynamicSlidingWindowLayer")


def write(model: Any, prompt: torch.Tensor, tokens: int, *, every: bool = False) -> None:
    """Let a model write.

    Args:
        model: that can generate.
        prompt: (batch, tokens), int64.
        tokens: how many to write.
        every: one by one, all of them.
    """
    if every or tokens <= _FIRST + _LAST:
        _generate(model, prompt, tokens)
        return
    cache = _generate(model, prompt, _FIRST)
    layers = getattr(cache, "layers", ())
    if not layers or {type(layer).__name__ for layer in layers} - set(_PLAIN):
        del cache, layers
        _generate(model, prompt, tokens)
        return
    known = prompt.shape[1] + tokens - _LAST
    begun, end = prompt.shape[1] + _FIRST - 1, known - 1  # the last known token is yet to go through the model
    strides = min(_STRIDES, end - begun)
    for stride in range(1, strides + 1):
        for layer in layers:
            _lengthen(layer, begun + (end - begun) * stride // strides)
    text = torch.cat([prompt, prompt.new_zeros((prompt.shape[0], known - prompt.shape[1]))], dim=1)
    _generate(model, text, _LAST, past_key_values=cache)


def _generate(model: Any, text: torch.Tensor, tokens: int, **kwargs: Any) -> Any:
    """The cache that is left; None where a model keeps none of that name."""
    told = model.generate(
        input_ids=text, attention_mask=torch.ones_like(text), do_sample=False, pad_token_id=0, eos_token_id=None,
        max_new_tokens=tokens, min_new_tokens=tokens, return_dict_in_generate=True, **kwargs,
    )  # fmt: skip
    return getattr(told, "past_key_values", None)


def _lengthen(layer: Any, length: int) -> None:
    """As if so many tokens had gone through this layer of a cache."""
    window = getattr(layer, "sliding_window", None)
    held = min(length, window - 1) if window else length
    for name in ("keys", "values"):
        one = getattr(layer, name)
        setattr(layer, name, one.new_zeros((*one.shape[:-2], held, one.shape[-1])))
    if hasattr(layer, "cumulative_length"):
        layer.cumulative_length = length
