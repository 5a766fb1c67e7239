"""Multi-layer perceptrons: wide and deep, with the optimizers people try first."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def perceptron(widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def mlp_wide_sgd(device: str, steps: int, scale: float) -> None:
    model = perceptron([784, 3072, 3072, 3072, 10]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batch = int(256 * scale)
    for _ in range(steps):
        inputs = torch.randn(batch, 784, device=device)
        labels = torch.randint(0, 10, (batch,), device=device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()


def mlp_momentum_accumulation(device: str, steps: int, scale: float) -> None:
    model = perceptron([1024, 2048, 2048, 2048, 100]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    batch, micro_batches = int(1024 * scale), 4
    for _ in range(steps):
        for _ in range(micro_batches):
            inputs = torch.randn(batch // micro_batches, 1024, device=device)
            labels = torch.randint(0, 100, (batch // micro_batches,), device=device)
            (F.cross_entropy(model(inputs), labels) / micro_batches).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)


class Normalised(nn.Module):
    """A deep narrow network with batch norm and dropout over tabular rows."""

    def __init__(self, features: int, width: int, depth: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(features, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(0.1))
            for _ in range(depth)
        )
        self.head = nn.Linear(width, 1)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.inputs(rows)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.head(hidden)


def mlp_tabular_adagrad(device: str, steps: int, scale: float) -> None:
    model = Normalised(64, 256, 6).to(device)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
    batch = int(8192 * scale)
    rows = TensorDataset(torch.randn(batch * 4, 64), torch.randn(batch * 4, 1))
    loader = DataLoader(rows, batch_size=batch, shuffle=True, drop_last=True)
    done = 0
    while done < steps:
        for features, target in loader:
            optimizer.zero_grad()
            F.mse_loss(model(features.to(device)), target.to(device)).backward()
            optimizer.step()
            done += 1
            if done == steps:
                break


def mlp_lbfgs(device: str, steps: int, scale: float) -> None:
    model = perceptron([256, 1536, 1536, 1]).to(device)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4, history_size=5)
    inputs = torch.randn(int(1536 * scale), 256, device=device)
    target = inputs.square().sum(dim=1, keepdim=True).sqrt()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(model(inputs), target)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


def mlp_rmsprop_clipping(device: str, steps: int, scale: float) -> None:
    model = perceptron([512, 2048, 4096, 2048, 512]).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, momentum=0.9, centered=True)
    for _ in range(steps):
        inputs = torch.randn(int(256 * scale), 512, device=device)
        loss = F.l1_loss(model(inputs), inputs)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def mlp_double_precision_adam(device: str, steps: int, scale: float) -> None:
    model = perceptron([64, 512, 512, 512, 512, 1]).double().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True)
    batch = int(4096 * scale)
    for _ in range(steps):
        points = torch.rand(batch, 64, dtype=torch.float64, device=device, requires_grad=True)
        value = torch.tanh(model(points))
        slope = torch.autograd.grad(value.sum(), points, create_graph=True)[0]
        loss = value.square().mean() + (slope.norm(dim=1) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
