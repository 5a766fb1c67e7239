"""A residual network on small images, SGD with momentum, gradients zeroed in the middle of the step."""

import torch
from torch import nn
from torch.nn import functional as F

BATCH_SIZE = 48


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 32, 3, 1, 1),
    Residual(32, 32, 1),
    Residual(32, 64, 2),
    Residual(64, 64, 1),
    Residual(64, 128, 2),
    Residual(128, 128, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _step in range(8):
    images, labels = torch.rand(BATCH_SIZE, 3, 64, 64), torch.randint(0, 10, (BATCH_SIZE,))
    loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
