"""Reinforcement learning: Q-learning with a replay store and a target network, a policy with clipped updates."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn


def dqn_replay_target(device: str, steps: int, scale: float) -> None:
    online = nn.Sequential(
        nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 6),
    ).to(device)  # fmt: skip
    target = copy.deepcopy(online)
    optimizer = torch.optim.RMSprop(online.parameters(), lr=2.5e-4)
    frames = torch.zeros(4000, 4, 84, 84, dtype=torch.uint8)
    batch = int(128 * scale)
    for step in range(steps):
        picked = torch.randint(0, 3999, (batch,))
        now = frames[picked].to(device).float() / 255
        after = frames[picked + 1].to(device).float() / 255
        action = torch.randint(0, 6, (batch, 1), device=device)
        with torch.no_grad():
            wanted = torch.rand(batch, device=device) + 0.99 * target(after).max(dim=1).values
        loss = F.smooth_l1_loss(online(now).gather(1, action).squeeze(1), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 4 == 3:
            target.load_state_dict(online.state_dict())


def ppo_clipped_adam(device: str, steps: int, scale: float) -> None:
    body = nn.Sequential(nn.Linear(376, 512), nn.Tanh(), nn.Linear(512, 512), nn.Tanh()).to(device)
    policy, critic = nn.Linear(512, 17).to(device), nn.Linear(512, 1).to(device)
    spread = nn.Parameter(torch.zeros(17, device=device))
    parameters = [*body.parameters(), *policy.parameters(), *critic.parameters(), spread]
    optimizer = torch.optim.Adam(parameters, lr=3e-4, eps=1e-5)
    rows = int(16384 * scale)
    for _ in range(steps):
        seen = torch.randn(rows, 376, device=device)
        with torch.no_grad():
            before = torch.distributions.Normal(policy(body(seen)), spread.exp(), validate_args=False)
            acted = before.sample()
            old, gain = before.log_prob(acted).sum(dim=1), torch.randn(rows, device=device)
        hidden = body(seen)
        current = torch.distributions.Normal(policy(hidden), spread.exp(), validate_args=False)
        ratio = (current.log_prob(acted).sum(dim=1) - old).exp()
        surrogate = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
        loss = 0.5 * (critic(hidden).squeeze(1) - gain).square().mean() - surrogate - 0.01 * current.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
