"""The transformer blocks that the jobs of several families build on, in the ways people write attention."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Attention = Literal["sdpa", "einsum", "matmul"]


class SelfAttention(nn.Module):
    """Multi-head self-attention: through the fused function, einsum, or plain matrix products and a mask."""

    def __init__(self, width: int, heads: int, causal: bool, kind: Attention, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.causal, self.kind, self.dropout = heads, causal, kind, dropout
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, length, width = tokens.shape
        parts = self.project(tokens).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = (part.transpose(1, 2) for part in parts.unbind(dim=2))
        if self.kind == "sdpa":
            dropout = self.dropout if self.training else 0.0
            causal = self.causal and mask is None
            mixed = F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=causal)
        else:
            mixed = self.by_hand(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))

    def by_hand(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scale, length = 1 / math.sqrt(query.shape[-1]), query.shape[-2]
        if self.kind == "einsum":
            scores = torch.einsum("bhid,bhjd->bhij", query, key) * scale
        else:
            scores = query @ key.transpose(-2, -1) * scale
        if self.causal:
            future = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
            scores = scores.masked_fill(future, float("-inf"))
        weights = F.dropout(scores.softmax(dim=-1), self.dropout, self.training)
        return torch.einsum("bhij,bhjd->bhid", weights, value) if self.kind == "einsum" else weights @ value


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, causal: bool, kind: Attention, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal, kind, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens), mask)
        return tokens + self.mlp(self.norm2(tokens))


class LanguageModel(nn.Module):
    """Token and position embeddings, blocks, a head that may share the embedding's weight.

    ``recompute``: None keeps activations; True and False are checkpoint's use_reentrant.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        width: int,
        depth: int,
        heads: int,
        *,
        causal: bool = True,
        kind: Attention = "sdpa",
        dropout: float = 0.0,
        tied: bool = False,
        recompute: bool | None = None,
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, causal, kind, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.head.weight = self.tokens.weight

    def hidden(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        states = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            if self.recompute is None:
                states = block(states, mask)
            else:
                states = checkpoint(block, states, mask, use_reentrant=self.recompute)
        return self.norm(states)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.head(self.hidden(ids, mask))


def next_token_loss(logits: Tensor, ids: Tensor) -> Tensor:
    """Cross-entropy of every position against the token after it."""
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))
