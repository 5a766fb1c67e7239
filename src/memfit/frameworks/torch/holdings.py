"""Who holds memory in a running PyTorch job: by storage, counted once; nothing of the job is kept or changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memfit.quantities import Held


class Holdings:
    """Looks at the tensors of a process.

    Args:
        torch: the module.
        optimizers: those that have stepped.
    """

    def __init__(self, torch: Any, optimizers: Any) -> None:
        self._torch = torch
        self._optimizers = optimizers

    def look(self) -> Iterable[Held]:
        """Parameters, gradients, optimizer state."""
        return []
