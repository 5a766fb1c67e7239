"""Automatic mixed precision as the device does it.

`torch.autocast("cuda")` switches a dispatch key on and off; the kernels behind that key cast CUDA tensors only, and a
simulated tensor is none. So the simulation puts kernels of its own behind the key, for as long as it lasts: the same
lists, the same weight cache, for tensors that live in a simulated pool of that device type.

Source of the lists: PyTorch's documentation "Automatic Mixed Precision", op reference, 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.arguments import real_device
from memfit.frameworks.torch.ledger import HOST, Ledger
from memfit.quantities import Category

_CUDA_LOWER = (
    "_convolution", "_convolution.deprecated", "conv1d", "conv1d.padding", "conv2d", "conv2d.padding", "conv3d",
    "conv3d.padding", "conv_tbc", "conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input", "convolution",
    "prelu", "addmm", "addmv", "addr", "matmul", "einsum", "mm", "mv",
    "linalg_vecdot", "linear", "addbmm", "baddbmm", "bmm", "chain_matmul", "linalg_multi_dot", "_thnn_fused_lstm_cell",
    "_thnn_fused_gru_cell", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
    "scaled_dot_product_attention", "_scaled_dot_product_flash_attention",
)  # fmt: skip
_CUDA_FP32 = (
    "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "sinh",
    "tan", "pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar", "softplus", "layer_norm", "native_layer_norm",
    "group_norm", "frobenius_norm.dim", "nuclear_norm", "nuclear_norm.dim", "cosine_similarity",
    "poisson_nll_loss", "cosine_embedding_loss", "nll_loss", "nll_loss2d", "hinge_embedding_loss", "kl_div", "l1_loss",
    "smooth_l1_loss", "huber_loss", "mse_loss", "margin_ranking_loss", "multilabel_margin_loss", "soft_margin_loss",
    "triplet_margin_loss", "multi_margin_loss", "binary_cross_entropy_with_logits", "dist", "pdist", "cdist", "renorm",
    "logsumexp", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
    "upsample_bilinear2d", "_upsample_bilinear2d_aa", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_bicubic2d_aa", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d",
    "rms_norm", "norm.Scalar", "norm.ScalarOpt_dim",
)  # fmt: skip
_CUDA_FP32_OUTPUT = (  # ask for float32 results of half inputs: no copy of the input
    "prod", "prod.dim_int", "softmax.int", "log_softmax.int", "cumprod", "cumsum", "linalg_vector_norm",
    "linalg_matrix_norm", "linalg_matrix_norm.str_ord", "sum", "sum.dim_IntList",
)  # fmt: skip
_CUDA_PROMOTE = (
    "addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "vdot", "grid_sampler", "index_put", "tensordot",
    "scatter_add",
)  # fmt: skip
_CPU_LOWER = (
    "conv1d", "conv1d.padding", "conv2d", "conv2d.padding", "conv3d", "conv3d.padding", "bmm", "mm", "linalg_vecdot",
    "baddbmm", "addmm", "addbmm", "linear", "mkldnn_rnn_layer", "_addmm_activation",
    "_convolution.deprecated", "matmul", "conv_tbc", "conv_transpose1d", "conv_transpose2d.input",
    "conv_transpose3d.input", "prelu", "scaled_dot_product_attention", "_native_multi_head_attention",
)  # fmt: skip
_CPU_FP32 = (
    "avg_pool3d", "binary_cross_entropy", "grid_sampler", "polar", "prod", "prod.dim_int", "quantile", "nanquantile",
    "stft", "cdist", "grid_sampler_2d", "grid_sampler_3d", "trace", "view_as_complex", "cholesky", "cholesky_inverse",
    "cholesky_solve", "inverse", "lu_solve", "orgqr", "ormqr", "pinverse", "max_pool3d", "max_unpool2d", "max_unpool3d",
    "adaptive_avg_pool3d", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d",
    "replication_pad3d", "mse_loss", "cosine_embedding_loss", "nll_loss", "nll_loss2d", "hinge_embedding_loss",
    "poisson_nll_loss", "smooth_l1_loss", "cross_entropy_loss", "l1_loss", "huber_loss", "margin_ranking_loss",
    "soft_margin_loss", "triplet_margin_loss", "multi_margin_loss", "ctc_loss.IntList", "ctc_loss.Tensor", "kl_div",
    "multilabel_margin_loss", "binary_cross_entropy_with_logits", "fft_fft", "fft_ifft", "fft_fft2", "fft_ifft2",
    "fft_fftn", "fft_ifftn", "fft_rfft", "fft_irfft", "linalg_cond", "linalg_matrix_rank", "linalg_solve",
    "linalg_cholesky", "linalg_svdvals", "linalg_eigvals", "linalg_eigvalsh", "linalg_inv",
    "linalg_householder_product",
    "linalg_tensorinv", "linalg_tensorsolve", "fake_quantize_per_tensor_affine", "geqrf", "linalg_qr", "linalg_svd",
    "linalg_eig", "linalg_eigh", "linalg_lstsq", "adaptive_max_pool3d", "fft_hfft", "fft_ihfft", "fft_irfft2",
    "fft_irfftn", "fft_rfft2", "fft_rfftn", "fractional_max_pool2d", "fractional_max_pool3d", "triangular_solve",
    "multilabel_margin_loss_forward", "qr", "svd", "stft.center", "quantile.scalar", "nanquantile.scalar",
)  # fmt: skip
_CPU_PROMOTE = ("stack", "cat", "index_copy")

CUDA_KEY = torch._C.DispatchKey.AutocastCUDA
CPU_KEY = torch._C.DispatchKey.AutocastCPU


class Autocast:
    """The kernels behind one device type's autocast key.

    Args:
        ledger: tells which tensors live on that device type.
        device_type: "cuda" or "cpu".
    """

    def __init__(self, ledger: Ledger, device_type: str) -> None:
        self.ledger = ledger
        self.device_type = device_type
        self.key = torch._C.DispatchKeySet(CUDA_KEY if device_type == "cuda" else CPU_KEY)
        self._cache: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def clear(self) -> None:
        """Forget the cast weights: the outermost autocast region ended."""
        self._cache.clear()

    def install(self, library: torch.library.Library) -> None:
        """Put the kernels behind the key, for as long as the library object lives."""
        key = CUDA_KEY if self.device_type == "cuda" else CPU_KEY
        name = key.name
        lists = (
            (
                (_CUDA_LOWER, self._lower),
                (_CUDA_FP32, self._full),
                (_CUDA_FP32_OUTPUT, self._full_output),
                (_CUDA_PROMOTE, self._promote),
            )
            if self.device_type == "cuda"
            else ((_CPU_LOWER, self._lower), (_CPU_FP32, self._full), (_CPU_PROMOTE, self._promote))
        )  # fmt: skip
        for operators, make in lists:
            for operator in operators:
                overload = _overload(operator)
                # the lists are the newest; what this build does not cast is left alone
                if overload is not None and torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), name):
                    library.impl(overload, make(overload), name, allow_override=True)

    def cast_lower(self, args: tuple[Any, ...]) -> Any:
        """The arguments in the region's lower precision, for a caller that runs in place of a kernel."""
        return self._cast(args, torch.get_autocast_dtype(self.device_type))

    # -- kernels -----------------------------------------------------------------------------------------------

    def _lower(self, overload: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            dtype = torch.get_autocast_dtype(self.device_type)
            with torch._C._ExcludeDispatchKeyGuard(self.key):
                return overload(*self._cast(args, dtype), **self._cast_named(kwargs, dtype))

        return kernel

    def _full(self, overload: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(self.key):
                return overload(*self._cast(args, torch.float32), **self._cast_named(kwargs, torch.float32))

        return kernel

    def _full_output(self, overload: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            position = next(i for i, item in enumerate(overload._schema.arguments) if item.name == "dtype")
            given = args[position] if position < len(args) else kwargs.get("dtype")
            with torch._C._ExcludeDispatchKeyGuard(self.key):
                if given is None and self._eligible(args[0]) and args[0].dtype in (torch.float16, torch.bfloat16):
                    if position < len(args):
                        args = (*args[:position], torch.float32, *args[position + 1 :])
                    else:
                        kwargs = {**kwargs, "dtype": torch.float32}
                return overload(*args, **kwargs)

        return kernel

    def _promote(self, overload: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            dtype = torch.get_autocast_dtype(self.device_type)
            if any(item.dtype == torch.float32 for item in _flat(args) if self._eligible(item)):
                dtype = torch.float32
            with torch._C._ExcludeDispatchKeyGuard(self.key):
                return overload(*self._cast(args, dtype), **self._cast_named(kwargs, dtype))

        return kernel

    # -- casting -----------------------------------------------------------------------------------------------

    def _eligible(self, item: Any) -> bool:
        if not isinstance(item, torch.Tensor) or not item.dtype.is_floating_point or item.dtype == torch.float64:
            return False
        entry = self.ledger.entry(item)
        if entry is None:
            return self.device_type == "cpu" and real_device(item).type == "cpu"
        return (entry.pool == HOST) == (self.device_type == "cpu")

    def _cast(self, item: Any, dtype: torch.dtype) -> Any:
        if isinstance(item, torch.Tensor):
            return self._cast_one(item, dtype)
        if isinstance(item, (list, tuple)):
            return type(item)(self._cast(part, dtype) for part in item)
        return item

    def _cast_named(self, kwargs: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
        return {name: self._cast(item, dtype) for name, item in kwargs.items()}

    def _cast_one(self, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        if tensor.dtype == dtype or not self._eligible(tensor):
            return tensor
        cached = (
            dtype == torch.get_autocast_dtype(self.device_type)
            and tensor.dtype == torch.float32
            and tensor.requires_grad
            and tensor.is_leaf
            and not tensor._is_view()
            and torch.is_autocast_cache_enabled()
        )
        if not cached:
            return torch.ops.aten._to_copy(tensor, dtype=dtype)
        found = self._cache.get(id(tensor))
        if found is not None:
            return found[1]
        cast = torch.ops.aten._to_copy(tensor, dtype=dtype)
        self.ledger.classify(cast, Category.CAST_CACHE)
        self._cache[id(tensor)] = (tensor, cast)
        return cast


def _flat(args: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for item in args:
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, (list, tuple)):
            found.extend(_flat(item))
    return found


def _overload(name: str) -> Any:
    """The operator overload of that name, or None where this build has no such operator."""
    base, _, overload = name.partition(".")
    packet = getattr(torch.ops.aten, base, None)
    return None if packet is None else getattr(packet, overload or "default", None)
