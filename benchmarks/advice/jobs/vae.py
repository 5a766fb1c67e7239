"""A variational autoencoder of convolutions, written as a function with its settings at the top."""

import torch
from torch import nn
from torch.nn import functional as F

CONFIG = {"latent": 128, "lr": 2e-4}
BATCH_SIZE = 128


def down(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1), nn.GroupNorm(8, outputs), nn.SiLU())


def up(inputs, outputs):
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.GroupNorm(8, outputs), nn.SiLU())


class Autoencoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.encoder = nn.Sequential(down(3, 16), down(16, 32), down(32, 64), down(64, 64), nn.Flatten())
        self.mean, self.spread = nn.Linear(64 * 36, latent), nn.Linear(64 * 36, latent)
        self.start = nn.Linear(latent, 64 * 36)
        self.decoder = nn.Sequential(up(64, 64), up(64, 32), up(32, 16), nn.ConvTranspose2d(16, 3, 4, 2, 1))

    def forward(self, images):
        hidden = self.encoder(images)
        mean, spread = self.mean(hidden), self.spread(hidden)
        sample = mean + torch.randn_like(mean) * (spread / 2).exp()
        return self.decoder(self.start(sample).view(-1, 64, 6, 6)), mean, spread


def loss_of(images, made, mean, spread):
    divergence = -0.5 * (1 + spread - mean.square() - spread.exp()).sum(1).mean()
    return F.mse_loss(made, images, reduction="sum") / len(images) + divergence


def main():
    torch.manual_seed(0)
    model = Autoencoder(CONFIG["latent"])
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG["lr"])
    history = []
    for _step in range(8):
        images = torch.rand(BATCH_SIZE, 3, 96, 96)
        loss = loss_of(images, *model(images))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        history.append(loss.item())


main()
