"""Recurrent layers on the CPU: oneDNN's workspace for an LSTM, and the step-by-step layers of everything else.

PyTorch multiplies the input of all time steps at once where the tensor is on the CPU (RNN.cpp, FullLayer and
PackedLayer, 2.13), which a meta tensor is not: so the layers are written out here, in the same order of operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.quantities import Category

aten = torch.ops.aten
_PAGE = 4096

# -- oneDNN -------------------------------------------------------------------------------------------------------


def workspace_bytes(steps: int, batch: int, inputs: int, hidden: int) -> int:
    """What oneDNN keeps of one LSTM layer for its backward pass (float32).

    Gates, three pairs of states as wide as input or output, two pairs of cells, one more state; each on whole pages.
    Fitted to 22 sizes measured with PyTorch 2.13 (oneDNN 3): their slopes, and one of them checked to the byte.
    """
    wide = _leading(max(inputs, hidden))
    parts = [steps * batch * _leading(4 * hidden)]
    parts += [2 * (steps + 1) * batch * wide] * 3
    parts += [2 * (steps + 1) * batch * hidden] * 2
    parts.append(steps * batch * _leading(hidden))
    return sum(-(-4 * part // _PAGE) * _PAGE for part in parts)


def scratch_bytes(steps: int, batch: int, hidden: int) -> int:
    """The scratchpad of one call, forward or backward: the gates of all steps and a little."""
    return 4 * steps * batch * _leading(4 * hidden) + 128 * hidden + 4664


def _leading(width: int) -> int:
    """oneDNN's row length: whole vectors of 16, never a multiple of 256 (rnn_utils, get_good_ld)."""
    width = -(-width // 16) * 16
    return width + 16 if width % 256 == 0 else width


def _bytes(*tensors: torch.Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def forward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """mkldnn_rnn_layer with its workspace, which the meta kernel leaves out."""
    x, weights, hx, train = args[0], args[1:5], args[5], args[15]
    steps, batch, inputs = x.shape
    hidden = args[10]
    label = dispatch.facts(func).label
    out = torch.empty((steps, batch, hidden), dtype=x.dtype, device="meta")
    states = [torch.empty_like(hx, device="meta", memory_format=torch.contiguous_format) for _ in range(2)]
    size = workspace_bytes(steps, batch, inputs, hidden) if train else 0
    workspace = torch.empty((size,), dtype=torch.uint8, device="meta")
    dispatch.record((out, *states), pool, label)
    dispatch.record(workspace, pool, label, category=Category.WORKSPACES)
    inside = _bytes(weights[0], weights[1], weights[2]) + scratch_bytes(steps, batch, hidden)
    dispatch.ledger.transient(pool, inside, Category.WORKSPACES, label)
    return out, *states, workspace


def backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """mkldnn_rnn_layer_backward with its contiguous gradients, reordered weights and scratchpad."""
    x, weights, hx, cx = args[0], args[1:5], args[5], args[6]
    steps, batch, _ = x.shape
    label = dispatch.facts(func).label
    held = []
    for given, like in zip(args[10:13], (args[7], hx, cx), strict=True):
        if given is None or not given.is_contiguous():
            held.append(torch.empty(like.shape, dtype=like.dtype, device="meta"))
    held.append(torch.empty_like(weights[2], device="meta"))
    dispatch.record(held, pool, label, category=Category.TEMPORARIES)
    made = [torch.empty(like.shape, dtype=x.dtype, device="meta") for like in (x, *weights[:3], hx, cx)]
    dispatch.record(made, pool, label)
    inside = _bytes(weights[0], weights[1], weights[2]) + scratch_bytes(steps, batch, hx.shape[-1])
    dispatch.ledger.transient(pool, inside, Category.WORKSPACES, label)
    second = torch.empty(weights[3].shape, dtype=x.dtype, device="meta")
    dispatch.record(second, pool, label)
    return made[0], made[1], made[2], made[3], second, made[4], made[5]


def handlers() -> dict[Any, Handler]:
    """oneDNN's two operators, for the host's pool."""
    found: dict[Any, Handler] = {}
    for name, handler in (("mkldnn_rnn_layer", forward), ("mkldnn_rnn_layer_backward", backward)):
        packet = getattr(aten, name, None)
        if packet is not None:
            found[packet.default] = handler
    return found


# -- step by step -------------------------------------------------------------------------------------------------

Cell = Callable[[torch.Tensor, Any, Any], Any]


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """aten::linear as it runs on real tensors: a bias is added in place where the input is not contiguous."""
    if bias is None or x.dim() < 3 or x.is_contiguous():
        return torch.nn.functional.linear(x, weight, bias)
    return torch.matmul(x, weight.t()).add_(bias)


def _gru(gates: torch.Tensor, hidden: torch.Tensor, weights: Any) -> torch.Tensor:
    mine, theirs = gates.unsafe_chunk(3, 1), linear(hidden, weights[1], weights[3]).unsafe_chunk(3, 1)
    reset = theirs[0].add_(mine[0]).sigmoid_()
    update = theirs[1].add_(mine[1]).sigmoid_()
    new = mine[2].add(theirs[2].mul_(reset)).tanh_()
    return (hidden - new).mul_(update).add_(new)


def _simple(nonlinearity: Callable[[torch.Tensor], torch.Tensor]) -> Cell:
    def cell(gates: torch.Tensor, hidden: torch.Tensor, weights: Any) -> torch.Tensor:
        return nonlinearity(linear(hidden, weights[1], weights[3]).add_(gates))

    return cell


def _lstm(gates: torch.Tensor, state: Any, weights: Any) -> Any:
    hidden, cell = state
    chunks = linear(hidden, weights[1], weights[3]).add_(gates).unsafe_chunk(4, 1)
    enter, forget = chunks[0].sigmoid_(), chunks[1].sigmoid_()
    candidate, leave = chunks[2].tanh_(), chunks[3].sigmoid_()
    cell = (forget * cell).add_(enter * candidate)
    hidden = leave * cell.tanh()
    return (hidden if len(weights) < 5 else hidden.matmul(weights[4].t())), cell


_CELLS: dict[str, Cell] = {"gru": _gru, "lstm": _lstm, "rnn_tanh": _simple(torch.tanh), "rnn_relu": _simple(torch.relu)}


def _output(state: Any) -> torch.Tensor:
    return state[0] if isinstance(state, tuple) else state


def _part(state: Any, start: int, end: int) -> Any:
    if isinstance(state, tuple):
        return tuple(_part(item, start, end) for item in state)
    return state.narrow(0, start, end - start)


def _joined(states: list[Any]) -> Any:
    if isinstance(states[0], tuple):
        return tuple(torch.cat(list(items), 0) for items in zip(*states, strict=True))
    return torch.cat(states, 0)


def _full(cell: Cell, x: torch.Tensor, state: Any, weights: Any, reverse: bool) -> tuple[torch.Tensor, Any]:
    """One layer, one direction, over time in the first dimension."""
    projected = linear(x, weights[0], weights[2])
    outputs = []
    steps = projected.unbind(0)
    for gates in reversed(steps) if reverse else steps:
        state = cell(gates, state, weights)
        outputs.append(_output(state))
    if reverse:
        outputs.reverse()
    return torch.stack(outputs, 0), state


def _packed(
    cell: Cell, data: torch.Tensor, sizes: list[int], state: Any, weights: Any, reverse: bool
) -> tuple[torch.Tensor, Any]:
    """One layer, one direction, over packed sequences: fewer of them step by step, or more when reversed."""
    projected = linear(data, weights[0], weights[2])
    outputs, finished = [], []
    last = sizes[-1] if reverse else sizes[0]
    offset = data.shape[0] if reverse else 0
    initial, state = state, _part(state, 0, last) if reverse else state
    for size in reversed(sizes) if reverse else sizes:
        if reverse:
            offset -= size
            if size > last:
                state = _joined([state, _part(initial, last, size)])
        elif size < last:
            finished.append(_part(state, size, last))
            state = _part(state, 0, size)
        state = cell(projected.narrow(0, offset, size), state, weights)
        outputs.append(_output(state))
        offset += 0 if reverse else size
        last = size
    if reverse:
        outputs.reverse()
        return torch.cat(outputs, 0), state
    return torch.cat(outputs, 0), _joined([*finished, state][::-1])


def layers(
    mode: str, x: torch.Tensor, batch_sizes: torch.Tensor | None, hx: Any, parameters: Any, has_biases: bool,
    count: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """A stack of layers as aten's gru, lstm and rnn make it. Returns output and last states."""
    directions = 2 if bidirectional else 1
    per_layer = len(parameters) // (count * directions)
    x = x.transpose(0, 1) if batch_first else x
    states = list(zip(*[item.unbind(0) for item in hx], strict=True)) if mode == "lstm" else hx.unbind(0)
    sizes = None if batch_sizes is None else batch_sizes.tolist()
    last = []
    for layer in range(count):
        outputs = []
        for direction in range(directions):
            at = layer * directions + direction
            weights = _weights(parameters[at * per_layer : (at + 1) * per_layer], has_biases)
            run = _CELLS[mode], x
            if sizes is None:
                out, state = _full(*run, states[at], weights, direction == 1)
            else:
                out, state = _packed(*run, sizes, states[at], weights, direction == 1)
            outputs.append(out)
            last.append(state)
            del out
        x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        if dropout and train and layer < count - 1:
            x = torch.nn.functional.dropout(x, dropout, True)
    out = x.transpose(0, 1) if batch_first else x
    if mode == "lstm":
        return out, torch.stack([item[0] for item in last]), torch.stack([item[1] for item in last])
    return out, torch.stack(last)


def _weights(given: Any, has_biases: bool) -> list[Any]:
    """Input and hidden weights, their biases, and a projection where there is one."""
    if has_biases:
        return list(given)
    return [*given[:2], None, None, *given[2:]]
