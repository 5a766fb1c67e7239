"""Convolutions on the CPU: oneDNN copies its operands into blocked layouts, and PyTorch copies the results back.

Layouts by kind of convolution measured with PyTorch 2.13 (oneDNN 3) on an AVX-512 machine over 450 convolutions of
the accuracy benchmark's jobs, through torch.profiler's allocation events and oneDNN's own log.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.operators import unfolded
from memfit.frameworks.torch.operators.unfolded import Plan
from memfit.quantities import Category

aten = torch.ops.aten

_NAMES = ("Mkldnn", "MkldnnTranspose", "???")  # of what PyTorch hands to oneDNN
_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


class Shapes:
    """One convolution: what the layouts depend on."""

    def __init__(self, x: torch.Tensor, weight: torch.Tensor, y_shape: Any, rest: Any) -> None:
        self.x, self.weight, self.y = tuple(x.shape), tuple(weight.shape), tuple(y_shape)
        stride, padding, _, self.transposed, _, self.groups = rest
        self.item = x.element_size()
        self.block = 16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 8
        self.threads = torch.get_num_threads()
        self.last = like_channels_last(x) or like_channels_last(weight)
        self.strided = any(step > 1 for step in stride)
        self.steps = math.prod(stride)
        self.pointwise = all(size == 1 for size in self.weight[2:])
        self.depthwise = self.groups > 1 and self.groups == self.x[1] == self.y[1]
        per_group = (self.x[1] // self.groups, self.y[1] // self.groups)
        self.grouped = self.groups > 1 and not self.depthwise
        # the direct kernels hold at most seven columns of padding in registers, and blocks of four channels or more;
        # beyond that oneDNN multiplies matrices
        wide = any(pad > 7 for pad in padding) and not self.transposed
        self.matrices = not self.last and (wide or (self.grouped and any(count % 4 for count in per_group)))
        # channels of the tensor that the kernel reads from as a convolution's source
        self.read = self.y[1] if self.transposed else self.x[1]

    def bytes(self, shape: Any) -> int:
        return math.prod(shape) * self.item

    def blocked(self, shape: Any, block: int | None = None) -> int:
        """Bytes with the channels padded to whole blocks."""
        if self.grouped:
            return self.bytes(shape)
        return self.bytes((shape[0], _up(shape[1], block or self.block), *shape[2:]))

    def blocked_weight(self, *, source: bool, block: int | None = None) -> int:
        """Bytes of the weights in blocks of destination channels, and of source channels where ``source``."""
        if self.groups > 1:
            return self.bytes(self.weight)
        block = block or self.block
        destination, read = self.weight[:2]
        return self.bytes((_up(destination, block), _up(read, block) if source else read, *self.weight[2:]))

    @property
    def flat(self) -> bool:
        """A first layer: fewer channels than a block are read in their plain layout."""
        return self.groups == 1 and self.read < self.block and not self.pointwise


def forward_plan(s: Shapes) -> Plan:
    """Buffers of a forward convolution, in the order of their lives."""
    if s.last:
        return [("=", 0, 0), ("+", "weight", s.bytes(s.weight)), ("-", "weight", 0)]
    if s.matrices:
        return [("+", "y", s.bytes(s.y)), ("=", 0, 0), ("-", "y", 0)]
    if s.transposed and s.strided:
        weight = s.weight[0] * _up(s.weight[1], s.block) * math.prod(s.weight[2:]) * s.item
        inside = [("scratch", _strided_scratch(s, s.x)), ("x", s.bytes(s.x)), ("weight", weight), ("y", s.bytes(s.y))]
        plain: Plan = [("+", "plain", s.bytes(s.y)), ("=", 0, 0)]
        return [*_take(inside), *_give("weight", "x", "scratch"), *plain, *_give("plain", "y")]
    flat = s.flat and not s.transposed
    inside = [] if flat else [("x", s.blocked(s.x))]
    if s.pointwise and s.strided:  # the strided source gathered, per thread (rtus)
        inside.append(("scratch", s.threads * s.item * _up(s.x[1], s.block) * math.prod(s.y[2:])))
    inside += [("weight", s.blocked_weight(source=not flat)), ("y", s.blocked(s.y))]
    return [*_take(inside), *_give("weight", "x", "scratch"), ("=", 0, 0), *_give("y")]


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
    if s.matrices:
        column = s.bytes((s.x[1] // s.groups, *s.weight[2:], *s.y[2:]))
        return [("+", "x", s.bytes(s.x)), ("+", "column", column), ("-", "column", 0), ("=", 0, 0), ("-", "x", 0)]
    if s.strided and not s.transposed and s.groups == 1:  # channels last inside, then made contiguous
        inside = [("y", s.bytes(s.y)), ("weight", s.bytes(s.weight)), ("x", s.bytes(s.x))]
        inside.append(("scratch", _strided_scratch(s, s.y)))
        plain: Plan = [("+", "plain", s.bytes(s.x)), ("=", 0, 0)]
        return [*_take(inside), *_give("scratch", "weight", "y"), *plain, *_give("plain", "x")]
    flat = s.flat and s.transposed
    inside = [] if flat else [("y", s.blocked(s.y))]
    inside += [("weight", s.blocked_weight(source=not flat)), ("x", s.blocked(s.x))]
    return [*_take(inside), *_give("weight", "y"), ("=", 0, 0), *_give("x")]


def _weight_gradient(s: Shapes, wanted: Any) -> Plan:
    results: Plan = [("=", index, 0) for index in (2, 1) if wanted[index]]
    if s.last:
        weight = s.bytes(s.weight)
        return [("+", "weight", weight), ("+", "plain", weight), *results, *_give("plain", "weight")]
    few = s.flat and s.item == 2 and s.y[1] % s.block  # half precision knows blocks of destination channels alone
    if few or (s.matrices and s.grouped):
        return [("+", "weight", s.bytes(s.weight)), *results, *_give("weight")]
    # fewer source channels than a block: up to three (any number in half precision) flat, else blocks of eight
    flat = s.flat and (s.read <= 3 or s.item == 2)
    block = 8 if s.flat and not flat else s.block
    source, destination = ("y", "x") if s.transposed else ("x", "y")
    blocked = {"x": s.blocked(s.x, block), "y": s.blocked(s.y, block)}
    inside = [(destination, blocked[destination])]
    if not flat:
        inside.append((source, blocked[source]))
    weight = s.blocked_weight(source=not flat, block=block)
    inside += [("weight", weight), ("scratch", _reduction(s, weight))]
    return [*_take(inside), *_give("scratch", "x", "y"), *results, *_give("weight")]


def _strided_scratch(s: Shapes, read: Any) -> int:
    """Scratchpad of the strided kernels (brgconv_strided): the tensor read, one image per thread, with a margin.

    Fitted to 30 measured ones, within 20 %.
    """
    margin = 0 if s.pointwise else 5 * read[-1]
    return s.threads * s.item * _up(read[1], s.block) * (math.prod(read[2:]) + margin) + 28848


def _reduction(s: Shapes, weight_bytes: int) -> int:
    """What threads add up of the weights' gradient where they share the batch (oneDNN's balance of threads).

    The rule is that of jit_avx512_common_conv_bwd_weights (oneDNN 3), checked against 200 measured convolutions.
    """
    if s.groups > 1:
        return 0
    shared = _threads_on_batch(s)
    if s.item == 4:
        return weight_bytes * (shared - 1) + 8500 if shared > 1 else 0
    source, destination = (s.y, s.x) if s.transposed else (s.x, s.y)
    rows = 0
    if not s.pointwise:  # half precision: transposed copies of both tensors' images, per thread
        wide = source[-1] + 2 * (s.weight[-1] // 2)
        rows = 0 if s.flat else _up(source[1], s.block) * math.prod(source[2:-1]) * wide
        rows += _up(destination[1], s.block) * math.prod(destination[2:])
    copies = shared if shared > 1 else 1
    return 2 * weight_bytes * copies + s.threads * rows * s.item + 8500


def _threads_on_batch(s: Shapes) -> int:
    source, destination = (s.y, s.x) if s.transposed else (s.x, s.y)
    block, rows = s.block, destination[2] if len(destination) > 3 else 1  # batches are split at rows of images too
    batch = source[0] * rows
    blocks_in, blocks_out = (-(-shape[1] // block) for shape in (source, destination))
    taps = math.prod(s.weight[2:])

    def costs(on_batch: int, on_out: int, on_in: int) -> tuple[float, float]:
        images, outs, ins = -(-batch // on_batch) / rows, -(-blocks_out // on_out), -(-blocks_in // on_in)
        moved = images * ins * block * math.prod(source[2:]) / s.steps + images * outs * block * math.prod(
            destination[2:]
        )
        return moved + 8 * outs * ins * taps * block * block, images * outs * ins

    choices = [
        (mine, out, min(s.threads // mine // out, blocks_in))
        for mine in range(1, min(s.threads, batch) + 1)
        for out in range(1, min(s.threads // mine, blocks_out) + 1)
    ]
    best = (1, 1, 1)
    for choice in choices:
        if costs(*choice)[0] <= costs(*best)[0]:
            best = choice
    least, work = costs(*best)
    for choice in choices:
        memory, computed = costs(*choice)
        near = memory < 1.1 * least and not s.pointwise
        if (computed <= work and near) or 4 * computed <= 3 * work:
            best, work = choice, computed
    return best[0]


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
        key = (_key(x), _key(weight), _frozen(args[3:9]))
        if key not in plans:
            y, rest = _shape(func, args), args[3:9]
            name = unfolded.backend(x, weight, rest)
            shapes = Shapes(x, weight, y.shape, rest)
            plan = _plan(name, lambda: forward_plan(shapes), unfolded.Windows(name, x, weight, y.shape, rest).forward)
            plans[key] = (plan, [(y.shape, y.dtype)], _format(name, shapes, x))
        if plans[key][0] is None:
            return dispatch.run_simulated(func, args, kwargs, pool)
        return _run(dispatch, func, plans[key], _copied((x, weight), plans[key][2]))[0]

    def backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        y, x, weight, wanted = args[0], args[1], args[2], args[10]
        key = (_key(y), _key(x), _key(weight), _frozen(args[4:10]), tuple(wanted))
        if key not in plans:
            rest = args[4:10]
            name = unfolded.backend(x, weight, rest)
            shapes, windows = Shapes(x, weight, y.shape, rest), unfolded.Windows(name, x, weight, y.shape, rest)
            plan = _plan(name, lambda: backward_plan(shapes, wanted), lambda: windows.backward(wanted))
            results = [(item, x.dtype) for item in (x.shape, weight.shape, (y.shape[1],))]
            plans[key] = (plan, results, _format(name, shapes, x))
        if plans[key][0] is None:
            return dispatch.run_simulated(func, args, kwargs, pool)
        out = _run(dispatch, func, plans[key], _copied((y, x, weight), plans[key][2]))
        return tuple(out.get(index) for index in range(3))

    return {aten.convolution.default: forward, aten.convolution_backward.default: backward}


def _plan(name: str, by_onednn: Callable[[], Plan], by_windows: Callable[[], Plan]) -> Plan | None:
    """The plan of a convolution that the backend of that name computes; None of one that has none."""
    if name in _NAMES:
        return by_onednn()
    return by_windows() if name.startswith("Slow") else None


def _format(name: str, shapes: Shapes, x: torch.Tensor) -> Any:
    """How the results lie in memory, and the operands are wanted; None where that is as usual."""
    last = shapes.last and (name in _NAMES or x.dim() == 4)
    return _FORMATS[x.dim()] if last else None


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
