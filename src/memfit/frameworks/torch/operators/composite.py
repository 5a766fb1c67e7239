"""Composite operators that ask for the device before they decide what to allocate.

PyTorch takes such decisions above autograd, where a simulated tensor looks like a meta tensor. The simulation puts
its own kernels behind a dispatch key that no CUDA or CPU job uses (AutocastXPU), included for every operator while the
simulation lasts: there the decision is taken for the device that is simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.arguments import real_device, tensors_in
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators import attention, cpu_recurrent, fast_path, norms, recurrent

KEY = torch._C.DispatchKey.AutocastXPU
KEYS = torch._C.DispatchKeySet(KEY)
_HALF = (torch.float16, torch.bfloat16)
aten = torch.ops.aten


def install(simulation: Any, library: torch.library.Library) -> None:
    """Put the overrides behind the key, for as long as the library object lives."""
    for overload, make in _OVERRIDES.items():
        library.impl(overload, _guarded(simulation, overload, make), KEY.name, allow_override=True)


def _guarded(simulation: Any, overload: Any, make: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(KEYS):
            pool = _pool_of(simulation, args)
            if pool is None or simulation.ledger.closed or simulation.dispatch.inside:
                return overload(*args, **kwargs)
            return make(simulation, overload, pool, *args, **kwargs)

    return kernel


def _pool_of(simulation: Any, args: tuple[Any, ...]) -> str | None:
    """The pool that the first argument is in, or the first of a list; the host where it is a real tensor among
    simulated ones."""
    pools = (simulation.ledger.pool(item) for item in tensors_in(args, {}))
    if not isinstance(args[0], torch.Tensor):
        return next((pool for pool in pools if pool is not None), None)
    first = next(pools)
    return HOST if first is None and any(pool is not None for pool in pools) else first


def _dropout(simulation: Any, overload: Any, pool: str, x: torch.Tensor, p: float, train: bool) -> torch.Tensor:
    if pool == HOST or not train or not 0 < p < 1 or x.numel() == 0:
        return overload(x, p, train)
    return torch.native_dropout(x, p, train)[0]  # a mask of one byte per element, not a float noise tensor


def _softmax(simulation: Any, overload: Any, pool: str, x: torch.Tensor, dim: int, dtype: Any = None) -> torch.Tensor:
    if pool == HOST or dtype is not torch.float32 or x.dtype is not torch.float16:
        return overload(x, dim, dtype)
    fused = aten._softmax if overload is aten.softmax.int else aten._log_softmax
    return fused(x, dim, True)  # the CUDA kernel reads float16 and writes float32; bfloat16 is copied first


def _attention(
    simulation: Any, overload: Any, pool: str, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any
) -> Any:
    if pool == HOST:
        if torch.is_autocast_enabled("cpu"):
            query, key, value, *args = simulation.autocast_cpu.cast_lower((query, key, value, *args))
        with torch._C._ExcludeDispatchKeyGuard(simulation.autocast_cpu.key):  # what it is made of is not cast again
            return attention.cpu_attention(query, key, value, *args, **kwargs)
    capability = simulation.capability(pool)
    return attention.cuda_attention(capability, query, key, value, *args, **kwargs)


def _recurrent(mode: str) -> Callable[..., Any]:
    def override(simulation: Any, overload: Any, pool: str, x: Any, hx: Any, parameters: Any, has_biases: bool,
                 layers: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool) -> Any:  # fmt: skip
        x, hx = _on_one_device(simulation, (x, hx))
        projected = mode == "lstm" and hx[0].shape[-1] != hx[1].shape[-1]
        if pool == HOST:
            if mode == "lstm" and not projected and torch.backends.mkldnn.is_available() and x.dtype is torch.float32:
                return recurrent.onednn_lstm(
                    x, hx, parameters, has_biases, layers, dropout, train, bidirectional, batch_first
                )
            return cpu_recurrent.layers(
                mode, x, None, hx, parameters, has_biases, layers, dropout, train, bidirectional, batch_first
            )
        if torch.is_autocast_enabled("cuda"):  # the fused call casts its weights and input, uncached, into one buffer
            half = torch.get_autocast_dtype("cuda")
            x, hx, parameters = _cast_all((x, hx, parameters), half)
        return recurrent.cudnn(
            simulation, mode, x, None, hx, parameters, layers, train, bidirectional, batch_first, dropout
        )

    return override


def _recurrent_packed(mode: str) -> Callable[..., Any]:
    def override(simulation: Any, overload: Any, pool: str, data: Any, batch_sizes: Any, hx: Any, parameters: Any,
                 has_biases: bool, layers: int, dropout: float, train: bool, bidirectional: bool) -> Any:  # fmt: skip
        data, hx = _on_one_device(simulation, (data, hx))
        if pool == HOST:
            return cpu_recurrent.layers(
                mode, data, batch_sizes, hx, parameters, has_biases, layers, dropout, train, bidirectional, False
            )
        return recurrent.cudnn(
            simulation, mode, data, batch_sizes, hx, parameters, layers, train, bidirectional, False, dropout
        )

    return override


def _on_one_device(simulation: Any, item: Any) -> Any:
    """Real tensors among simulated ones, as stand-ins: the composite code compares devices before it dispatches."""
    if isinstance(item, torch.Tensor):
        real = real_device(item).type == "cpu"
        return simulation.ledger.stand_in(item, HOST) if real else item
    if isinstance(item, (list, tuple)):
        return type(item)(_on_one_device(simulation, part) for part in item)
    return item


def _cell(simulation: Any, overload: Any, pool: str, x: Any, hx: Any, *rest: Any) -> Any:
    x, hx = _on_one_device(simulation, (x, hx))
    fused = {aten.gru_cell.default: recurrent.gru_cell, aten.lstm_cell.default: recurrent.lstm_cell}.get(overload)
    if pool != HOST and fused is not None:
        return fused(x, hx, *rest)
    return overload(x, hx, *rest)


def _together(simulation: Any, overload: Any, pool: str, *args: Any, **kwargs: Any) -> Any:
    """An operator that compares the devices of its tensors before it dispatches; one of them may be small and real."""
    if pool == HOST:
        args = _on_one_device(simulation, args)
        kwargs = {name: _on_one_device(simulation, item) for name, item in kwargs.items()}
    return overload(*args, **kwargs)


def _tensor_split(simulation: Any, overload: Any, pool: str, x: Any, places: Any, dim: int = 0) -> Any:
    """Where to split is read on the host; nowhere where nobody knows."""
    known = simulation.ledger.values(places)
    return overload(x, simulation.stand_ins.fill(places) if known is None else known, dim)


def _ctc_loss(
    simulation: Any, overload: Any, pool: str, x: Any, targets: Any, input_lengths: Any, target_lengths: Any, *rest: Any
) -> Any:
    """Lengths in tensors are read on the host, as they are outside a dispatch mode (areAnyTensorSubclassLike in
    LossCTC.cpp); the longest where nobody knows them."""
    known = [simulation.ledger.values(item) for item in (input_lengths, target_lengths)]
    longest = (x.shape[0], targets.shape[-1] if targets.dim() > 1 else 1)
    lengths = [
        [most] * item.numel() if values is None else values.tolist()
        for item, values, most in zip((input_lengths, target_lengths), known, longest, strict=True)
    ]
    return aten.ctc_loss.IntList(x, targets, *lengths, *rest)


def _rms_norm(
    simulation: Any, overload: Any, pool: str, x: Any, shape: Any, weight: Any = None, eps: Any = None
) -> Any:
    fused = norms.rms_norm(x, shape, weight) if pool != HOST else None
    return overload(x, shape, weight, eps) if fused is None else fused


def _mish_backward(simulation: Any, overload: Any, pool: str, gradient: Any, x: Any) -> Any:
    """One kernel on every device; without one for "meta" PyTorch takes it apart."""
    return overload(gradient, x) if torch.is_grad_enabled() else torch.empty_like(x)


def _as_it_is(simulation: Any, overload: Any, pool: str, *args: Any, **kwargs: Any) -> Any:
    return overload(*args, **kwargs)


def _cast_all(item: Any, dtype: torch.dtype) -> Any:
    if isinstance(item, torch.Tensor):
        return item.to(dtype) if item.dtype is torch.float32 else item
    return type(item)(_cast_all(part, dtype) for part in item)


def _isfinite(simulation: Any, overload: Any, pool: str, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = overload(x)
    entry = simulation.ledger.entry(out)
    if entry is not None and entry.mirror is None:
        entry.uniform = True
    return out


# Operators made of others that compare their tensors' devices themselves.
_COMPARING = ("stft", "istft", "inner", "meshgrid", "take_along_dim", "gradient", "linalg_multi_dot",
              "cosine_similarity")  # fmt: skip


def _overloads(name: str) -> list[Any]:
    packet = getattr(aten, name)
    return [getattr(packet, each) for each in packet.overloads() if "out" not in each]


_OVERRIDES: dict[Any, Callable[..., Any]] = {
    aten.dropout.default: _dropout,
    aten.softmax.int: _softmax,
    aten.log_softmax.int: _softmax,
    aten.scaled_dot_product_attention.default: _attention,
    aten.lstm.input: _recurrent("lstm"),
    aten.gru.input: _recurrent("gru"),
    aten.rnn_tanh.input: _recurrent("rnn_tanh"),
    aten.rnn_relu.input: _recurrent("rnn_relu"),
    aten.lstm.data: _recurrent_packed("lstm"),
    aten.gru.data: _recurrent_packed("gru"),
    aten.rnn_tanh.data: _recurrent_packed("rnn_tanh"),
    aten.rnn_relu.data: _recurrent_packed("rnn_relu"),
    aten.isfinite.default: _isfinite,
    aten.rms_norm.default: _rms_norm,
    aten.lstm_cell.default: _cell,
    aten.gru_cell.default: _cell,
    aten.rnn_tanh_cell.default: _cell,
    aten.rnn_relu_cell.default: _cell,
    aten._native_multi_head_attention.default: fast_path.attention,
    aten._transformer_encoder_layer_fwd.default: fast_path.encoder_layer,
    aten.mish_backward.default: _mish_backward,
    aten.ctc_loss.Tensor: _ctc_loss,
    aten.tensor_split.tensor_indices_or_sections: _tensor_split,
    **{overload: _together for name in _COMPARING for overload in _overloads(name)},
    aten.binary_cross_entropy.default: _as_it_is,  # forbidden behind the borrowed key
}
