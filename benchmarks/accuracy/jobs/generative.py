"""Images from noise: U-Nets, a diffusion model with an averaged copy, GANs with and without gradient penalty."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Double(nn.Sequential):
    """Two convolutions with group norm, as U-Nets have them at every level."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.SiLU(),
        )  # fmt: skip


class UNet(nn.Module):
    """Three levels down and up with skip connections; an optional time embedding is added at the bottom."""

    def __init__(self, channels: int, outputs: int, width: int, timed: bool = False) -> None:
        super().__init__()
        self.down1, self.down2 = Double(channels, width), Double(width, 2 * width)
        self.bottom = Double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.join2 = Double(4 * width, 2 * width)
        self.up1 = nn.Upsample(scale_factor=2, mode="bilinear")
        self.join1 = Double(3 * width, width)
        self.last = nn.Conv2d(width, outputs, 1)
        self.time = nn.Sequential(nn.Linear(64, 256), nn.SiLU(), nn.Linear(256, 4 * width)) if timed else None

    def forward(self, images: Tensor, time: Tensor | None = None) -> Tensor:
        first = self.down1(images)
        second = self.down2(F.max_pool2d(first, 2))
        bottom = self.bottom(F.max_pool2d(second, 2))
        if self.time is not None and time is not None:
            frequencies = torch.exp(torch.linspace(0, -6, 32, device=images.device))
            angles = time[:, None].float() * frequencies[None]
            bottom = bottom + self.time(torch.cat([angles.sin(), angles.cos()], dim=1))[:, :, None, None]
        up = self.join2(torch.cat([self.up2(bottom), second], dim=1))
        up = self.join1(torch.cat([self.up1(up), first], dim=1))
        return self.last(up)


def unet_segmentation_adam(device: str, steps: int, scale: float) -> None:
    model = UNet(3, 21, 24).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(4 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 128, 128).to(device)
        masks = torch.randint(0, 21, (batch, 128, 128)).to(device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), masks, ignore_index=0).backward()
        optimizer.step()


def unet_dice_momentum(device: str, steps: int, scale: float) -> None:
    model = UNet(1, 1, 16).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.99)
    batch = int(3 * scale)
    for _ in range(steps):
        scans = torch.randn(batch, 1, 192, 192, device=device)
        masks = (torch.rand(batch, 1, 192, 192, device=device) > 0.5).float()
        predicted = torch.sigmoid(model(scans))
        overlap = (predicted * masks).sum(dim=(2, 3))
        loss = 1 - ((2 * overlap + 1) / (predicted.sum(dim=(2, 3)) + masks.sum(dim=(2, 3)) + 1)).mean()
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()


def diffusion_ema_adamw(device: str, steps: int, scale: float) -> None:
    model = UNet(3, 3, 24, timed=True).to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), dim=0).to(device)
    batch = int(16 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 64, 64).to(device)
        time = torch.randint(0, 1000, (batch,), device=device)
        noise = torch.randn_like(images)
        kept = alphas[time][:, None, None, None]
        noisy = kept.sqrt() * images + (1 - kept).sqrt() * noise
        loss = F.mse_loss(model(noisy, time), noise)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                slow.mul_(0.999).add_(fast, alpha=0.001)


def diffusion_autocast_scaler(device: str, steps: int, scale: float) -> None:
    kind = torch.device(device).type
    model = UNet(4, 4, 24, timed=True).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    scaler = torch.amp.GradScaler(kind, enabled=kind == "cuda")
    batch = int(28 * scale)
    for _ in range(steps):
        latents = torch.randn(batch, 4, 64, 64, device=device)
        time = torch.randint(0, 1000, (batch,), device=device)
        with torch.autocast(kind, dtype=torch.float16 if kind == "cuda" else torch.bfloat16):
            loss = F.mse_loss(model(latents, time).float(), latents)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()


def generator(latent: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(latent, width * 4, 4, 1, 0, bias=False), nn.BatchNorm2d(width * 4), nn.ReLU(True),
        nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width * 2), nn.ReLU(True),
        nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
        nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip


def critic(width: int, normalised: bool) -> nn.Sequential:
    def norm(channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels) if normalised else nn.Identity()

    return nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, width * 2, 4, 2, 1), norm(width * 2), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width * 2, width * 4, 4, 2, 1), norm(width * 4), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width * 4, 1, 4, 1, 0), nn.Flatten(),
    )  # fmt: skip


def dcgan_adam(device: str, steps: int, scale: float) -> None:
    generate, judge = generator(100, 40).to(device), critic(40, normalised=True).to(device)
    adam_g = torch.optim.Adam(generate.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(judge.parameters(), lr=2e-4, betas=(0.5, 0.999))
    batch = int(320 * scale)
    ones, zeros = torch.ones(batch, 1, device=device), torch.zeros(batch, 1, device=device)
    for _ in range(steps):
        real = torch.randn(batch, 3, 32, 32).to(device)
        fake = generate(torch.randn(batch, 100, 1, 1, device=device))
        judge.zero_grad()
        F.binary_cross_entropy_with_logits(judge(real), ones).backward()
        F.binary_cross_entropy_with_logits(judge(fake.detach()), zeros).backward()
        adam_d.step()
        generate.zero_grad()
        F.binary_cross_entropy_with_logits(judge(fake), ones).backward()
        adam_g.step()


def wgan_gradient_penalty(device: str, steps: int, scale: float) -> None:
    generate, judge = generator(64, 32).to(device), critic(48, normalised=False).to(device)
    adam_g = torch.optim.Adam(generate.parameters(), lr=1e-4, betas=(0.0, 0.9))
    adam_c = torch.optim.Adam(judge.parameters(), lr=1e-4, betas=(0.0, 0.9))
    batch = int(256 * scale)
    for step in range(steps):
        real = torch.randn(batch, 3, 32, 32, device=device)
        fake = generate(torch.randn(batch, 64, 1, 1, device=device)).detach()
        mix = torch.rand(batch, 1, 1, 1, device=device)
        between = (mix * real + (1 - mix) * fake).requires_grad_(True)
        slope = torch.autograd.grad(judge(between).sum(), between, create_graph=True)[0]
        penalty = (slope.flatten(1).norm(2, dim=1) - 1).square().mean()
        loss = judge(fake).mean() - judge(real).mean() + 10 * penalty
        adam_c.zero_grad()
        loss.backward()
        adam_c.step()
        if step % 2 == 1:
            adam_g.zero_grad()
            (-judge(generate(torch.randn(batch, 64, 1, 1, device=device))).mean()).backward()
            adam_g.step()


def pix2pix_patch_gan(device: str, steps: int, scale: float) -> None:
    translate, judge = UNet(3, 3, 16).to(device), critic(32, normalised=True).to(device)
    adam_g = torch.optim.AdamW(translate.parameters(), lr=2e-4)
    adam_d = torch.optim.AdamW(judge.parameters(), lr=2e-4)
    batch = int(6 * scale)
    for _ in range(steps):
        source = torch.randn(batch, 3, 128, 128, device=device)
        target = torch.randn(batch, 3, 128, 128, device=device)
        made = translate(source)
        adam_d.zero_grad()
        loss = F.softplus(-judge(target)).mean() + F.softplus(judge(made.detach())).mean()
        loss.backward()
        adam_d.step()
        adam_g.zero_grad()
        (F.softplus(-judge(made)).mean() + 100 * F.l1_loss(made, target)).backward()
        adam_g.step()
