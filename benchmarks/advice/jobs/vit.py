"""A vision transformer with fused attention, its batches from a loader over images that are held whole."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=48)
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()
WIDTH, HEADS, LAYERS, PATCH, SIDE = 96, 4, 6, 8, 96


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        count, length, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(count, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(count, length, WIDTH)
        x = x + self.out(attended)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.places = nn.Parameter(torch.zeros(1, (SIDE // PATCH) ** 2, WIDTH))
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.head = nn.Linear(WIDTH, 100)

    def forward(self, images):
        return self.head(self.layers(self.patches(images).flatten(2).transpose(1, 2) + self.places).mean(1))


torch.manual_seed(0)
data = TensorDataset(torch.rand(960, 3, SIDE, SIDE), torch.randint(0, 100, (960,)))
loader = DataLoader(data, batch_size=args.batch_size, shuffle=True, drop_last=True)
model = VisionTransformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _epoch in range(args.epochs):
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
