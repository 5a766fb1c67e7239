"""Recommenders: embedding bags, sparse gradients, matrix factorisation, two towers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bag_classifier_sparse_sgd(device: str, steps: int, scale: float) -> None:
    bag, head = nn.EmbeddingBag(300_000, 128, mode="mean", sparse=True).to(device), nn.Linear(128, 4).to(device)
    optimizer = torch.optim.SGD([*bag.parameters(), *head.parameters()], lr=5.0)
    batch = int(2048 * scale)
    for _ in range(steps):
        words = torch.randint(0, 300_000, (batch * 40,)).to(device)
        offsets = torch.arange(0, batch * 40, 40).to(device)
        optimizer.zero_grad()
        F.cross_entropy(head(bag(words, offsets)), torch.randint(0, 4, (batch,)).to(device)).backward()
        optimizer.step()


class ClickModel(nn.Module):
    """DLRM-like: tables of categories, a bottom and a top network, pairwise products between."""

    def __init__(self, rows: int, tables: int, width: int, sparse: bool) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.EmbeddingBag(rows, width, mode="sum", sparse=sparse) for _ in range(tables))
        self.bottom = nn.Sequential(nn.Linear(13, 256), nn.ReLU(), nn.Linear(256, width), nn.ReLU())
        pairs = tables * (tables + 1) // 2
        self.top = nn.Sequential(nn.Linear(width + pairs, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
        self.out = nn.Linear(256, 1)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        bottom = self.bottom(dense)
        looked_up = [table(sparse[:, index]) for index, table in enumerate(self.tables)]
        stacked = torch.stack([bottom, *looked_up], dim=1)
        products = torch.bmm(stacked, stacked.transpose(1, 2))
        rows, columns = torch.tril_indices(stacked.shape[1], stacked.shape[1], -1)
        return self.out(self.top(torch.cat([bottom, products[:, rows, columns]], dim=1)))


def clicks_sparse_adam(device: str, steps: int, scale: float) -> None:
    model = ClickModel(40_000, 8, 64, sparse=True).to(device)
    sparse = torch.optim.SparseAdam(list(model.tables.parameters()), lr=1e-3)
    dense_parameters = [*model.bottom.parameters(), *model.top.parameters(), *model.out.parameters()]
    dense = torch.optim.Adam(dense_parameters, lr=1e-3)
    batch = int(2048 * scale)
    for _ in range(steps):
        numbers = torch.rand(batch, 13, device=device)
        categories = torch.randint(0, 40_000, (batch, 8, 4), device=device)
        clicked = torch.randint(0, 2, (batch, 1), device=device).float()
        sparse.zero_grad()
        dense.zero_grad()
        F.binary_cross_entropy_with_logits(model(numbers, categories), clicked).backward()
        sparse.step()
        dense.step()


def clicks_dense_adagrad(device: str, steps: int, scale: float) -> None:
    model = ClickModel(70_000, 6, 32, sparse=False).to(device)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
    batch = int(4096 * scale)
    for _ in range(steps):
        numbers = torch.rand(batch, 13).to(device)
        categories = torch.randint(0, 70_000, (batch, 6, 2)).to(device)
        clicked = torch.randint(0, 2, (batch, 1)).float().to(device)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(numbers, categories), clicked).backward()
        optimizer.step()


def factorisation_adam(device: str, steps: int, scale: float) -> None:
    users, items = nn.Embedding(150_000, 64).to(device), nn.Embedding(60_000, 64).to(device)
    bias = nn.Embedding(60_000, 1).to(device)
    optimizer = torch.optim.Adam([*users.parameters(), *items.parameters(), *bias.parameters()], lr=1e-3)
    batch = int(16384 * scale)
    for _ in range(steps):
        who = torch.randint(0, 150_000, (batch,), device=device)
        what = torch.randint(0, 60_000, (batch,), device=device)
        score = (users(who) * items(what)).sum(dim=1) + bias(what).squeeze(1)
        loss = F.mse_loss(score, torch.rand(batch, device=device) * 5)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def two_towers_softmax(device: str, steps: int, scale: float) -> None:
    users, items = nn.Embedding(80_000, 96), nn.Embedding(80_000, 96)
    left = nn.Sequential(nn.Linear(96, 512), nn.ReLU(), nn.Linear(512, 128))
    right = nn.Sequential(nn.Linear(96, 512), nn.ReLU(), nn.Linear(512, 128))
    model = nn.ModuleList([users, items, left, right]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batch = int(2048 * scale)
    for _ in range(steps):
        who = torch.randint(0, 80_000, (batch,), device=device)
        what = torch.randint(0, 80_000, (batch,), device=device)
        similar = F.normalize(left(users(who)), dim=1) @ F.normalize(right(items(what)), dim=1).T
        loss = F.cross_entropy(similar / 0.05, torch.arange(batch, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def session_transformer_adam(device: str, steps: int, scale: float) -> None:
    items, positions = nn.Embedding(30_000, 128, padding_idx=0), nn.Embedding(50, 128)
    layer = nn.TransformerEncoderLayer(128, 2, 256, dropout=0.2, batch_first=True)
    encode = nn.TransformerEncoder(layer, 2)
    model = nn.ModuleList([items, positions, encode]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=True)
    batch = int(128 * scale)
    causal = torch.triu(torch.ones(50, 50, dtype=torch.bool, device=device), diagonal=1)
    for _ in range(steps):
        history = torch.randint(1, 30_000, (batch, 50), device=device)
        states = encode(items(history) + positions.weight, mask=causal)
        good = torch.randint(1, 30_000, (batch, 50), device=device)
        bad = torch.randint(1, 30_000, (batch, 50), device=device)
        margin = (states * items(good)).sum(dim=-1) - (states * items(bad)).sum(dim=-1)
        optimizer.zero_grad()
        (-F.logsigmoid(margin).mean()).backward()
        optimizer.step()
