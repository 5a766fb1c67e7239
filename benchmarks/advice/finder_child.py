"""One batch-size finder of others on the U-Net, in a process whose data may take so much: prints what it found.

python -m benchmarks.advice.finder_child accelerate|lightning BUDGET_BYTES
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

STEPS, FROM = 2, 64


def with_accelerate(unet: Any) -> int:
    """accelerate goes down from a batch that is too large."""
    from accelerate.utils import find_executable_batch_size

    @find_executable_batch_size(starting_batch_size=FROM)
    def train(batch_size: int) -> int:
        unet.train(batch_size=batch_size, steps=STEPS)
        return batch_size

    found: int = train()
    return found


def with_lightning(unet: Any) -> int:
    """Lightning doubles and then halves the interval."""
    import lightning
    import torch
    from lightning.pytorch.tuner import Tuner

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.batch_size = unet.UNet(), 2

        def training_step(self, batch: Any, index: int) -> Any:
            (images,) = batch
            out = self.model(images)
            return torch.nn.functional.binary_cross_entropy_with_logits(out, torch.ones_like(out))

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

        def train_dataloader(self) -> Any:
            images = torch.utils.data.TensorDataset(torch.rand(3, 128, 128).expand(FROM * 8, 3, 128, 128))
            return torch.utils.data.DataLoader(images, batch_size=self.batch_size)

    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, max_epochs=1
    )
    found = Tuner(trainer).scale_batch_size(module, mode="binsearch", init_val=2, steps_per_trial=STEPS)
    return int(found or 0)


def main() -> None:
    from benchmarks.advice.jobs import unet

    finder, budget = sys.argv[1], int(sys.argv[2])
    find = {"accelerate": with_accelerate, "lightning": with_lightning}[finder]
    resource.setrlimit(resource.RLIMIT_DATA, (budget, budget))
    began = time.monotonic()
    print("\n" + json.dumps({"batch": find(unet), "seconds": round(time.monotonic() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
