"""Changes to data loaders."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from memfit.frameworks.torch.surface.patching import Patches


def use_batch(value: dict[str, int], patches: Patches) -> None:
    """Loaders that were asked for batches of one size make others.

    Args:
        value: "old" and "new".
        patches: keeps what was there before.
    """
    old_init = DataLoader.__init__

    def init(loader: Any, dataset: Any, batch_size: Any = 1, *args: Any, **kwargs: Any) -> None:
        old_init(loader, dataset, value["new"] if batch_size == value["old"] else batch_size, *args, **kwargs)

    patches.set(DataLoader, "__init__", init)
