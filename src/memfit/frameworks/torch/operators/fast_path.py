"""What torch.nn's attention and encoder layers do in evaluation: one operator each, whose meta kernel shows its result.

Taken apart as native/transformers/attention.cpp, transformer.cpp and cuda/attention.cu of PyTorch 2.0 to 2.13 are made:
the scores of all heads are kept whole, and where there is a mask twice while they become weights, except on a GPU
without a mask.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators.attention import cuda_attention
from memfit.quantities import Category

F = torch.nn.functional


def attention(
    simulation: Any, overload: Any, pool: str, query: Any, key: Any, value: Any, width: int, heads: int, in_weight: Any,
    in_bias: Any, out_weight: Any, out_bias: Any, mask: Any = None, need_weights: bool = True, average: bool = True,
    *_: Any,
) -> Any:  # fmt: skip
    """aten::_native_multi_head_attention, of (batch, tokens, width) each."""
    own = query is key and key is value
    batch, of_head = query.shape[0], width // heads
    if pool != HOST and own and of_head % 8 == 0 and not need_weights and mask is None:
        packed = F.linear(query, in_weight, in_bias)
        parts = [part.view(batch, -1, heads, of_head).transpose(1, 2) for part in packed.chunk(3, -1)]
        found = cuda_attention(simulation.capability(pool), *parts).transpose(1, 2).reshape(batch, -1, width)
        return F.linear(found, out_weight, out_bias), None
    if own:
        packed = F.linear(query, in_weight)
    else:
        packed = torch.cat([F.linear(x, w) for x, w in zip((query, key, value), in_weight.chunk(3), strict=True)], 2)
    parts = list(torch.empty((3, batch, heads, query.shape[1], of_head), dtype=packed.dtype, device=query.device))
    del packed
    weights = parts[0].flatten(0, 1).bmm(parts[1].flatten(0, 1).transpose(1, 2))
    if mask is not None:
        scores, weights = weights, torch.empty_like(weights)
        if pool == HOST:  # where padding is left out, each sample's weights are made anew
            one = scores[:heads]
            simulation.ledger.transient(pool, one.numel() * one.element_size(), Category.TEMPORARIES, str(overload))
        del scores
    found = weights.bmm(parts[2].flatten(0, 1)).view(batch, heads, -1, of_head).transpose(1, 2).flatten(2)
    out = F.linear(found, out_weight, out_bias)
    if not need_weights:
        return out, None
    weights = weights.view(batch, heads, *weights.shape[1:])
    return out, weights.mean(1) if average else weights


def encoder_layer(
    simulation: Any, overload: Any, pool: str, x: Any, width: int, heads: int, in_weight: Any, in_bias: Any,
    out_weight: Any, out_bias: Any, gelu: bool, norm_first: bool, eps: float, weight_1: Any, bias_1: Any, weight_2: Any,
    bias_2: Any, up_weight: Any, up_bias: Any, down_weight: Any, down_bias: Any, mask: Any = None, *_: Any,
) -> Any:  # fmt: skip
    """aten::_transformer_encoder_layer_fwd, of (batch, tokens, width)."""

    def norm(y: Any, weight: Any, bias: Any) -> Any:
        return F.layer_norm(y, (width,), weight, bias, eps)

    y = norm(x, weight_1, bias_1) if norm_first else x
    y, _ = attention(
        simulation, overload, pool, y, y, y, width, heads, in_weight, in_bias, out_weight, out_bias, mask, False
    )
    y = y.add_(x)
    if not norm_first:
        y = norm(y, weight_1, bias_1)
    between = y
    if norm_first:
        y = norm(y, weight_2, bias_2)
    y = F.linear(y, up_weight, up_bias)
    y = F.gelu(y) if gelu else torch.relu_(y)
    y = F.linear(y, down_weight, down_bias).add_(between)
    return y if norm_first else norm(y, weight_2, bias_2)
