"""A job of small batches: what the frameworks' hooks cut, and what they saw. Runs within the job's process."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol


class Ledger(Protocol):
    """What follows a framework's own allocator through a job's steps."""

    def begin(self) -> None:
        """Called after each step; it begins with the first."""

    def told(self) -> dict[str, Any]:
        """As JSON."""


class SmallBatches:
    """Batches are cut to a part of their size.

    Args:
        divisor: what part; 1 cuts nothing.
        steps: training steps that are enough.
    """

    def __init__(self, divisor: int, steps: int) -> None:
        self.divisor = divisor
        self.least = 1  # examples of a batch that is cut
        self.steps = steps
        self._cut: dict[int, int] = {}
        self._models: dict[int, Any] = {}
        self._data: dict[int, int] = {}
        self._planned_bytes = 0
        self._at_the_end: list[Callable[[], object]] = []
        self._kept_bytes = 0
        self._convolutions: dict[bool, int] = {}
        self.ledger: Ledger | None = None  # of what a device would hold, where the job is to run as on one

    def cut(self, size: int) -> int:
        """The size that a batch is to have instead.

        >>> SmallBatches(8, 16).cut(100), SmallBatches(8, 16).cut(4)
        (12, 1)
        """
        if self.divisor > 1:
            self._cut[size] = max(size // self.divisor, min(self.least, size))
        return self._cut.get(size, size)

    def model(self, model: Any) -> None:
        """A model that is used."""
        self._models[id(model)] = model

    def data(self, data: Any) -> None:
        """What a model is given whole: arrays, and structures of them."""
        if isinstance(data, Mapping):
            data = list(data.values())
        if isinstance(data, (list, tuple)):
            for each in data:
                self.data(each)
        elif isinstance(getattr(data, "nbytes", None), int):
            self._data[id(data)] = data.nbytes

    def planned(self, size: int) -> None:
        """What a compiler plans for a program of the job, arguments and results included."""
        self._planned_bytes = max(self._planned_bytes, size)

    def kept(self, size: int) -> None:
        """Bytes of a variable whose gradients malloc keeps room for when they are freed."""
        self._kept_bytes = max(self._kept_bytes, size)

    def convolution(self, size: int, *, of_an_example: bool) -> None:
        """Bytes of the operands and the result of a convolution, of one example where the batch is left open."""
        self._convolutions[of_an_example] = max(self._convolutions.get(of_an_example, 0), size)

    def stepped(self) -> None:
        """A training step was made."""
        if self.ledger is not None:
            self.ledger.begin()

    def enough(self, steps: int) -> None:
        """The steps made are all that there are to be: fit() ends, and what follows it makes no more."""
        self.steps = steps
        for model in self._models.values():
            model.stop_training = True

    def at_the_end(self, call: Callable[[], object]) -> None:
        """To be called when the job has made its steps, before its peak is read."""
        self._at_the_end.append(call)

    def settle(self) -> None:
        """Let what is under way come to its end."""
        for call in self._at_the_end:
            call()

    def told(self) -> dict[str, Any]:
        """As JSON: the largest batch, what it was cut to, bytes of variables, of whole arrays, of the largest plan.

        ``kept_bytes`` are those of the largest variable of ``kept``, ``device`` what its ledger tells.
        """
        whole = max(self._cut, default=None)
        size = self._cut[whole] if whole is not None else 1
        optimizers = [getattr(model, "optimizer", None) for model in self._models.values()]
        weights = [each for model in self._models.values() for each in getattr(model, "variables", ())]
        slots = [each for one in optimizers if one is not None for each in getattr(one, "variables", ())]
        known = {id(each) for each in slots}
        return {
            "batch": whole,
            "cut": size if whole is not None else None,
            "parameters_bytes": _sum_bytes(each for each in weights if id(each) not in known),
            "optimizer_bytes": _sum_bytes(slots),
            "data_bytes": sum(self._data.values()),
            "planned_bytes": self._planned_bytes,
            "kept_bytes": self._kept_bytes,
            "convolution_bytes": max(self._convolutions.get(False, 0), self._convolutions.get(True, 0) * size),
            "device": None if self.ledger is None else self.ledger.told(),
        }


def _sum_bytes(variables: Iterable[Any]) -> int:
    """Bytes of variables, each once."""
    found = {}
    for each in variables:
        bits = re.search(r"(\d+)$", str(getattr(each, "dtype", "float32")))
        found[id(each)] = math.prod(each.shape) * (int(bits.group(1)) // 8 if bits else 1)
    return sum(found.values())
