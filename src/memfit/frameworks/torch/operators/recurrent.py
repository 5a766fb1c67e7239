"""LSTM, GRU and plain RNN as the device's library runs them: one fused call with a reserve kept for the backward pass.

cuDNN's reserve is its own; its size is modelled here from the values that the backward pass needs (gates, cells,
outputs and, between layers, dropout's masks). On the CPU an LSTM goes through oneDNN, layer by layer.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.quantities import Category

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}

# Values per hidden unit, time step and sequence that cuDNN keeps for the backward pass: every gate, and the cell and
# its tanh (LSTM) or the reset product (GRU). Basis: assumed; cuDNN publishes no formula.
_RESERVED = {"lstm": 6, "gru": 5, "rnn_tanh": 2, "rnn_relu": 2}


class CudnnRnn(torch.autograd.Function):
    """One fused recurrent call. Inputs and outputs as aten's lstm/gru/rnn with time first."""

    @staticmethod
    def forward(
        ctx: Any, mode: str, simulation: Any, shape: tuple[int, ...], x: Any, batch_sizes: Any, *rest: Any
    ) -> Any:
        hidden, layers, directions, train, states = shape
        hx, parameters = rest[:states], rest[states:]
        steps = x.shape[0] * (x.shape[1] if batch_sizes is None else 1)
        out = x.new_empty((*x.shape[:-1], hidden * directions))
        last = [item.new_empty(item.shape) for item in hx]
        reserve_values = steps * hidden * layers * directions * _RESERVED[mode] if train else 0
        reserve = x.new_empty((reserve_values,))
        simulation.ledger.classify(reserve, Category.WORKSPACES)
        gates = _GATES[mode] * steps * hidden * directions * x.element_size()
        simulation.transient_like(x, gates, "aten._cudnn_rnn")
        ctx.save_for_backward(x, out, reserve, *hx, *parameters)
        ctx.states, ctx.simulation, ctx.gates = states, simulation, gates
        return (out, *last)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, _, _, *rest = ctx.saved_tensors
        hx, parameters = rest[: ctx.states], rest[ctx.states :]
        ctx.simulation.transient_like(x, ctx.gates, "aten._cudnn_rnn_backward")
        total = sum(item.numel() for item in parameters)
        flat = parameters[0].new_empty((total,)) if parameters else None
        weights, at = [], 0
        for item in parameters:
            weights.append(flat[at : at + item.numel()].view(item.shape))  # type: ignore[index]
            at += item.numel()
        grad_x = x.new_empty(x.shape) if ctx.needs_input_grad[3] else None
        return (None, None, None, grad_x, None, *[item.new_empty(item.shape) for item in hx], *weights)


def cudnn(
    simulation: Any, mode: str, x: torch.Tensor, batch_sizes: torch.Tensor | None, hx: Any, parameters: Any,
    layers: int, train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """The fused call on a simulated CUDA device. Returns output and last states."""
    states = list(hx) if isinstance(hx, (list, tuple)) else [hx]
    if batch_first:
        x = x.transpose(0, 1)
    x = x.contiguous()
    hidden = states[0].shape[-1]
    shape = (hidden, layers, 2 if bidirectional else 1, train, len(states))
    out, *last = CudnnRnn.apply(mode, simulation, shape, x, batch_sizes, *states, *parameters)
    return (out.transpose(0, 1) if batch_first else out, *last)


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
