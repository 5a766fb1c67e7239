"""Convolutional classifiers: VGG-, ResNet- and MobileNet-like, one in three dimensions, one over sequences."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.relu(self.norm1(self.conv1(images)))
        return self.relu(self.norm2(self.conv2(hidden)) + self.shortcut(images))


class ResNet(nn.Module):
    """A ResNet of four stages; ``checkpointed`` recomputes every block in the backward pass."""

    def __init__(self, width: int = 32, blocks: int = 2, classes: int = 100, checkpointed: bool = False) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        stages, channels = [], width
        for stage in range(4):
            for block in range(blocks):
                outputs = width * 2**stage
                stages.append(Residual(channels, outputs, 2 if block == 0 and stage > 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(stages)
        self.head = nn.Linear(channels, classes)

    def features(self, images: Tensor) -> Tensor:
        hidden = self.stem(images)
        for block in self.blocks:
            hidden = checkpoint(block, hidden, use_reentrant=False) if self.checkpointed else block(hidden)
        return hidden.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def images_and_labels(batch: int, size: int, classes: int, device: str) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, size, size).to(device), torch.randint(0, classes, (batch,)).to(device)


def vgg_sgd(device: str, steps: int, scale: float) -> None:
    layers: list[nn.Module] = []
    channels = 3
    for outputs in (32, 32, "pool", 64, 64, "pool", 128, 128, "pool", 256, "pool"):
        if outputs == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(channels, int(outputs), 3, padding=1), nn.ReLU(inplace=True)]
        channels = int(outputs)
    classifier = [nn.Flatten(), nn.Linear(256 * 16, 2048), nn.ReLU(), nn.Dropout(), nn.Linear(2048, 100)]
    model = nn.Sequential(*layers, *classifier).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(steps):
        images, labels = images_and_labels(int(28 * scale), 64, 100, device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def resnet_momentum(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=16).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for _ in range(steps):
        images, labels = images_and_labels(int(128 * scale), 32, 100, device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        schedule.step()


def resnet_channels_last_adamw(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=16).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(steps):
        images, labels = images_and_labels(int(36 * scale), 64, 100, device)
        images = images.contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def resnet_checkpoint(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=16, checkpointed=True).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        images, labels = images_and_labels(int(56 * scale), 64, 100, device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def resnet_autocast(device: str, steps: int, scale: float) -> None:
    kind = torch.device(device).type
    model = ResNet(width=16).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        images, labels = images_and_labels(int(56 * scale), 64, 100, device)
        optimizer.zero_grad()
        with torch.autocast(kind, dtype=torch.bfloat16):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()


def resnet_frozen_backbone(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=24, classes=20).to(device)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.head = nn.Sequential(nn.Linear(24 * 8, 1024), nn.ReLU(), nn.Linear(1024, 20)).to(device)
    for parameter in model.blocks[-1].parameters():
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam([item for item in model.parameters() if item.requires_grad], lr=1e-3)
    for _ in range(steps):
        images, labels = images_and_labels(int(80 * scale), 64, 20, device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


class InvertedResidual(nn.Module):
    """Expand, depthwise, project: the MobileNet block."""

    def __init__(self, channels: int, outputs: int, stride: int, expand: int = 4) -> None:
        super().__init__()
        hidden = channels * expand
        self.shortcut = stride == 1 and channels == outputs
        self.body = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.Hardswish(),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        return images + self.body(images) if self.shortcut else self.body(images)


def mobilenet_rmsprop(device: str, steps: int, scale: float) -> None:
    plan = [(16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 40, 2), (40, 40, 1), (40, 80, 2), (80, 80, 1)]
    blocks = [InvertedResidual(*row) for row in plan]
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(80, 1000)
    ).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, momentum=0.9)
    for _ in range(steps):
        images, labels = images_and_labels(int(24 * scale), 128, 1000, device)
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def resnet_evaluation_ema(device: str, steps: int, scale: float) -> None:
    model = ResNet(width=32, blocks=1).to(device)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=False)
    for step in range(steps):
        images, labels = images_and_labels(int(24 * scale), 64, 100, device)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        with torch.no_grad():
            for kept, now in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(now, 0.01)
            if step % 2 == 1:
                images, labels = images_and_labels(int(96 * scale), 64, 100, device)
                F.cross_entropy(average(images), labels)


def video_conv3d_adam(device: str, steps: int, scale: float) -> None:
    model = nn.Sequential(
        nn.Conv3d(3, 16, 3, padding=1), nn.BatchNorm3d(16), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(16, 32, 3, padding=1), nn.BatchNorm3d(32), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(64, 50),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = int(9 * scale)
    for _ in range(steps):
        clips = torch.randn(batch, 3, 16, 64, 64, device=device)
        optimizer.zero_grad()
        F.cross_entropy(model(clips), torch.randint(0, 50, (batch,), device=device)).backward()
        optimizer.step()


def audio_conv1d_adamw(device: str, steps: int, scale: float) -> None:
    layers: list[nn.Module] = []
    for level, (inputs, outputs) in enumerate([(1, 64), (64, 64), (64, 64), (64, 64), (64, 64)]):
        dilation = 2**level
        layers += [nn.Conv1d(inputs, outputs, 3, padding=dilation, dilation=dilation), nn.GroupNorm(8, outputs)]
        layers.append(nn.LeakyReLU(0.1))
    model = nn.Sequential(*layers, nn.Conv1d(64, 1, 1)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = int(3 * scale)
    for _ in range(steps):
        noisy = torch.randn(batch, 1, 16000, device=device)
        clean = torch.randn(batch, 1, 16000, device=device)
        optimizer.zero_grad()
        F.l1_loss(model(noisy), clean).backward()
        optimizer.step()
