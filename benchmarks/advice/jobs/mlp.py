"""Residual blocks of wide linear layers: parameters and optimizer states weigh more than activations."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

batch_size = 512
width = 768


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(8))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


torch.manual_seed(0)
data = TensorDataset(torch.randn(6144, width), torch.randint(0, 10, (6144,)))
loader = DataLoader(data, batch_size=batch_size)
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
