"""Vision transformers: plain, recomputed, in mixed precision, and a windowed one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint_sequential

from benchmarks.accuracy.jobs.attention import Block


class VisionTransformer(nn.Module):
    """Patches, a class token, blocks, a head; ``segments`` > 0 recomputes in that many reentrant segments."""

    def __init__(self, size: int, patch: int, width: int, depth: int, heads: int, segments: int = 0) -> None:
        super().__init__()
        self.segments = segments
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads, False, "sdpa", 0.1) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1000)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(images), -1, -1), tokens], dim=1) + self.positions
        if self.segments:
            tokens = checkpoint_sequential(self.blocks, self.segments, tokens, use_reentrant=True)
        else:
            tokens = self.blocks(tokens)
        return self.head(self.norm(tokens)[:, 0])


def vit_adamw(device: str, steps: int, scale: float) -> None:
    model = VisionTransformer(96, 8, 256, 5, 8).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    batch = int(8 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 96, 96).to(device)
        labels = torch.randint(0, 1000, (batch,)).to(device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def vit_checkpoint_sequential(device: str, steps: int, scale: float) -> None:
    model = VisionTransformer(96, 8, 256, 6, 4, segments=3).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batch = int(12 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 96, 96, device=device)
        labels = torch.randint(0, 1000, (batch,), device=device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def vit_autocast_scaler(device: str, steps: int, scale: float) -> None:
    kind = torch.device(device).type
    model = VisionTransformer(128, 16, 384, 6, 6).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler(kind, enabled=kind == "cuda")
    batch = int(12 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 128, 128, device=device)
        labels = F.one_hot(torch.randint(0, 1000, (batch,), device=device), 1000).float()
        with torch.autocast(kind, dtype=torch.float16 if kind == "cuda" else torch.bfloat16):
            loss = F.binary_cross_entropy_with_logits(model(images), labels)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


class WindowAttention(nn.Module):
    """Swin-like: attention within windows of 7x7 with a learnt relative bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(49, 49))
        self.norm, self.mlp = nn.LayerNorm(width), nn.Sequential(nn.Linear(width, 4 * width), nn.GELU())
        self.out = nn.Linear(4 * width, width)

    def forward(self, grid: Tensor, shift: int) -> Tensor:
        batch, height, width, channels = grid.shape
        rolled = torch.roll(grid, (-shift, -shift), dims=(1, 2)) if shift else grid
        windows = rolled.view(batch, height // 7, 7, width // 7, 7, channels)
        windows = windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, 49, channels)
        windows = windows + self.attention(windows, windows, windows, attn_mask=self.bias, need_weights=False)[0]
        grid = windows.view(batch, height // 7, width // 7, 7, 7, channels).permute(0, 1, 3, 2, 4, 5)
        grid = grid.reshape(batch, height, width, channels)
        return grid + self.out(self.mlp(self.norm(grid)))


def swin_like_adamw(device: str, steps: int, scale: float) -> None:
    embed = nn.Conv2d(3, 96, 4, 4).to(device)
    blocks = nn.ModuleList(WindowAttention(96, 3) for _ in range(4)).to(device)
    head = nn.Linear(96, 100).to(device)
    optimizer = torch.optim.AdamW([*embed.parameters(), *blocks.parameters(), *head.parameters()], lr=1e-3)
    batch = int(8 * scale)
    for _ in range(steps):
        grid = embed(torch.randn(batch, 3, 112, 112, device=device)).permute(0, 2, 3, 1)
        for index, block in enumerate(blocks):
            grid = block(grid, 3 * (index % 2))
        loss = F.cross_entropy(head(grid.mean(dim=(1, 2))), torch.randint(0, 100, (batch,), device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
