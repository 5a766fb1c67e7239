"""Convolutions on the CPU: oneDNN copies its operands into blocked layouts, and PyTorch copies the results back.

Layouts by kind of convolution measured with PyTorch 2.13 (oneDNN 3) on an AVX-512 machine over 450 convolutions of
the accuracy benchmark's jobs, through torch.profiler's allocation events and oneDNN's own log. Buffers of at most a
few hundred KiB per call (scratchpads of strided kernels, reductions of weight gradients) are left out.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten

# A line of a plan: "+" takes a block under a name, "-" gives it back, "=" makes the result of that number.
Plan = list[tuple[str, Any, int]]

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def supported(dtype: torch.dtype) -> bool:
    """Whether PyTorch hands convolutions of that type to oneDNN on this machine."""
    return torch.backends.mkldnn.is_available() and dtype in (torch.float32, torch.bfloat16)


class Shapes:
    """One convolution: what the layouts depend on."""

    def __init__(self, x: torch.Tensor, weight: torch.Tensor, y_shape: Any, rest: Any) -> None:
        self.x, self.weight, self.y = tuple(x.shape), tuple(weight.shape), tuple(y_shape)
        self.stride, self.padding, self.dilation, self.transposed, _, self.groups = rest
        self.item = x.element_size()
        self.block = 16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 8
        self.last = like_channels_last(x) or like_channels_last(weight)
        self.strided = any(step > 1 for step in self.stride)
        self.depthwise = self.groups > 1 and self.groups == self.x[1]
        # the direct kernels hold at most seven columns of padding in registers; beyond it they multiply matrices
        self.columns = not self.last and not self.transposed and any(pad > 7 for pad in self.padding)
        channels = (self.x[1] // self.groups, self.y[1] // self.groups)
        self.plain_groups = self.groups > 1 and not self.depthwise and any(c % self.block for c in channels)

    def bytes(self, shape: Any) -> int:
        return math.prod(shape) * self.item

    def blocked(self, shape: Any) -> int:
        """Bytes with the channels padded to whole blocks."""
        return self.bytes((shape[0], _up(shape[1], self.block), *shape[2:]))

    def blocked_weight(self, padded_inputs: bool) -> int:
        """Bytes of the weights in blocks of output channels, and of input channels where they are padded too."""
        if self.groups > 1:
            return self.bytes(self.weight)
        first, second = self.weight[:2]
        if self.transposed:
            return self.bytes((_up(first, self.block) if padded_inputs else first, _up(second, self.block), *self.weight[2:]))
        return self.bytes((_up(first, self.block), _up(second, self.block) if padded_inputs else second, *self.weight[2:]))

    @property
    def few_inputs(self) -> bool:
        """A first layer: one to three channels (four in half precision) are read in their plain layout."""
        return self.groups == 1 and self.x[1] <= (4 if self.item == 2 else 3)


def forward_plan(s: Shapes) -> Plan:
    """Buffers of a forward convolution, in the order of their lives."""
    if s.last:
        return [("=", 0, 0), ("+", "weight", s.bytes(s.weight)), ("-", "weight", 0)]
    if s.columns or s.plain_groups:
        return [("+", "y", s.bytes(s.y)), ("=", 0, 0), ("-", "y", 0)]
    if s.transposed and s.strided:
        inside = [("x", s.bytes(s.x)), ("weight", s.blocked_weight(False)), ("y", s.bytes(s.y))]
        return [*_take(inside), *_give("weight", "x"), ("+", "plain", s.bytes(s.y)), ("=", 0, 0), *_give("plain", "y")]
    plan: Plan = [] if s.few_inputs else [("+", "x", s.blocked(s.x))]
    plan += _take([("weight", s.blocked_weight(not s.few_inputs)), ("y", s.blocked(s.y))])
    return [*plan, *_give("weight", "x"), ("=", 0, 0), *_give("y")]


def backward_plan(s: Shapes, wanted: Any) -> Plan:
    """Buffers of a backward convolution; results 0, 1, 2 are the gradients of input, weight and bias."""
    plan: Plan = []
    if wanted[0]:
        plan += _input_gradient(s)
    if wanted[1] or wanted[2]:
        plan += _weight_gradient(s, wanted)
    return plan


def _input_gradient(s: Shapes) -> Plan:
    if s.last:
        return [("=", 0, 0), ("+", "weight", s.bytes(s.weight)), ("-", "weight", 0)]
    if s.columns or s.plain_groups:
        column = s.bytes((s.x[1] // s.groups, *s.weight[2:], *s.y[2:]))
        return [("+", "x", s.bytes(s.x)), ("+", "column", column), ("-", "column", 0), ("=", 0, 0), ("-", "x", 0)]
    if s.strided and not s.transposed and not s.depthwise:  # channels last inside, then made contiguous
        inside = [("y", s.bytes(s.y)), ("weight", s.bytes(s.weight)), ("x", s.bytes(s.x))]
        return [*_take(inside), *_give("weight", "y"), ("+", "plain", s.bytes(s.x)), ("=", 0, 0), *_give("plain", "x")]
    few = s.transposed and s.y[1] <= 3
    inside = [("weight", s.blocked_weight(True)), ("x", s.blocked(s.x))]
    plan: Plan = [] if few else [("+", "y", s.blocked(s.y))]
    return [*plan, *_take(inside), *_give("weight", "y"), ("=", 0, 0), *_give("x")]


def _weight_gradient(s: Shapes, wanted: Any) -> Plan:
    results: Plan = []
    if wanted[2]:
        results.append(("=", 2, 0))
    if wanted[1]:
        results.append(("=", 1, 0))
    if s.last:
        return [("+", "weight", s.bytes(s.weight)), ("+", "plain", s.bytes(s.weight)), *results, *_give("plain", "weight")]
    few_x, few_y = s.few_inputs and not s.transposed, s.transposed and s.y[1] <= 3
    inside = [] if few_x else [("x", s.blocked(s.x))]
    inside = inside if few_y else [("y", s.blocked(s.y)), *inside]
    inside.append(("weight", s.blocked_weight(not (few_x or few_y))))
    return [*_take(inside), *_give("x", "y"), *results, *_give("weight")]


def _take(blocks: list[tuple[str, int]]) -> Plan:
    return [("+", name, size) for name, size in blocks]


def _give(*names: str) -> Plan:
    return [("-", name, 0) for name in names]


def _up(number: int, block: int) -> int:
    return -(-number // block) * block


def like_channels_last(tensor: torch.Tensor) -> bool:
    """Whether PyTorch takes a tensor's strides for channels last (c10::is_channels_last_strides)."""
    dimensions = tensor.dim()
    if dimensions not in _FORMATS:
        return False
    size, stride = tensor.shape, tensor.stride()
    if stride[1] == 0:
        return False
    least = 0
    for at in (1, *range(dimensions - 1, 1, -1), 0):
        if size[at] == 0 or stride[at] < least or (at == 0 and least == stride[1]):
            return False
        least = stride[at] * max(size[at], 1)
    return True


def handlers(simulation: Any) -> dict[Any, Handler]:
    """The table of convolutions, for the host's pool."""
    plans: dict[Any, Any] = {}

    def forward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        x, weight = args[0], args[1]
        if not supported(x.dtype):
            return dispatch.run_simulated(func, args, kwargs, pool)
        key = (_key(x), _key(weight), _frozen(args[3:9]))
        if key not in plans:
            y = _shape(func, args)
            shapes = Shapes(x, weight, y.shape, args[3:9])
            plans[key] = (forward_plan(shapes), [(y.shape, y.dtype)], _FORMATS[x.dim()] if shapes.last else None)
        return _run(dispatch, func, plans[key], _copied((x, weight), plans[key][2]))[0]

    def backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        y, x, weight, wanted = args[0], args[1], args[2], args[10]
        if not supported(x.dtype):
            return dispatch.run_simulated(func, args, kwargs, pool)
        key = (_key(y), _key(x), _key(weight), _frozen(args[4:10]), tuple(wanted))
        if key not in plans:
            shapes = Shapes(x, weight, y.shape, args[4:10])
            bias = (y.shape[1],)
            results = [(item, x.dtype) for item in (x.shape, weight.shape, bias)]
            plans[key] = (backward_plan(shapes, wanted), results, _FORMATS[x.dim()] if shapes.last else None)
        out = _run(dispatch, func, plans[key], _copied((y, x, weight), plans[key][2]))
        return tuple(out.get(index) for index in range(3))

    return {aten.convolution.default: forward, aten.convolution_backward.default: backward}


def _run(dispatch: Dispatch, func: Any, planned: Any, copied: list[int]) -> dict[int, torch.Tensor]:
    plan, results, memory_format = planned
    label = dispatch.facts(func).label
    held: dict[Any, torch.Tensor] = {at: _block(dispatch, size, label) for at, size in enumerate(copied)}
    out: dict[int, torch.Tensor] = {}
    for action, name, size in plan:
        if action == "+":
            held[name] = _block(dispatch, size, label)
        elif action == "-":
            held.pop(name, None)
        else:
            shape, dtype = results[name]
            chosen = memory_format if memory_format is not None and len(shape) > 2 else torch.contiguous_format
            out[name] = torch.empty(shape, dtype=dtype, device="meta", memory_format=chosen)
            dispatch.ledger.adopt(out[name], HOST, operator=label)
    return out


def _block(dispatch: Dispatch, size_bytes: int, label: str) -> torch.Tensor:
    block = torch.empty((size_bytes,), dtype=torch.uint8, device="meta")
    dispatch.ledger.adopt(block, HOST, operator=label, category=Category.WORKSPACES)
    return block


def _copied(operands: Any, memory_format: Any) -> list[int]:
    """Operands that are made contiguous first stay to the end of the call."""
    chosen = memory_format or torch.contiguous_format
    return [item.numel() * item.element_size() for item in operands if not item.is_contiguous(memory_format=chosen)]


def _shape(func: Any, args: Any) -> torch.Tensor:
    meta = [torch.empty_like(item, device="meta") if isinstance(item, torch.Tensor) else item for item in args]
    out: torch.Tensor = func(*meta)
    return out


def _key(tensor: torch.Tensor) -> Any:
    return (tensor.shape, tensor.stride(), tensor.dtype)


def _frozen(item: Any) -> Any:
    return tuple(_frozen(part) for part in item) if isinstance(item, (list, tuple)) else item

