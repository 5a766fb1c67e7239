"""The optimizers that a recipe can be asked for; those of bitsandbytes by their layout, for machines without it.

Layout (bitsandbytes 0.50.2, optim/optimizer.py, init_state): one byte for each weight and state, one float32 for 256 of
them, and one table of 256 values for the signed and the unsigned states of all; weights of fewer than 4,096 numbers
have states in float32. "paged" keeps states from 100,000 numbers on where the driver moves them between host and
device.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import torch

_BLOCK, _SMALLEST, _SMALLEST_PAGED = 256, 4096, 100_000


class EightBit(torch.optim.Optimizer):  # type: ignore[misc]
    """Steps in place over states of 8 bits; the states are laid out, and their values are not kept up.

    Args:
        parameters: to be trained.
        states: for each weight, 2 for Adam and 1 for Lion.
        bits: of a state, 8 or 32.
        paged: whether large states live in the host's memory.
    """

    def __init__(self, parameters: Iterable[Any], *, states: int, bits: int = 8, paged: bool = False) -> None:
        self._states, self._bits, self._paged = states, bits, paged
        self._tables: dict[torch.device, list[torch.Tensor]] = {}
        super().__init__(parameters, {"lr": 1e-5})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> Any:
        """One update of every weight that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                if not self.state[weight]:
                    self._begin(weight)
                weight.mul_(1 - group["lr"])
        return loss

    def _begin(self, weight: torch.Tensor) -> None:
        state, size = self.state[weight], getattr(weight, "_local_tensor", weight).numel()  # a rank's share
        small = self._bits == 32 or size < _SMALLEST
        away = self._paged and size >= _SMALLEST_PAGED and weight.device.type == "cuda"
        for number in range(1, self._states + 1):
            dtype = torch.float32 if small else torch.uint8
            state[f"state{number}"] = torch.zeros_like(weight, dtype=dtype, **({"device": "cpu"} if away else {}))
            if not small:
                state[f"absmax{number}"] = torch.zeros(-(-size // _BLOCK), device=weight.device)
        if not small and weight.device not in self._tables:
            self._tables[weight.device] = [torch.zeros(256, device=weight.device) for _ in range(self._states)]


class Lion(torch.optim.Optimizer):  # type: ignore[misc]
    """Evolved sign momentum (Chen et al. 2023): one state of the weights' type."""

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-5) -> None:
        super().__init__(parameters, {"lr": lr, "betas": (0.9, 0.99)})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> Any:
        """One update of every weight that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            low, high = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["exp_avg"] = torch.zeros_like(weight)
                average = state["exp_avg"]
                update = average.mul(low).add_(weight.grad, alpha=1 - low).sign_()
                weight.add_(update, alpha=-group["lr"])
                average.mul_(high).add_(weight.grad, alpha=1 - high)
        return loss


def optimizer(name: str, parameters: list[Any], *, one_by_one: bool = False) -> Any:
    """One of wishes.OPTIMIZERS over these parameters.

    Args:
        one_by_one: step one weight after the other, as torch before 2.0.
    """
    two_kinds = len({type(each).__name__ == "DTensor" for each in parameters}) > 1  # kernels over many take one kind
    return _makers(one_by_one or two_kinds)[name](parameters)


def _makers(one_by_one: bool) -> dict[str, Any]:
    many = {"lr": 1e-5, "foreach": False if one_by_one else None}

    def adafactor(parameters: list[Any]) -> Any:
        import transformers

        return transformers.Adafactor(parameters, lr=1e-5, relative_step=False, scale_parameter=False)

    return {
        "adamw": functools.partial(torch.optim.AdamW, **many),
        "sgd": functools.partial(torch.optim.SGD, **many),
        "adafactor": adafactor,
        "lion": Lion,
        "adamw8bit": functools.partial(EightBit, states=2),
        "lion8bit": functools.partial(EightBit, states=1),
        "paged-adamw8bit": functools.partial(EightBit, states=2, paged=True),
        "paged-adamw": functools.partial(EightBit, states=2, bits=32, paged=True),
    }
