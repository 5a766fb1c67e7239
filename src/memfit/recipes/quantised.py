"""Linear layers with 4-bit weights as bitsandbytes lays them out, for machines that it does not run on.

Bytes and temporaries are those of NF4, with double quantisation or without; every weight's value counts as zero.
"""

# Layout (bitsandbytes 0.50.2, functional.quantize_4bit, nn.Linear4bit and MatMul4Bit): two weights a byte; one scale
# for 64 weights, a float32, or with double quantisation a byte, with one float32 for 256 scales; inputs are cast to the
# compute type and outputs back to the inputs' own; forward and backward each make the whole matrix in the compute type
# and the scales in float32, and keep neither (newer versions do without the first for few rows).

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from memfit.recipes.software import Software

_BLOCK, _BLOCKS = 64, 256


class Product(torch.autograd.Function):  # type: ignore[misc]
    """A product with a matrix that a layer makes whole for it, in the forward pass and again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Any) -> torch.Tensor:
        ctx.layer = layer
        # An attribute, as bitsandbytes had it before 0.43.2: what is saved otherwise, checkpoints would let go of.
        ctx.kept = x if getattr(layer, "keeps_input", False) and ctx.needs_input_grad[0] else None
        return nn.functional.linear(x, layer.dequantised(x.dtype), layer.bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        return gradient @ ctx.layer.dequantised(gradient.dtype), None


class Linear4bit(nn.Linear):  # type: ignore[misc]
    """A linear layer that holds 4.13 bits for each weight, or 4.5 without double quantisation.

    Args:
        whole: the layer that it stands for; its weights are let go of.
        double: whether its scales are quantised, too.
        keeps_input: for the backward pass, which has no use for it.
        stored_as: a type of the same bytes for the packed weights, so that they can lie in one tensor with others.
    """

    def __init__(
        self, whole: Any, *, double: bool = True, keeps_input: bool = False, stored_as: torch.dtype = torch.uint8
    ) -> None:
        nn.Module.__init__(self)
        self.keeps_input = keeps_input
        sides = tuple(whole.weight.shape)
        self.out_features, self.in_features = sides[::-1] if isinstance(whole, Conv1D) else sides
        size, device = whole.weight.numel(), whole.weight.device
        self.compute_dtype = whole.weight.dtype
        scales = -(-size // _BLOCK)
        packed = torch.zeros(-(-size // (2 * stored_as.itemsize)), 1, dtype=stored_as, device=device)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = whole.bias
        self.register_buffer("scales", torch.zeros(scales, dtype=torch.uint8 if double else None, device=device))
        if double:
            self.register_buffer("scales_of_scales", torch.zeros(-(-scales // _BLOCKS), device=device))
        values = 16 + 256 + 1 if double else 16  # of the types, and the offset
        self.register_buffer("code", torch.zeros(values, device=device))

    def dequantised(self, dtype: torch.dtype) -> torch.Tensor:
        """A new matrix of (out, in) in the compute type."""
        scales: Any = self.scales
        in_float = torch.zeros_like(scales, dtype=torch.float32) if scales.dtype is torch.uint8 else None
        whole = torch.zeros(self.out_features, self.in_features, dtype=dtype, device=self.weight.device)
        del in_float
        return whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As a linear layer's: (…, in) → (…, out)."""
        result: torch.Tensor = Product.apply(x.to(self.compute_dtype), self)
        return result.to(x.dtype)


def quantise(
    model: nn.Module,
    software: Software,
    *,
    skip: tuple[str, ...] = ("lm_head",),
    double: bool = True,
    stored_as: torch.dtype | None = None,
) -> None:
    """Replace every linear layer but those named, as transformers does with ``load_in_4bit``.

    Subclasses (Falcon has one of its own) stay as they are, but for transformers up to 5.0. Packed weights are bytes,
    or of the type that is named (`bnb_4bit_quant_storage`).
    """
    with_subclasses = software.is_before("transformers", 5, 1)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            linear = isinstance(child, nn.Linear) if with_subclasses else type(child) is nn.Linear
            if (linear or isinstance(child, Conv1D)) and name not in skip:
                kept = software.has_kept_inputs
                made = Linear4bit(child, double=double, keeps_input=kept, stored_as=stored_as or torch.uint8)
                setattr(module, name, made)
