"""Operators that refuse tensors of two devices, as PyTorch's do (TensorIterator.cpp and the generated wrappers, 2.13).

A tensor without dimensions that is on the host goes with any device. Only the common operators are listed: others may
take lengths or indices from the host, and a false refusal would be worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

_POINTWISE = """add sub mul div true_divide floor_divide remainder fmod pow atan2 maximum minimum fmax fmin
eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
where addcmul addcdiv lerp masked_fill"""
_PRODUCTS = "mm bmm mv dot addmm addmv baddbmm addbmm convolution"
_LOOKUPS = "embedding index_select gather scatter scatter_add cat"
_NORMS = "native_batch_norm _native_batch_norm_legit cudnn_batch_norm native_layer_norm native_group_norm _prelu_kernel"
_LOSSES = """mse_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits nll_loss_forward
nll_loss2d_forward"""
_REFUSING = frozenset(f"{_POINTWISE} {_PRODUCTS} {_LOOKUPS} {_NORMS} {_LOSSES}".split())

HOST_NAME = "cpu"


def refuses(name: str) -> bool:
    """Whether an operator, by its name without its overload, wants all its tensors on one device."""
    return name.removesuffix("_") in _REFUSING


def check(operator: str, tensors: Iterable[torch.Tensor], device_of: Callable[[torch.Tensor], str | None]) -> None:
    """Refuse tensors of two devices.

    Args:
        operator: shown in the message.
        tensors: what it was called with.
        device_of: "cuda:0", …, "cpu", or None for a tensor that is nowhere.

    Raises:
        RuntimeError: as PyTorch would.
    """
    found: dict[str, None] = {}
    for tensor in tensors:
        device = device_of(tensor)
        if device is not None and (device != HOST_NAME or tensor.dim()):
            found[device] = None
    if len(found) > 1:
        first, second = sorted(found, reverse=True)[:2]
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{first} and {second}! (when checking arguments of {operator})"
        )
