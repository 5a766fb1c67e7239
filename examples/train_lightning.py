"""Trains a denoising U-Net with Lightning: the training loop, precision and device are the trainer's business.

python examples/train_lightning.py --width=8 --image_size=32 --batch_size=4 --samples=16 --max_steps=2
memfit estimate --on rtx3060 examples/train_lightning.py --batch_size=32
"""

import argparse
import itertools

import lightning
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def double_conv(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
    )


class UNet(nn.Module):
    def __init__(self, width, depth=3):
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.stem = double_conv(3, width)
        self.down = nn.ModuleList(double_conv(a, b) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(double_conv(a + b, a) for a, b in itertools.pairwise(widths))
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, x):
        kept = [self.stem(x)]
        for block in self.down:
            kept.append(block(F.max_pool2d(kept[-1], 2)))
        y = kept.pop()
        for block in reversed(self.up):
            y = block(torch.cat([F.interpolate(y, scale_factor=2), kept.pop()], dim=1))
        return self.head(y)


class Denoiser(lightning.LightningModule):
    def __init__(self, width, lr):
        super().__init__()
        self.save_hyperparameters()
        self.net = UNet(width)

    def _loss(self, batch):
        (images,) = batch
        noisy = images + 0.5 * torch.randn_like(images)
        return F.mse_loss(self.net(noisy), images)

    def training_step(self, batch, batch_idx):
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 10)}


def waves(samples, size):
    """Sums of random plane waves, in colour."""
    axis = torch.linspace(0, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    direction = torch.randn(samples, 3, 2, 1, 1) * 12
    return torch.sin(direction[:, :, 0] * x + direction[:, :, 1] * y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--image_size", type=int, default=128)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--max_steps", type=int, default=100)
    args = parser.parse_args()

    lightning.seed_everything(0)
    images = waves(args.samples, args.image_size)
    train = DataLoader(TensorDataset(images[: -len(images) // 8]), batch_size=args.batch_size, shuffle=True)
    val = DataLoader(TensorDataset(images[-len(images) // 8 :]), batch_size=args.batch_size)
    trainer = lightning.Trainer(
        max_steps=args.max_steps,
        accelerator="auto",
        devices=1,
        precision="16-mixed" if torch.cuda.is_available() else "32-true",
        gradient_clip_val=1.0,
        accumulate_grad_batches=2,
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(Denoiser(args.width, args.lr), train, val)


if __name__ == "__main__":
    main()
