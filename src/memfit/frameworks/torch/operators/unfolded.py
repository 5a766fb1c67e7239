"""Small convolutions of volumes on the CPU, which PyTorch does not hand to oneDNN: it unfolds the input whole.

The rule is use_mkldnn's of aten/src/ATen/native/Convolution.cpp (PyTorch 2.13), the buffers those of
ConvolutionMM3d.cpp; both checked against torch._C._select_conv_backend and the profiler's allocation events.
Images fall under the same rule, where what is unfolded is below a megabyte and left out.
"""

from __future__ import annotations

import math
from typing import Any

import torch

_SMALL = 20480  # elements of the input without its last dimension


def unfolds(x: torch.Tensor, weight: torch.Tensor, rest: Any) -> bool:
    """Whether PyTorch computes this convolution itself.

    Args:
        x: batch, channels, depth, height, width.
        weight: of the convolution.
        rest: stride, padding, dilation, transposed, output padding, groups.
    """
    _, _, dilation, transposed, _, groups = rest
    if x.dim() != 5 or x.dtype != torch.float32 or transposed or any(step > 1 for step in dilation):
        return False
    wide = weight.shape[-1] > 3 and weight.shape[-2] > 3
    return groups == 1 and not wide and x.shape[0] == 1 and math.prod(x.shape[:4]) <= _SMALL


def forward_plan(x: Any, weight: Any, y: Any, rest: Any) -> list[tuple[str, Any, int]]:
    """Buffers of the forward pass, as onednn.Plan."""
    columns = _columns_bytes(x, weight, y, rest)
    if not columns:
        return [("=", 0, 0)]
    return [("+", "columns", columns), ("=", 0, 0), ("-", "columns", 0)]


def backward_plan(x: Any, weight: Any, y: Any, rest: Any, wanted: Any) -> list[tuple[str, Any, int]]:
    """Buffers of the backward pass; results 0, 1, 2 are the gradients of input, weight and bias."""
    columns = _columns_bytes(x, weight, y, rest)
    unfolded = [("+", "columns", columns), ("-", "columns", 0)] if columns else []
    plan: list[tuple[str, Any, int]] = []
    if wanted[0]:
        plan += [("=", 0, 0), *unfolded]
    if wanted[1] or wanted[2]:
        plan += [*(("=", index, 0) for index in (2, 1) if wanted[index]), *unfolded]
    return plan


def _columns_bytes(x: Any, weight: Any, y: Any, rest: Any) -> int:
    """Every window of the input, one after the other; none where a window is one element and the input is as it is."""
    stride, padding = rest[0], rest[1]
    if math.prod(weight[2:]) == 1 and all(step == 1 for step in stride) and not any(padding):
        return 0
    return 4 * x[0] * x[1] * math.prod(weight[2:]) * math.prod(y[2:])
