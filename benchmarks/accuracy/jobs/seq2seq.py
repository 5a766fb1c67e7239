"""Encoder-decoder models: nn.Transformer for translation, a T5-like one with relative bias, speech with conv inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def translation_transformer_adam(device: str, steps: int, scale: float) -> None:
    model = nn.Transformer(256, 8, 3, 3, 1024, dropout=0.1, batch_first=True).to(device)
    source, target, head = nn.Embedding(8000, 256), nn.Embedding(8000, 256), nn.Linear(256, 8000)
    parts = nn.ModuleList([model, source, target, head]).to(device)
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-4, betas=(0.9, 0.98))
    causal = nn.Transformer.generate_square_subsequent_mask(96, device=device)
    batch = int(8 * scale)
    for _ in range(steps):
        sentence = torch.randint(1, 8000, (batch, 96), device=device)
        sentence[:, 80:] = 0
        wanted = torch.randint(1, 8000, (batch, 97), device=device)
        padding = sentence == 0
        states = model(
            source(sentence), target(wanted[:, :-1]), tgt_mask=causal, src_key_padding_mask=padding,
            memory_key_padding_mask=padding, tgt_is_causal=True,
        )  # fmt: skip
        loss = F.cross_entropy(head(states).flatten(0, 1), wanted[:, 1:].flatten(), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class RelativeAttention(nn.Module):
    """Attention without scaling but with a learnt bias by distance, as T5 has it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.value, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.distances = nn.Embedding(65, heads)

    def forward(self, states: Tensor, memory: Tensor, causal: bool = False) -> Tensor:
        query, key, value = (
            layer(item).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, item in ((self.query, states), (self.key, memory), (self.value, memory))
        )
        rows = torch.arange(states.shape[1], device=states.device)[:, None]
        columns = torch.arange(memory.shape[1], device=states.device)[None]
        bias = self.distances((columns - rows).clamp(-32, 32) + 32).permute(2, 0, 1).unsqueeze(0)
        scores = torch.matmul(query, key.transpose(2, 3)) + bias
        if causal:
            scores = scores.masked_fill(columns > rows, torch.finfo(scores.dtype).min)
        weights = F.dropout(F.softmax(scores.float(), dim=-1).type_as(scores), 0.1, self.training)
        return self.out(torch.matmul(weights, value).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Self-attention, cross-attention when there is a memory, a gated feed-forward part."""

    def __init__(self, width: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.own, self.norm1 = RelativeAttention(width, heads), nn.RMSNorm(width)
        self.cross, self.norm2 = (RelativeAttention(width, heads), nn.RMSNorm(width)) if cross else (None, None)
        self.norm3, self.gate = nn.RMSNorm(width), nn.Linear(width, 2 * width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * width, bias=False), nn.Linear(2 * width, width, bias=False)

    def forward(self, states: Tensor, memory: Tensor | None = None) -> Tensor:
        normal = self.norm1(states)
        states = states + self.own(normal, normal, causal=memory is not None)
        if memory is not None and self.cross is not None and self.norm2 is not None:
            states = states + self.cross(self.norm2(states), memory)
        normal = self.norm3(states)
        return states + self.down(F.gelu(self.gate(normal)) * self.up(normal))


def t5_like_adafactor(device: str, steps: int, scale: float) -> None:
    tokens = nn.Embedding(8000, 256)
    encode = nn.ModuleList(Layer(256, 4, cross=False) for _ in range(3))
    decode = nn.ModuleList(Layer(256, 4, cross=True) for _ in range(3))
    model = nn.ModuleList([tokens, encode, decode]).to(device)
    optimizer = torch.optim.Adafactor(model.parameters(), lr=1e-2)
    for _ in range(steps):
        source = torch.randint(0, 8000, (int(6 * scale), 160), device=device)
        target = torch.randint(0, 8000, (int(6 * scale), 64), device=device)
        memory = tokens(source)
        for layer in encode:
            memory = layer(memory)
        states = tokens(target)
        for layer in decode:
            states = layer(states, memory)
        logits = states @ tokens.weight.T
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def speech_conv_ctc_adamw(device: str, steps: int, scale: float) -> None:
    inputs = nn.Sequential(nn.Conv1d(80, 256, 3, 1, 1), nn.GELU(), nn.Conv1d(256, 256, 3, 2, 1), nn.GELU())
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.1, batch_first=True)
    encode, head = nn.TransformerEncoder(layer, 4), nn.Linear(256, 32)
    model = nn.ModuleList([inputs, encode, head]).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    batch = int(4 * scale)
    for _ in range(steps):
        spectrum = torch.randn(batch, 80, 500, device=device)
        log_probabilities = head(encode(inputs(spectrum).transpose(1, 2))).log_softmax(dim=-1).transpose(0, 1)
        labels = torch.randint(1, 32, (batch, 40), device=device)
        lengths = torch.full((batch,), 250, dtype=torch.long)
        loss = F.ctc_loss(log_probabilities, labels, lengths, torch.full((batch,), 40, dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def attention_with_weights_adam(device: str, steps: int, scale: float) -> None:
    embed, head = nn.Embedding(4000, 192), nn.Linear(192, 4000)
    layers = nn.ModuleList(nn.MultiheadAttention(192, 6, dropout=0.1) for _ in range(4))
    model = nn.ModuleList([embed, layers, head]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(6 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 4000, (192, batch), device=device)
        states, entropy = embed(ids), torch.zeros((), device=device)
        padding = torch.zeros(batch, 192, dtype=torch.bool, device=device)
        for layer in layers:
            mixed, weights = layer(states, states, states, key_padding_mask=padding, average_attn_weights=False)
            states = states + mixed
            entropy = entropy - (weights * (weights + 1e-9).log()).sum(dim=-1).mean()
        loss = F.cross_entropy(head(states).flatten(0, 1), ids.flatten()) + 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
