"""Two networks that train each other: two optimizers step in every iteration."""

import torch
from torch import nn
from torch.nn import functional as F

bs = 96
torch.manual_seed(0)


def upwards(inputs, outputs):
    return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def downwards(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


generator = nn.Sequential(
    nn.Linear(100, 96 * 16), nn.Unflatten(1, (96, 4, 4)),
    *upwards(96, 64), *upwards(64, 32), *upwards(32, 16), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh(),
)  # fmt: skip
critic = nn.Sequential(
    *downwards(3, 16), *downwards(16, 32), *downwards(32, 64), *downwards(64, 96), nn.Flatten(), nn.Linear(1536, 1)
)
generator_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
for _iteration in range(8):
    real, made = torch.rand(bs, 3, 64, 64), generator(torch.randn(bs, 100))
    ones, zeros = torch.ones(bs, 1), torch.zeros(bs, 1)
    critic_loss = F.binary_cross_entropy_with_logits(critic(real), ones)
    critic_loss = critic_loss + F.binary_cross_entropy_with_logits(critic(made.detach()), zeros)
    critic_optimizer.zero_grad()
    critic_loss.backward()
    critic_optimizer.step()
    generator_loss = F.binary_cross_entropy_with_logits(critic(made), ones)
    generator_optimizer.zero_grad()
    generator_loss.backward()
    generator_optimizer.step()
