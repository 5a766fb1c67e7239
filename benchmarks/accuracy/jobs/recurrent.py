"""Recurrent networks: LSTM and GRU layers, packed sequences, cells in a loop, an attention decoder."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def lstm_language_sgd(device: str, steps: int, scale: float) -> None:
    embed, lstm, head = nn.Embedding(10000, 384), nn.LSTM(384, 384, 2, dropout=0.2), nn.Linear(384, 10000)
    model = nn.ModuleList([embed, lstm, head]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    batch = int(16 * scale)
    state: tuple[Tensor, Tensor] | None = None
    for _ in range(steps):
        ids = torch.randint(0, 10000, (36, batch), device=device)
        if state is not None:
            state = (state[0].detach(), state[1].detach())
        output, state = lstm(embed(ids[:-1]), state)
        loss = F.cross_entropy(head(output).view(-1, 10000), ids[1:].view(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()


def lstm_bidirectional_adam(device: str, steps: int, scale: float) -> None:
    embed, lstm = nn.Embedding(20000, 128), nn.LSTM(128, 192, 2, batch_first=True, bidirectional=True)
    head = nn.Linear(384, 12)
    model = nn.ModuleList([embed, lstm, head]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(32 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 20000, (batch, 60)).to(device)
        tags = torch.randint(0, 12, (batch, 60)).to(device)
        optimizer.zero_grad()
        F.cross_entropy(head(lstm(embed(ids))[0]).flatten(0, 1), tags.flatten()).backward()
        optimizer.step()


def lstm_packed_adamw(device: str, steps: int, scale: float) -> None:
    embed, lstm, head = nn.Embedding(40000, 160), nn.LSTM(160, 256, batch_first=True), nn.Linear(256, 5)
    model = nn.ModuleList([embed, lstm, head]).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = int(128 * scale)
    lengths = torch.linspace(60, 15, batch).long()
    for _ in range(steps):
        ids = torch.randint(0, 40000, (batch, 60), device=device)
        packed = pack_padded_sequence(embed(ids), lengths, batch_first=True)
        output, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True)
        loss = F.cross_entropy(head(output.max(dim=1).values), torch.randint(0, 5, (batch,), device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gru_sequence_rmsprop(device: str, steps: int, scale: float) -> None:
    gru, head = nn.GRU(64, 256, 3, batch_first=True, dropout=0.1), nn.Linear(256, 1)
    model = nn.ModuleList([gru, head]).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    batch = int(48 * scale)
    for _ in range(steps):
        series = torch.randn(batch, 120, 64, device=device)
        optimizer.zero_grad(set_to_none=False)
        F.mse_loss(head(gru(series)[0][:, -1]), torch.randn(batch, 1, device=device)).backward()
        optimizer.step()


def gru_cell_loop_adam(device: str, steps: int, scale: float) -> None:
    cell, head = nn.GRUCell(96, 384), nn.Linear(384, 96)
    model = nn.ModuleList([cell, head]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(224 * scale)
    for _ in range(steps):
        series = torch.randn(64, batch, 96, device=device)
        hidden = torch.zeros(batch, 384, device=device)
        losses = []
        for now, after in pairwise(series):
            hidden = cell(now, hidden)
            losses.append(F.mse_loss(head(hidden), after))
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()
        optimizer.step()


def rnn_attention_decoder_adagrad(device: str, steps: int, scale: float) -> None:
    source, target = nn.Embedding(16000, 192), nn.Embedding(16000, 192)
    encode, decode = nn.GRU(192, 192, batch_first=True), nn.GRUCell(384, 192)
    head = nn.Linear(192, 16000)
    model = nn.ModuleList([source, target, encode, decode, head]).to(device)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
    batch = int(24 * scale)
    for _ in range(steps):
        sentence = torch.randint(0, 16000, (batch, 40), device=device)
        wanted = torch.randint(0, 16000, (batch, 17), device=device)
        memory, last = encode(source(sentence))
        hidden, loss = last[0], torch.zeros((), device=device)
        for position in range(16):
            weights = torch.bmm(memory, hidden.unsqueeze(2)).squeeze(2).softmax(dim=1)
            context = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
            hidden = decode(torch.cat([target(wanted[:, position]), context], dim=1), hidden)
            loss = loss + F.cross_entropy(head(hidden), wanted[:, position + 1])
        optimizer.zero_grad()
        (loss / 16).backward()
        optimizer.step()
