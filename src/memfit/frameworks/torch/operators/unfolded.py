"""Convolutions on the CPU that PyTorch does not hand to oneDNN: it writes out the windows of its input and multiplies.

Those are all in double precision, those in half precision where the processor has no instructions for it, and small
ones. Read off the profiler's allocation events for every backend named here (PyTorch 2.13; ConvolutionMM2d.cpp,
ConvolutionMM3d.cpp, NaiveDilatedConvolution.cpp, NaiveConvolutionTranspose2d.cpp and 3d.cpp, and the groups of
Convolution.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

# A line of a plan: "+" takes a block under a name, "-" gives it back, "=" makes the result of that number.
Plan = list[tuple[str, Any, int]]

_WHOLE_BATCH = ("Slow2d", "Slow3d")  # the windows of all images at once


def backend(x: torch.Tensor, weight: torch.Tensor, rest: Any) -> str:
    """The name of the code that this build of PyTorch computes a convolution with on this machine; "???" where it gives
    none, as 2.13 does for oneDNN's transposed ones.

    Args:
        x, weight: shapes and types count, not where the tensors are.
        rest: stride, padding, dilation, transposed, output padding, groups.
    """
    real = [torch.empty(1, dtype=item.dtype, device="cpu").expand(item.shape) for item in (x, weight)]
    name: str = torch._C._select_conv_backend(*real, None, *rest).name
    return name


class Windows:
    """One convolution by windows.

    Args:
        name: of the backend.
        x, weight, y: input, weights, result.
        rest: stride, padding, dilation, transposed, output padding, groups.
    """

    def __init__(self, name: str, x: torch.Tensor, weight: torch.Tensor, y: Any, rest: Any) -> None:
        stride, padding, _, self.transposed, _, self.groups = rest
        self.name, self.batch, self.item = name, x.shape[0], x.element_size()
        self.x_bytes, self.y_bytes = (math.prod(shape) * self.item for shape in (x.shape, y))
        self.weight_bytes = math.prod(weight.shape) * self.item
        seen, steps = (y, x.shape) if self.transposed else (x.shape, y)
        unmoved = all(step == 1 for step in stride) and not any(padding)
        self.pointwise = math.prod(weight.shape[2:]) == 1 and unmoved
        windows = seen[1] // self.groups * math.prod(weight.shape[2:]) * math.prod(steps[2:])
        self.one_bytes = windows * self.item
        self.threads = min(torch.get_num_threads(), max(self.batch, 1))

    def forward(self) -> Plan:
        """Blocks of the forward pass, in the order of their lives."""
        return list(self._in_groups([("x", self.x_bytes)], self._forward(), {0: self.y_bytes}))

    def backward(self, wanted: Any) -> Plan:
        """Blocks of the backward pass; results 0, 1, 2 are the gradients of input, weight and bias."""
        copied = [("y", self.y_bytes), ("x", self.x_bytes)]
        sizes = (self.x_bytes, self.weight_bytes, 0)
        results = {index: size_bytes for index, size_bytes in enumerate(sizes) if wanted[index]}
        return list(self._in_groups(copied, self._backward(wanted), results))

    def _columns(self, size_bytes: int) -> Plan:
        return [("+", "columns", size_bytes), ("-", "columns", 0)]

    def _forward(self) -> Plan:
        whole, one = self.one_bytes * self.batch, self.one_bytes
        if self.name in _WHOLE_BATCH:
            return [("=", 0, 0)] if self.pointwise else [("+", "columns", whole), ("=", 0, 0), ("-", "columns", 0)]
        if self.name == "SlowTranspose3d":  # the result starts as large as the input and is resized
            start = self.x_bytes // self.groups
            return [("+", "start", start), ("=", 0, 0), ("-", "start", 0), *self._columns(one)]
        return [("=", 0, 0), *self._columns(whole if self.name == "SlowTranspose2d" else one)]

    def _backward(self, wanted: Any) -> Plan:
        columns = [] if self.pointwise else self._columns(self.one_bytes)
        whole = [] if self.pointwise else self._columns(self.one_bytes * self.batch)
        # the sum of halves is kept in float32, of a copy
        bias = self._columns(2 * self.y_bytes // self.groups) if wanted[2] and self.item == 2 else []
        image = [("=", 0, 0)] if wanted[0] else []
        rest = [*bias, *(("=", index, 0) for index in (2, 1) if wanted[index])]
        if "Dilated" in self.name:
            return [*image, *rest, *columns]
        unfolded = whole if self.name in _WHOLE_BATCH else columns
        if wanted[0]:
            # in two dimensions every thread has the windows of one image; in three a pointwise one has them too
            image += {
                "Slow2d": self._columns(self.one_bytes * self.threads),
                "Slow3d": self._columns(self.one_bytes * self.batch),
            }.get(self.name, columns)
        return [*image, *rest, *(unfolded if wanted[1] else [])]

    def _in_groups(self, copied: list[tuple[str, int]], plan: Plan, results: dict[int, int]) -> Iterator[Any]:
        """Groups are computed one after the other, each from copies of its channels, and joined at the end."""
        if self.groups == 1:
            yield from plan
            return
        for group in range(self.groups):
            held = copied if self.batch > 1 else []
            yield from (("+", name, size_bytes // self.groups) for name, size_bytes in held)
            for action, name, size_bytes in plan:
                if action == "=":
                    yield ("+", (name, group), results[name] // self.groups)
                else:
                    yield (action, name, size_bytes)
            yield from (("-", name, 0) for name, _ in held)
        for index in results:
            yield ("=", index, 0)
        for index in results:
            yield from (("-", (index, group), 0) for group in range(self.groups))
