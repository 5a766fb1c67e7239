"""Autoencoders: convolutional, variational, vector-quantised, masked."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def encoder(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1), nn.ELU(),
        nn.Conv2d(width, width * 2, 4, 2, 1), nn.ELU(),
        nn.Conv2d(width * 2, outputs, 3, 1, 1),
    )  # fmt: skip


def decoder(width: int, inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, width * 2, 3, 1, 1), nn.ELU(),
        nn.ConvTranspose2d(width * 2, width, 4, 2, 1), nn.ELU(),
        nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip


def conv_autoencoder_adam(device: str, steps: int, scale: float) -> None:
    model = nn.Sequential(encoder(48, 32), decoder(48, 32)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        images = torch.rand(int(48 * scale), 3, 96, 96).to(device)
        loss = F.binary_cross_entropy(model(images), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def variational_mlp_adam(device: str, steps: int, scale: float) -> None:
    encode = nn.Sequential(nn.Linear(3072, 2048), nn.Softplus(), nn.Linear(2048, 1024)).to(device)
    decode = nn.Sequential(nn.Linear(512, 2048), nn.Softplus(), nn.Linear(2048, 3072)).to(device)
    optimizer = torch.optim.Adam([*encode.parameters(), *decode.parameters()], lr=1e-3)
    for _ in range(steps):
        images = torch.rand(int(512 * scale), 3072, device=device)
        mean, log_variance = encode(images).chunk(2, dim=1)
        latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        rebuilt = F.binary_cross_entropy_with_logits(decode(latent), images, reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        optimizer.zero_grad()
        (rebuilt + divergence).backward()
        optimizer.step()


class Quantiser(nn.Module):
    """The nearest of 512 codes, with straight-through gradients."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.codebook = nn.Embedding(codes, width)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        flat = latent.permute(0, 2, 3, 1).reshape(-1, latent.shape[1])
        nearest = torch.cdist(flat, self.codebook.weight).argmin(dim=1)
        chosen = self.codebook(nearest).view(latent.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)
        loss = F.mse_loss(chosen, latent.detach()) + 0.25 * F.mse_loss(latent, chosen.detach())
        return latent + (chosen - latent).detach(), loss


def vector_quantised_adam(device: str, steps: int, scale: float) -> None:
    encode, quantise, decode = encoder(32, 64).to(device), Quantiser(512, 64).to(device), decoder(32, 64).to(device)
    parameters = [*encode.parameters(), *quantise.parameters(), *decode.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=2e-4)
    for _ in range(steps):
        images = torch.rand(int(56 * scale), 3, 96, 96, device=device)
        latent, commitment = quantise(encode(images))
        loss = F.mse_loss(decode(latent), images) + commitment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def masked_autoencoder_adamw(device: str, steps: int, scale: float) -> None:
    layer = nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.0, batch_first=True, norm_first=True)
    encode = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False).to(device)
    embed, rebuild = nn.Linear(768, 256).to(device), nn.Linear(256, 768).to(device)
    mask_token = nn.Parameter(torch.zeros(1, 1, 256, device=device))
    parameters = [*encode.parameters(), *embed.parameters(), *rebuild.parameters(), mask_token]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95))
    batch = int(8 * scale)
    for _ in range(steps):
        patches = torch.randn(batch, 196, 768, device=device)
        order = torch.rand(batch, 196, device=device).argsort(dim=1)
        kept = order[:, :49].unsqueeze(-1)
        visible = encode(embed(torch.gather(patches, 1, kept.expand(-1, -1, 768))))
        full = mask_token.expand(batch, 196, 256).scatter(1, kept.expand(-1, -1, 256), visible)
        loss = (rebuild(encode(full)) - patches).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
