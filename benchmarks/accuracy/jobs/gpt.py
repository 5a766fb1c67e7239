"""Decoder-only language models: each job one way in which people train them."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.accuracy.jobs.attention import LanguageModel, next_token_loss


def gpt_adamw_fused(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(8192, 256, 256, 3, 8, dropout=0.1).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
    for _ in range(steps):
        ids = torch.randint(0, 8192, (int(3 * scale), 256), device=device)
        loss = next_token_loss(model(ids), ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gpt_adamw_foreach(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(8192, 256, 384, 3, 8).to(device)
    decayed = [item for item in model.parameters() if item.dim() >= 2]
    plain = [item for item in model.parameters() if item.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=3e-4, foreach=True)
    for _ in range(steps):
        ids = torch.randint(0, 8192, (int(2 * scale), 256)).to(device)
        loss = next_token_loss(model(ids), ids)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def gpt_sgd(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(16000, 128, 256, 3, 4, kind="matmul", dropout=0.1).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        ids = torch.randint(0, 16000, (int(6 * scale), 128), device=device)
        optimizer.zero_grad()
        loss = next_token_loss(model(ids), ids)
        loss.backward()
        optimizer.step()


def gpt_tied_accumulation(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(12000, 192, 256, 4, 8, tied=True).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    for _ in range(steps):
        total = 0.0
        for _ in range(3):
            ids = torch.randint(0, 12000, (int(3 * scale), 192), device=device)
            loss = next_token_loss(model(ids), ids) / 3
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        print(f"loss {total:.3f}")


def gpt_autocast(device: str, steps: int, scale: float) -> None:
    kind = torch.device(device).type
    model = LanguageModel(8192, 256, 256, 3, 4).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(steps):
        ids = torch.randint(0, 8192, (int(4 * scale), 256), device=device)
        with torch.autocast(kind, dtype=torch.bfloat16):
            loss = next_token_loss(model(ids), ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gpt_bfloat16_weights(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(16000, 256, 512, 2, 8).to(device=device, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(steps):
        ids = torch.randint(0, 16000, (int(1 * scale), 256), device=device)
        loss = next_token_loss(model(ids).float(), ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gpt_checkpoint_reentrant(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(4096, 256, 256, 8, 8, dropout=0.1, recompute=True).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(steps):
        ids = torch.randint(0, 4096, (int(6 * scale), 256), device=device)
        loss = next_token_loss(model(ids), ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gpt_checkpoint_autocast(device: str, steps: int, scale: float) -> None:
    kind = torch.device(device).type
    model = LanguageModel(4096, 256, 256, 8, 8, kind="matmul", recompute=False).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(steps):
        ids = torch.randint(0, 4096, (int(6 * scale), 256), device=device)
        with torch.autocast(kind, dtype=torch.bfloat16):
            loss = next_token_loss(model(ids), ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def gpt_adafactor(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(10000, 128, 512, 3, 8).to(device)
    optimizer = torch.optim.Adafactor(model.parameters(), lr=1e-2)
    for _ in range(steps):
        ids = torch.randint(0, 10000, (int(2 * scale), 128), device=device)
        optimizer.zero_grad(set_to_none=False)
        next_token_loss(model(ids), ids).backward()
        optimizer.step()


def gpt_einsum_long_context(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(2048, 768, 128, 4, 4, kind="einsum").to(device)
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-4)
    for _ in range(steps):
        ids = torch.randint(0, 2048, (int(2 * scale), 768), device=device)
        optimizer.zero_grad()
        next_token_loss(model(ids), ids).backward()
        optimizer.step()


def gpt_optimizer_in_backward(device: str, steps: int, scale: float) -> None:
    model = LanguageModel(8192, 128, 512, 4, 8).to(device)
    optimizers = {item: torch.optim.Adam([item], lr=3e-4) for item in model.parameters()}

    def update(parameter: nn.Parameter) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(update)
    for _ in range(steps):
        ids = torch.randint(0, 8192, (int(4 * scale), 128), device=device)
        next_token_loss(model(ids), ids).backward()
