"""Siamese and contrastive training: triplets, SimCLR, a small CLIP, a momentum encoder with a queue."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.accuracy.jobs.attention import LanguageModel
from benchmarks.accuracy.jobs.cnn import ResNet


def siamese_triplet_adam(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=16, classes=128).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(16 * scale)
    for _ in range(steps):
        anchor, same, other = (model(torch.randn(batch, 3, 64, 64).to(device)) for _ in range(3))
        loss = F.triplet_margin_loss(anchor, same, other, margin=0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def simclr_momentum(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=16, blocks=1, classes=128).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=1e-6)
    batch = int(112 * scale)
    for _ in range(steps):
        views = torch.randn(2 * batch, 3, 32, 32, device=device)
        found = F.normalize(model(views), dim=1)
        similar = (found @ found.T / 0.5).masked_fill(torch.eye(2 * batch, device=device).bool(), -9e15)
        partner = torch.arange(2 * batch, device=device).roll(batch)
        loss = F.cross_entropy(similar, partner)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def clip_like_adamw(device: str, steps: int, scale: float) -> None:
    picture = ResNet(width=24, blocks=1, classes=256).to(device)
    words = LanguageModel(12000, 64, 256, 3, 4).to(device)
    temperature = nn.Parameter(torch.tensor(2.6, device=device))
    parameters = [*picture.parameters(), *words.parameters(), temperature]
    optimizer = torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.2)
    batch = int(32 * scale)
    for _ in range(steps):
        seen = F.normalize(picture(torch.randn(batch, 3, 64, 64, device=device)), dim=1)
        read = F.normalize(words.hidden(torch.randint(0, 12000, (batch, 64), device=device))[:, -1], dim=1)
        logits = temperature.exp() * seen @ read.T
        match = torch.arange(batch, device=device)
        loss = (F.cross_entropy(logits, match) + F.cross_entropy(logits.T, match)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module) -> None:
    for kept, now in zip(slow.parameters(), fast.parameters(), strict=True):
        kept.copy_(kept * 0.99 + now * 0.01)


def moco_queue_sgd(device: str, steps: int, scale: float) -> None:
    query = ResNet(width=24, blocks=1, classes=128).to(device)
    key = copy.deepcopy(query).requires_grad_(False)
    queue: Tensor = F.normalize(torch.randn(128, 65536, device=device), dim=0)
    optimizer = torch.optim.SGD(query.parameters(), lr=0.03, momentum=0.9)
    batch, place = int(64 * scale), 0
    for _ in range(steps):
        view = torch.randn(batch, 3, 32, 32, device=device)
        asked = F.normalize(query(view), dim=1)
        with torch.no_grad():
            follow(key, query)
            stored = F.normalize(key(view.flip(3)), dim=1)
        logits = torch.cat([(asked * stored).sum(dim=1, keepdim=True), asked @ queue.clone()], dim=1) / 0.07
        loss = F.cross_entropy(logits, torch.zeros(batch, dtype=torch.long, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        queue[:, place : place + batch] = stored.T
        place += batch
