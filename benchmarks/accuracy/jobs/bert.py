"""Encoder-only language models: masked language modelling, classification with padding, frozen layers, distillation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.accuracy.jobs.attention import LanguageModel


class Sentences(Dataset[tuple[Tensor, Tensor]]):
    """Made-up token ids with a label each."""

    def __init__(self, count: int, length: int, vocabulary: int) -> None:
        self.ids = torch.randint(0, vocabulary, (count, length))
        self.labels = torch.randint(0, 2, (count,))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.ids[index], self.labels[index]


def bert_masked_adamw(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(16000, 128, 256, 3, 4, causal=False, kind="matmul", dropout=0.1, tied=True).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    batch = int(5 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 16000, (batch, 128)).to(device)
        hidden = torch.rand(batch, 128, device=device) < 0.15
        labels = ids.masked_fill(~hidden, -100)
        logits = model(ids.masked_fill(hidden, 3))
        loss = F.cross_entropy(logits.view(-1, 16000), labels.view(-1), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def bert_padding_mask_adam(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(8000, 256, 256, 4, 8, causal=False, dropout=0.1).to(device)
    head = nn.Linear(256, 2).to(device)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=2e-5)
    batch = int(6 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 8000, (batch, 256), device=device)
        lengths = torch.randint(64, 256, (batch, 1), device=device)
        mask = (torch.arange(256, device=device)[None] < lengths)[:, None, None, :]
        loss = F.cross_entropy(head(model.hidden(ids, mask)[:, 0]), torch.randint(0, 2, (batch,), device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def bert_frozen_layers(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(20000, 128, 384, 6, 6, causal=False).to(device)
    head = nn.Sequential(nn.Linear(384, 384), nn.Tanh(), nn.Linear(384, 2)).to(device)
    for part in (model.tokens, model.positions, model.blocks[:4], model.head):
        part.requires_grad_(False)
    trained = [item for item in model.parameters() if item.requires_grad]
    optimizer = torch.optim.AdamW([*trained, *head.parameters()], lr=1e-4)
    loader = DataLoader(Sentences(64, 128, 20000), batch_size=int(12 * scale), shuffle=True)
    done = 0
    while done < steps:
        for ids, labels in loader:
            loss = F.cross_entropy(head(model.hidden(ids.to(device)).mean(dim=1)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
            if done == steps:
                break


def bert_evaluation_between(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(8000, 128, 256, 3, 4, causal=False, kind="matmul", dropout=0.1).to(device)
    head = nn.Linear(256, 4).to(device)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-4, foreach=False)
    batch, right = int(8 * scale), 0
    for step in range(steps):
        model.train()
        ids, labels = torch.randint(0, 8000, (batch, 128)), torch.randint(0, 4, (batch,))
        loss = F.cross_entropy(head(model.hidden(ids.to(device))[:, 0]), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 2 == 0:
            model.eval()
            with torch.no_grad():
                ids = torch.randint(0, 8000, (batch * 4, 128), device=device)
                right += int((head(model.hidden(ids)[:, 0]).argmax(dim=1) == 0).sum())
    print(f"right: {right}")


def bert_distillation(device: str, steps: int, scale: float) -> None:
    teacher = LanguageModel(8000, 128, 384, 3, 6, causal=False).to(device).eval().requires_grad_(False)
    student = LanguageModel(8000, 128, 192, 3, 6, causal=False).to(device)
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-4)
    for _ in range(steps):
        ids = torch.randint(0, 8000, (int(6 * scale), 128), device=device)
        with torch.no_grad():
            wanted = F.softmax(teacher(ids) / 2, dim=-1)
        found = F.log_softmax(student(ids) / 2, dim=-1)
        loss = F.kl_div(found, wanted, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def bert_adapter_lora(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(16000, 128, 384, 6, 6, causal=False).to(device).requires_grad_(False)
    adapters = nn.ModuleList(
        nn.Sequential(nn.Linear(384, 8, bias=False), nn.Linear(8, 384, bias=False)) for _ in model.blocks
    ).to(device)
    head = nn.Linear(384, 3).to(device)
    optimizer = torch.optim.AdamW([*adapters.parameters(), *head.parameters()], lr=1e-3)
    batch = int(8 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 16000, (batch, 128), device=device)
        states = model.tokens(ids) + model.positions(torch.arange(128, device=device))
        for block, adapter in zip(model.blocks, adapters, strict=True):
            states = block(states) + adapter(states)
        loss = F.cross_entropy(head(states.mean(dim=1)), torch.randint(0, 3, (batch,), device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
