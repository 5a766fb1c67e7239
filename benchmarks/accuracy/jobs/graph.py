"""Graph neural networks over edge lists: messages gathered with indexing, summed with index_add and scatter."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def random_graph(nodes: int, edges: int, device: str) -> tuple[Tensor, Tensor]:
    return torch.randint(0, nodes, (edges,), device=device), torch.randint(0, nodes, (edges,), device=device)


def gcn_index_add_adam(device: str, steps: int, scale: float) -> None:
    nodes, edges = int(20000 * scale), int(120000 * scale)
    sources, targets = random_graph(nodes, edges, device)
    features = torch.randn(nodes, 128, device=device)
    labels = torch.randint(0, 40, (nodes,), device=device)
    layers = nn.ModuleList([nn.Linear(128, 128), nn.Linear(128, 128), nn.Linear(128, 40)]).to(device)
    optimizer = torch.optim.Adam(layers.parameters(), lr=0.01, weight_decay=5e-4)
    degree = torch.ones(nodes, device=device).index_add_(0, targets, torch.ones(edges, device=device))
    for _ in range(steps):
        states = features
        for index, layer in enumerate(layers):
            states = layer(states)
            summed = torch.zeros_like(states).index_add_(0, targets, states[sources])
            states = (states + summed) / degree[:, None]
            if index < 2:
                states = F.dropout(F.relu(states), 0.5)
        optimizer.zero_grad()
        F.cross_entropy(states, labels).backward()
        optimizer.step()


def sage_scatter_mean_adamw(device: str, steps: int, scale: float) -> None:
    nodes, edges = int(18000 * scale), int(120000 * scale)
    features = torch.randn(nodes, 100, device=device)
    own = nn.ModuleList([nn.Linear(100, 192), nn.Linear(192, 47)]).to(device)
    other = nn.ModuleList([nn.Linear(100, 192), nn.Linear(192, 47)]).to(device)
    optimizer = torch.optim.AdamW([*own.parameters(), *other.parameters()], lr=3e-3)
    for _ in range(steps):
        sources, targets = random_graph(nodes, edges, device)
        states = features
        for mine, theirs in zip(own, other, strict=True):
            where = targets[:, None].expand(-1, states.shape[1])
            summed = torch.zeros_like(states).scatter_add(0, where, states.index_select(0, sources))
            count = torch.zeros(nodes, device=device).scatter_add(0, targets, torch.ones_like(targets).float())
            states = F.relu(mine(states) + theirs(summed / count.clamp(min=1)[:, None]))
        optimizer.zero_grad()
        F.nll_loss(states.log_softmax(dim=1), torch.randint(0, 47, (nodes,), device=device)).backward()
        optimizer.step()


def gat_scatter_softmax_adam(device: str, steps: int, scale: float) -> None:
    nodes, edges, heads, width = int(6000 * scale), int(60000 * scale), 4, 32
    sources, targets = random_graph(nodes, edges, device)
    project = nn.ModuleList([nn.Linear(64, heads * width), nn.Linear(heads * width, heads * width)]).to(device)
    score = nn.ParameterList([nn.Parameter(torch.randn(2, heads, width, device=device)) for _ in range(2)])
    head = nn.Linear(heads * width, 7).to(device)
    optimizer = torch.optim.Adam([*project.parameters(), *score, *head.parameters()], lr=5e-3)
    features = torch.randn(nodes, 64, device=device)
    for _ in range(steps):
        states = features
        for layer, weight in zip(project, score, strict=True):
            values = layer(states).view(nodes, heads, width)
            left, right = (values * weight[0]).sum(dim=-1), (values * weight[1]).sum(dim=-1)
            logits = F.leaky_relu(left[sources] + right[targets], 0.2)
            where = targets[:, None].expand(-1, heads)
            top = torch.full((nodes, heads), -1e9, device=device).scatter_reduce(0, where, logits.detach(), "amax")
            weights = (logits - top[targets]).exp()
            total = torch.zeros(nodes, heads, device=device).scatter_add(0, where, weights)
            messages = values[sources] * (weights / total[targets]).unsqueeze(-1)
            states = torch.zeros_like(values).index_add(0, targets, messages).flatten(1)
            states = F.elu(states)
        optimizer.zero_grad()
        F.cross_entropy(head(states), torch.randint(0, 7, (nodes,), device=device)).backward()
        optimizer.step()


def molecules_edge_network_adam(device: str, steps: int, scale: float) -> None:
    graphs = int(128 * scale)
    nodes, edges = graphs * 24, graphs * 52
    message = nn.Sequential(nn.Linear(64 + 64 + 16, 256), nn.SiLU(), nn.Linear(256, 64)).to(device)
    update = nn.GRUCell(64, 64).to(device)
    read = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1)).to(device)
    optimizer = torch.optim.Adam([*message.parameters(), *update.parameters(), *read.parameters()], lr=1e-3)
    owner = torch.arange(graphs, device=device).repeat_interleave(24)
    for _ in range(steps):
        sources, targets = random_graph(nodes, edges, device)
        bonds = torch.randn(edges, 16, device=device)
        states = torch.randn(nodes, 64, device=device)
        for _ in range(6):
            sent = message(torch.cat([states[sources], states[targets], bonds], dim=1))
            states = update(torch.zeros_like(states).index_add(0, targets, sent), states)
        energy = torch.zeros(graphs, 1, device=device).index_add(0, owner, read(states))
        optimizer.zero_grad()
        F.mse_loss(energy, torch.randn(graphs, 1, device=device)).backward()
        optimizer.step()
