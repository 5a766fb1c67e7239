"""LSTM, GRU and plain RNN as the device's library runs them: one fused call with a reserve kept for the backward pass.

cuDNN publishes no sizes: reserve and workspace follow rules read off 60 single layers on an H200 (torch 2.11, cuDNN
9.19, benchmarks/accuracy/data/device), exact there for LSTM and GRU in one direction. Cells called one by one have
kernels of PyTorch's own. On the CPU an LSTM goes through oneDNN, layer by layer.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.quantities import MIB, Category

aten = torch.ops.aten

# Values per hidden unit, time step and sequence that cuDNN keeps of each layer for the backward pass; a layer that
# feeds another keeps its outputs too.
_RESERVED = {"lstm": 5, "gru": 6, "rnn_tanh": 1, "rnn_relu": 1}
# What a call works in: values per unit, step and sequence; per input value; per unit and sequence of each layer. Both
# directions at once take _BOTH_WAYS more per unit. Plain RNNs take more, by no rule that was found.
_WORKED = {"lstm": (5, 1, 12), "gru": (4, 2, 6), "rnn_tanh": (6, 2, 12), "rnn_relu": (6, 2, 12)}
_BOTH_WAYS = 2
# The one float32 layer of 256 sequences in both directions that was measured took 8 more; smaller ones did not.
_BOTH_WAYS_DOUBT = 8
_LAYER_BYTES = 8 * MIB  # of each layer and direction
_DROPOUT_STATE_BYTES = 49152  # random states, per multiprocessor, once for all layers of the process


class CudnnRnn(torch.autograd.Function):
    """One fused recurrent call. Inputs and outputs as aten's lstm/gru/rnn with time first."""

    @staticmethod
    def forward(
        ctx: Any, mode: str, simulation: Any, shape: tuple[Any, ...], x: Any, batch_sizes: Any, *rest: Any
    ) -> Any:
        hidden, layers, directions, train, states, dropout = shape
        hx, parameters = rest[:states], rest[states:]
        steps = x.shape[0] * (x.shape[1] if batch_sizes is None else 1)
        # half of bfloat16's weights: cuDNN is not asked for that type when a module lays its weights out flat
        flat = x.dtype is torch.bfloat16
        weights = x.new_empty((sum(item.numel() for item in parameters) if flat else 0,))
        out = x.new_empty((*x.shape[:-1], hidden * directions))
        last = [item.new_empty(item.shape) for item in hx]
        units = steps * hidden * directions
        kept = units * (_RESERVED[mode] * layers + layers - 1) if train else 0
        between = dropout and train and layers > 1
        reserve = x.new_empty((kept + (units * (layers - 1) // (8 * x.element_size()) if between else 0),))
        simulation.ledger.classify(reserve, Category.WORKSPACES)
        if between:
            simulation.dropout_states(x, _DROPOUT_STATE_BYTES)
        per_unit, per_input, per_sequence = _WORKED[mode]
        worked = units * (per_unit + (_BOTH_WAYS if directions > 1 else 0)) + x.numel() * per_input
        worked += hx[0].numel() * per_sequence + sum(item.numel() for item in parameters)
        worked += units * (layers - 1) if between else 0
        work_bytes = worked * x.element_size() + layers * directions * _LAYER_BYTES
        simulation.transient_like(x, work_bytes, "aten._cudnn_rnn")
        if directions > 1 and x.dtype is torch.float32:
            doubt = _BOTH_WAYS_DOUBT * units * x.element_size()
            simulation.workspace_doubt_bytes = max(simulation.workspace_doubt_bytes, doubt)
        ctx.save_for_backward(x, out, reserve, weights, *hx, *parameters)
        ctx.states, ctx.simulation, ctx.work_bytes = states, simulation, work_bytes
        return (out, *last)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, _, _, _, *rest = ctx.saved_tensors
        hx, parameters = rest[: ctx.states], rest[ctx.states :]
        total = sum(item.numel() for item in parameters)
        grad_x = x.new_empty(x.shape) if ctx.needs_input_grad[3] else None
        grad_hx = [item.new_empty(item.shape) for item in hx]
        flat = parameters[0].new_empty((total,)) if parameters else None
        ctx.simulation.transient_like(x, ctx.work_bytes, "aten._cudnn_rnn_backward")
        weights, at = [], 0
        for item in parameters:
            weights.append(flat[at : at + item.numel()].view(item.shape))  # type: ignore[index]
            at += item.numel()
        return (None, None, None, grad_x, None, *grad_hx, *weights)


def cudnn(
    simulation: Any, mode: str, x: torch.Tensor, batch_sizes: torch.Tensor | None, hx: Any, parameters: Any,
    layers: int, train: bool, bidirectional: bool, batch_first: bool, dropout: float = 0.0,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """The fused call on a simulated CUDA device. Returns output and last states."""
    states = list(hx) if isinstance(hx, (list, tuple)) else [hx]
    simulation.libraries.add("cuDNN")
    if batch_first:
        x = x.transpose(0, 1)
    x = x.contiguous()
    hidden = states[0].shape[-1]
    shape = (hidden, layers, 2 if bidirectional else 1, train, len(states), dropout)
    out, *last = CudnnRnn.apply(mode, simulation, shape, x, batch_sizes, *states, *parameters)
    return (out.transpose(0, 1) if batch_first else out, *last)


def gru_cell(x: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> torch.Tensor:
    """One step of a GRU on a device: two products and one fused kernel (RNN.cpp, GRUCell)."""
    return aten._thnn_fused_gru_cell(x @ w_ih.t(), hx @ w_hh.t(), hx, b_ih, b_hh)[0]


def lstm_cell(x: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[torch.Tensor, ...]:
    """One step of an LSTM on a device: two products and one fused kernel (RNN.cpp, LSTMCell)."""
    return aten._thnn_fused_lstm_cell(x @ w_ih.t(), hx[0] @ w_hh.t(), hx[1], b_ih, b_hh)[:2]


def handlers() -> dict[Any, Handler]:
    """The fused kernels of single cells (aten/src/ATen/native/cuda/RNN.cu), which have no meta kernels."""

    def fresh(*shape: int, like: torch.Tensor) -> torch.Tensor:
        return torch.empty(shape, dtype=like.dtype, device="meta")

    def made(dispatch: Dispatch, func: Any, pool: str, *results: Any) -> Any:
        for item in results:
            if item is not None:
                dispatch.record(item, pool, dispatch.facts(func).label)
        return results

    def gru(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        hx = args[2]
        workspace = fresh(hx.shape[0], hx.shape[1] * 5, like=hx)
        dispatch.record(workspace, pool, dispatch.facts(func).label)
        return made(dispatch, func, pool, fresh(*hx.shape, like=hx))[0], workspace

    def gru_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        workspace, bias = args[1:3]
        rows, hidden = workspace.shape[0], workspace.shape[1] // 5
        gates = [fresh(rows, 3 * hidden, like=workspace) for _ in range(2)]
        made(dispatch, func, pool, *gates, at := fresh(rows, hidden, like=workspace))
        return (*gates, at, *[_bias(dispatch, item, pool) if bias else None for item in gates])

    def lstm(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        gates, cx = args[0], args[2]
        workspace, hy, cy = fresh(*gates.shape, like=gates), fresh(*cx.shape, like=cx), fresh(*cx.shape, like=cx)
        made(dispatch, func, pool, workspace, hy, cy)
        return hy, cy, workspace

    def lstm_backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        cx, workspace, bias = args[2], args[4], args[5]
        gates, at = fresh(*workspace.shape, like=workspace), fresh(*cx.shape, like=cx)
        made(dispatch, func, pool, gates, at)
        return gates, at, _bias(dispatch, gates, pool) if bias else None

    return {
        aten._thnn_fused_gru_cell.default: gru,
        aten._thnn_fused_gru_cell_backward.default: gru_backward,
        aten._thnn_fused_lstm_cell.default: lstm,
        aten._thnn_fused_lstm_cell_backward_impl.default: lstm_backward,
    }


def _bias(dispatch: Dispatch, gates: torch.Tensor, pool: str) -> torch.Tensor:
    """The bias's gradient: a sum over the rows, with what that takes."""
    total = aten.sum.dim_IntList
    found: torch.Tensor = dispatch.handlers[total](dispatch, total, (gates, [0]), {}, pool)
    return found


def onednn_lstm(
    x: torch.Tensor, hx: Any, parameters: Any, has_biases: bool, layers: int, dropout: float, train: bool,
    bidirectional: bool, batch_first: bool,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """An LSTM on the CPU: oneDNN layer by layer and direction by direction, as aten's mkldnn path does."""
    directions = 2 if bidirectional else 1
    per_layer = 4 if has_biases else 2
    if batch_first:
        x = x.transpose(0, 1)
    x = x.contiguous()
    hidden, cells = [], []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            weights = list(parameters[index * per_layer : (index + 1) * per_layer])
            if not has_biases:
                weights += [torch.zeros(weights[0].shape[0]).to(weights[0])] * 2
            out, hy, cy, _ = torch.ops.aten.mkldnn_rnn_layer(
                x, *weights, hx[0][index], hx[1][index], direction == 1, [], 2, hx[0].shape[-1], layers, has_biases,
                bidirectional, False, train,
            )  # fmt: skip
            outputs.append(out)
            hidden.append(hy)
            cells.append(cy)
        x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        if dropout and train and layer < layers - 1:
            x = torch.nn.functional.dropout(x, dropout, True)
    out = x.transpose(0, 1) if batch_first else x
    return out, torch.stack(hidden), torch.stack(cells)
