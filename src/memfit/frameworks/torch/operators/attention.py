"""Scaled dot-product attention: the kernel the device would choose, with that kernel's results and scratch.

Rules read from PyTorch 2.13's documentation and sources (aten/src/ATen/native/transformers/cuda/sdp_utils.cpp and
attention_backward.cu) and held against 250 single calls on an H200 (torch 2.11, benchmarks/accuracy/data/device). The
fused kernels keep the output and one float32 per row; the plain one keeps the whole score matrix, which is what decides
the memory of long sequences.
"""

from __future__ import annotations

import math
import os
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten
_HALF = (torch.float16, torch.bfloat16)
# From this version on wheels bring a cuDNN (9.15.1 and newer) whose attention is preferred on Hopper and the first
# Blackwell (check_prefer_cudnn_attention in sdp_utils.cpp). Measured: preferred by torch 2.11 with cuDNN 9.19.
_FIRST_CUDNN_PREFERRED = (2, 11)
_VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])


def cuda_attention(
    capability: tuple[int, int],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Attention on a CUDA device of that capability. Shapes as torch.nn.functional.scaled_dot_product_attention."""
    kernel = choose_kernel(capability, query, key, value, attn_mask, enable_gqa, dropout_p)
    width = query.shape[-1]
    tracked = torch.is_grad_enabled() and any(item.requires_grad for item in (query, key, value))
    if kernel == "cudnn":
        bias = _additive(attn_mask, query)
        if bias is not None:
            bias = bias.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
        found = aten._scaled_dot_product_cudnn_attention(
            query, key, value, bias, tracked, dropout_p, is_causal, False, scale=scale
        )
        return found[0]
    if kernel == "flash":
        if scale is None:
            scale = width**-0.5
        padded = [_pad_last(item, 8) for item in (query, key, value)]
        out = aten._scaled_dot_product_flash_attention(*padded, dropout_p, is_causal, False, scale=scale)[0]
        return out[..., :width] if out.shape[-1] != width else out
    if kernel == "efficient":
        bias = _additive(attn_mask, query)
        if bias is not None:
            bias = _aligned(bias, query, key)
        out = aten._scaled_dot_product_efficient_attention(
            query, key, value, bias, tracked, dropout_p, is_causal, scale=scale
        )
        return out[0]
    if enable_gqa:
        key, value = (_repeat_heads(item, query) for item in (key, value))
    return _plain(query, key, value, _additive(attn_mask, query), dropout_p, is_causal, scale)


def _plain(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float,
    causal: bool,
    scale: float | None,
) -> torch.Tensor:
    """Attention in single steps, as _scaled_dot_product_attention_math takes them (attention.cpp)."""
    dtype = query.dtype
    if dtype in _HALF and not torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed():
        query, key, value = query.float(), key.float(), value.float()
        mask = mask if mask is None else mask.float()
    root = math.sqrt(query.shape[-1] ** -0.5 if scale is None else abs(scale))
    query = query * root
    if causal:
        square = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
        mask = _additive(square, query)
    scores = query @ (key.transpose(-2, -1) * root)
    if mask is not None:
        scores.add_(mask)
    weights = aten._safe_softmax(scores, -1)
    torch.empty_like(scores, dtype=torch.bool)  # where a whole row is masked; looked for while the scores are held
    del scores
    if dropout > 0.0:
        weights = torch.native_dropout(weights, dropout, True)[0]
    return (weights @ value).to(dtype)


def choose_kernel(
    capability: tuple[int, int],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    enable_gqa: bool,
    dropout: float = 0.0,
) -> str:
    """ "cudnn", "flash", "efficient" or "math", by the device's rules and the user's torch.backends.cuda switches."""
    if query.dim() != 4 or query.layout is not torch.strided:
        return "math"
    head, head_value = query.shape[-1], value.shape[-1]
    # A mask counts as well (check_last_dim_stride_equals_1_dense in sdp_utils.cpp): T5's bias, whose heads lie
    # innermost, sends its attention to the plain kernel.
    strided = (query, key, value) if mask is None else (query, key, value, mask)
    unit_stride = all(item.stride(-1) == 1 for item in strided)
    same_heads = query.shape[1] == key.shape[1] == value.shape[1]
    learnt_bias = mask is not None and mask.requires_grad  # a relative position bias: cuDNN has no gradient for it
    cudnn = _takes_cudnn(capability, query, key, value, dropout) and not learnt_bias
    if cudnn and unit_stride and (same_heads or enable_gqa):
        return "cudnn"
    flash = (
        torch.backends.cuda.flash_sdp_enabled()
        and capability >= (8, 0)
        and query.dtype in _HALF
        and mask is None
        and head == head_value
        and head <= 256
        and (same_heads or (enable_gqa and query.shape[1] % key.shape[1] == 0))
        and unit_stride
    )
    if flash:
        return "flash"
    alignment = 4 if query.dtype is torch.float32 else 8
    efficient = (
        torch.backends.cuda.mem_efficient_sdp_enabled()
        and capability >= (5, 0)
        and (query.dtype in (torch.float32, torch.float16) or (query.dtype is torch.bfloat16 and capability >= (8, 0)))
        and head % alignment == 0
        and head_value % alignment == 0
        and same_heads
        and unit_stride
    )
    return "efficient" if efficient else "math"


def _takes_cudnn(
    capability: tuple[int, int], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float
) -> bool:
    """cuDNN's attention, where it comes first: half precision, heads of a multiple of 8 up to 256."""
    enabled = getattr(torch.backends.cuda, "cudnn_sdp_enabled", None)
    return (
        _VERSION >= _FIRST_CUDNN_PREFERRED
        and capability[0] in (9, 10)
        and os.environ.get("TORCH_CUDNN_SDPA_DEPRIORITIZED") != "1"
        and enabled is not None
        and enabled()
        and query.dtype in _HALF
        and all(item.shape[-1] % 8 == 0 and item.shape[-1] <= 256 for item in (query, value))
        and key.shape[-2] > 1
        and (not dropout or query.shape[-2] > 1)
    )


def cpu_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Attention on the CPU: its flash kernel where the rules of sdp_utils_cpp.cpp allow, else the plain one."""
    fused = (
        torch.backends.cuda.flash_sdp_enabled()
        and query.dim() == 4
        and dropout_p == 0.0
        and query.dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16)
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and all(item.stride(-1) == 1 for item in (query, key, value))
        and (attn_mask is None or not attn_mask.requires_grad)
        and (query.shape[1] == key.shape[1] == value.shape[1] or enable_gqa)
        and query.shape[-2] > 0
        and key.shape[-2] > 0
    )
    mask = _additive(attn_mask, query)
    if fused:  # grouped heads are read as they are
        out = aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, dropout_p, is_causal, attn_mask=mask, scale=scale
        )
        return out[0]
    out = aten._scaled_dot_product_attention_math(
        query, key, value, mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )
    return out[0]


def _additive(mask: torch.Tensor | None, query: torch.Tensor) -> torch.Tensor | None:
    """A mask of truth values becomes one of zeros and minus infinities in the query's type: a new tensor."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask.logical_not(), float("-inf"))


def _aligned(bias: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """The bias as the memory-efficient kernel wants it: expanded, its rows padded to a multiple of 16 elements."""
    columns = bias.shape[-1]
    if columns % 16 and bias.stride(-1) == 1:
        bias = torch.nn.functional.pad(bias, (0, 16 - columns % 16))[..., :columns]
    return bias.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


def _pad_last(tensor: torch.Tensor, multiple: int) -> torch.Tensor:
    missing = -tensor.shape[-1] % multiple
    return torch.nn.functional.pad(tensor, (0, missing)) if missing else tensor


def _repeat_heads(tensor: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    return tensor.repeat_interleave(query.shape[1] // tensor.shape[1], 1)


def _cpu_blocks(query: torch.Tensor, key: torch.Tensor) -> tuple[int, int, int]:
    """Rows and columns of a block of the CPU's fused kernel, and bytes of a value in it."""
    rows, columns = query.shape[-2], key.shape[-2]
    q_block = 256 if rows >= 768 else (64 if rows >= 192 else 32)
    return min(q_block, rows), min(512, columns), 4 if query.dtype in _HALF else query.element_size()


def _spread_heads(query: torch.Tensor, key: torch.Tensor) -> int:
    """Bytes of dK and dV for every head of the queries, where several of them share a head of the keys."""
    if query.shape[1] == key.shape[1]:
        return 0
    return int(2 * key.numel() // key.shape[1] * query.shape[1] * key.element_size())


def handlers() -> dict[Any, Handler]:
    """Scratch memory of the fused kernels' backward passes, which their meta kernels do not show."""

    def flash_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        query, key = args[1], args[2]
        out = dispatch.run_simulated(func, args, kwargs, pool)
        batch, heads, rows, width = query.shape
        # softmax_d and the float32 accumulator of dQ, rows rounded to 128, head size to 32 (flash_api.cpp, mha_bwd)
        rows = -(-rows // 128) * 128
        scratch = 4 * batch * heads * rows * (1 + -(-width // 32) * 32) + _spread_heads(query, key)
        dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, str(func))
        return out

    def cudnn_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        query, key = args[1], args[2]
        out = dispatch.run_simulated(func, args, kwargs, pool)
        # a float32 accumulator of dQ and a float32 per row; measured with cuDNN 9.19
        scratch = 4 * math.prod(query.shape[:3]) * (1 + query.shape[3]) + _spread_heads(query, key)
        dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, str(func))
        return out

    def efficient_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        query, key = args[1], args[2]
        out = dispatch.run_simulated(func, args, kwargs, pool)
        batch, heads, rows, width = query.shape
        columns = key.shape[-2]
        # the float32 accumulator of dQ in blocks of 64, and a float32 per row (attention_backward.cu; measured, 2.11)
        scratch = 4 * batch * heads * (-(-rows // 64) * 64 * (-(-width // 64) * 64) + -(-rows // 32) * 32)
        if query.dtype in _HALF:  # and those of dK and dV
            scratch += 4 * batch * heads * width * 2 * columns
        dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, str(func))
        return out

    def cpu_flash(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        if pool == HOST:
            query = args[0]
            q_block, kv_block, size = _cpu_blocks(query, args[1])
            per_thread = q_block * kv_block + 2 * q_block + q_block * query.shape[-1]  # FlashAttentionKernel.cpp, 2.13
            scratch = torch.get_num_threads() * per_thread * size
            dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, str(func))
        return dispatch.run_simulated(func, args, kwargs, pool)

    def cpu_flash_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        out = dispatch.run_simulated(func, args, kwargs, pool)
        if pool == HOST:
            query = args[1]
            q_block, kv_block, size = _cpu_blocks(query, args[2])
            # scores and their gradients per thread, and a copy of a gradient whose tokens do not come before its heads
            # in memory; measured, 2.13
            scratch = torch.get_num_threads() * 2 * q_block * kv_block * size
            if not args[0].transpose(1, 2).is_contiguous():
                scratch += args[0].numel() * args[0].element_size()
            dispatch.ledger.transient(pool, scratch, Category.WORKSPACES, str(func))
        return out

    return {
        aten._scaled_dot_product_flash_attention_backward.default: flash_backward,
        aten._scaled_dot_product_cudnn_attention_backward.default: cudnn_backward,
        aten._scaled_dot_product_efficient_attention_backward.default: efficient_backward,
        aten._scaled_dot_product_flash_attention_for_cpu.default: cpu_flash,
        aten._scaled_dot_product_flash_attention_for_cpu_backward.default: cpu_flash_backward,
    }
