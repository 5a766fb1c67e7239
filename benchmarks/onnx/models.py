"""Writes models in ONNX's format: python benchmarks/onnx/models.py FOLDER

Runs where torch, transformers and onnx are; weights are random, the batch is left open.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn


def _cnn(width: int) -> nn.Module:
    layers: list[nn.Module] = []
    given = 3
    for level, channels in enumerate((width, 2 * width, 4 * width, 8 * width)):
        layers += [nn.Conv2d(given, channels, 3, 2 if level else 1, 1), nn.BatchNorm2d(channels), nn.ReLU()]
        layers += [nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU()]
        given = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, 10))


def _depthwise() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6()]
    for given, made, stride in ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 512, 2)):
        layers += [
            nn.Conv2d(given, given, 3, stride, 1, groups=given),
            nn.ReLU6(),
            nn.Conv2d(given, made, 1),
            nn.ReLU6(),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 100))


class _UNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.third = nn.Conv2d(2 * width, 4 * width, 3, 2, 1)
        self.up, self.join = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2), nn.Conv2d(4 * width, 2 * width, 3, 1, 1)
        self.last_up, self.last = nn.ConvTranspose2d(2 * width, width, 2, 2), nn.Conv2d(2 * width, width, 3, 1, 1)
        self.out = nn.Conv2d(width, 2, 1)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        first = self.first(given).relu()
        second = self.second(first).relu()
        joined = self.join(torch.cat([self.up(self.third(second).relu()), second], 1)).relu()
        return self.out(self.last(torch.cat([self.last_up(joined), first], 1)).relu())


class _Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.out = nn.LSTM(64, 256, 2, batch_first=True), nn.Linear(256, 5)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.out(self.cells(given)[0][:, -1])


class _Named(nn.Module):
    """One of transformers' models, called with its one input, giving its first output."""

    def __init__(self, model: nn.Module, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.model(**{self.name: given}, return_dict=False)[0]


def models() -> Iterator[tuple[str, nn.Module, torch.Tensor]]:
    """Each with an example of one."""
    from transformers import BertConfig, BertModel, ViTConfig, ViTModel

    small: dict[str, Any] = {"num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
    tokens = torch.zeros(1, 128, dtype=torch.long)
    yield (
        "mlp",
        nn.Sequential(nn.Linear(1000, 4000), nn.ReLU(), nn.Linear(4000, 4000), nn.ReLU(), nn.Linear(4000, 10)),
        torch.zeros(1, 1000),
    )
    yield "cnn", _cnn(32), torch.zeros(1, 3, 128, 128)
    yield "cnn-wide", _cnn(64), torch.zeros(1, 3, 64, 64)
    yield "bert", _Named(BertModel(BertConfig(hidden_size=256, **small)), "input_ids"), tokens
    yield "lstm", _Lstm(), torch.zeros(1, 64, 64)
    yield "unet", _UNet(32), torch.zeros(1, 3, 128, 128)
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    yield "encoder", nn.TransformerEncoder(layer, 4), torch.zeros(1, 64, 256)
    yield "vit", _Named(ViTModel(ViTConfig(hidden_size=256, **small)), "pixel_values"), torch.zeros(1, 3, 224, 224)
    yield "depthwise", _depthwise(), torch.zeros(1, 3, 160, 160)
    yield "autoencoder", nn.Sequential(nn.Linear(4096, 512), nn.ReLU(), nn.Linear(512, 4096)), torch.zeros(1, 4096)


def main() -> None:
    """Write those that are not there yet."""
    folder = Path(sys.argv[1])
    for name, model, example in models():
        path = folder / f"{name}.onnx"
        if not path.exists():
            open_batch = {"given": {0: "batch"}, "made": {0: "batch"}}
            torch.onnx.export(
                model.eval(), (example,), str(path), input_names=["given"], output_names=["made"],
                dynamic_axes=open_batch, dynamo=False,
            )  # fmt: skip
            print(path, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main()
