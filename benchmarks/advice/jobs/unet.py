"""A small U-Net on images: activations are nearly all there is."""

import torch
from torch import nn

images_per_batch = 8


class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = DoubleConv(3, 24), DoubleConv(24, 48), DoubleConv(48, 96)
        self.up1, self.up2 = nn.ConvTranspose2d(96, 48, 2, 2), nn.ConvTranspose2d(48, 24, 2, 2)
        self.join1, self.join2, self.out = DoubleConv(96, 48), DoubleConv(48, 24), nn.Conv2d(24, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        first = self.down1(x)
        second = self.down2(self.pool(first))
        x = self.up1(self.bottom(self.pool(second)))
        x = self.up2(self.join1(torch.cat([x, second], 1)))
        return self.out(self.join2(torch.cat([x, first], 1)))


def train(batch_size=images_per_batch, steps=8):
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        images = torch.rand(batch_size, 3, 128, 128)
        loss = nn.functional.binary_cross_entropy_with_logits(model(images), torch.ones(batch_size, 1, 128, 128))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    torch.manual_seed(0)
    train(batch_size=8)
