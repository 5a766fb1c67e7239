"""A recommender: large embeddings, a tower of linear layers, Adagrad, micro-batches that are accumulated."""

from itertools import pairwise

import torch
from torch import nn

batch_size, accumulation_steps = 8192, 2
USERS, ITEMS, WIDTH = 60_000, 40_000, 64


class Ranker(nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.items = nn.Embedding(USERS, WIDTH), nn.Embedding(ITEMS, WIDTH)
        widths = (2 * WIDTH, 256, 256, 128, 64)
        layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.1)) for a, b in pairwise(widths)]
        self.tower = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def forward(self, users, items):
        return self.tower(torch.cat([self.users(users), self.items(items)], 1)).squeeze(1)


torch.manual_seed(0)
model = Ranker()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
for _step in range(8):
    for _micro in range(accumulation_steps):
        users, items = torch.randint(0, USERS, (batch_size,)), torch.randint(0, ITEMS, (batch_size,))
        wanted = torch.rand(batch_size).round()
        loss = nn.functional.binary_cross_entropy_with_logits(model(users, items), wanted)
        (loss / accumulation_steps).backward()
    optimizer.step()
    optimizer.zero_grad()
