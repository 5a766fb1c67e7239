"""Trains a small residual network on drawn shapes: mixed precision, loader workers, channels-last, SGD with momentum.

python examples/train_cnn.py --device=cpu --batch_size=8 --samples=32 --epochs=1 --width=16 --image_size=32
memfit estimate --on t4 examples/train_cnn.py --batch_size=256
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

CLASSES = ("disc", "square", "ring", "cross")


class Shapes(Dataset):
    """One of four shapes at a random place and size, on noise."""

    def __init__(self, samples, size):
        self.samples = samples
        self.size = size
        axis = torch.arange(size)
        self.y, self.x = torch.meshgrid(axis, axis, indexing="ij")

    def __len__(self):
        return self.samples

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        label = index % len(CLASSES)
        radius = int(torch.randint(self.size // 8, self.size // 4, (1,), generator=generator))
        row, column = torch.randint(radius, self.size - radius, (2,), generator=generator).tolist()
        dy, dx = self.y - row, self.x - column
        distance = (dy**2 + dx**2).sqrt()
        mask = (
            distance < radius,
            torch.maximum(dy.abs(), dx.abs()) < radius,
            (distance < radius) & (distance > 0.6 * radius),
            (torch.minimum(dy.abs(), dx.abs()) < radius / 4) & (torch.maximum(dy.abs(), dx.abs()) < radius),
        )[label]
        image = torch.rand(3, self.size, self.size, generator=generator) * 0.3
        return image + mask * torch.rand(3, 1, 1, generator=generator), label


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x), inplace=True)


def residual_network(width, classes):
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    inputs = width
    for stage in range(4):
        outputs = width << stage
        layers += [Residual(inputs, outputs, 1 if stage == 0 else 2), Residual(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(inputs, classes))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=4096)
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    on_gpu = args.device.startswith("cuda")
    device = torch.device(args.device)
    loading = {"batch_size": args.batch_size, "num_workers": args.workers, "pin_memory": on_gpu}
    train_loader = DataLoader(Shapes(args.samples, args.image_size), shuffle=True, drop_last=True, **loading)
    test_loader = DataLoader(Shapes(args.samples // 8, args.image_size), **loading)
    model = residual_network(args.width, len(CLASSES)).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * len(train_loader))
    scaler = torch.amp.GradScaler(device.type, enabled=on_gpu)

    for epoch in range(args.epochs):
        model.train()
        total_loss = 0.0
        for images, labels in train_loader:
            images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            optimizer.zero_grad()
            with torch.autocast(device.type, dtype=torch.float16, enabled=on_gpu):
                loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            schedule.step()
            total_loss += loss.item()
        model.eval()
        correct = 0
        with torch.inference_mode():
            for images, labels in test_loader:
                images = images.to(device, memory_format=torch.channels_last)
                correct += (model(images).argmax(1) == labels.to(device)).sum().item()
        accuracy = correct / len(test_loader.dataset)
        print(f"epoch {epoch}: loss {total_loss / len(train_loader):.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
