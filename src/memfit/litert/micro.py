"""TensorFlow Lite Micro: what its arena has to hold, by its sources at commit 90b983c (2026-08-20).

The arena's one end holds what lives as long as the model (a record of every tensor and operator, what kernels keep),
its other end the plan of tensors and scratch; while it is made, the plan itself lies there. Sizes of records are those
of a 64-bit build and of a 32-bit one, which microcontrollers run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from memfit.litert.arena import aligned, buffers_of, first_gap
from memfit.litert.model import INT4, INT8, INT16, Graph, Kind, Model, Operator, Tensor

_ALIGNMENT = 16
# What a kernel keeps for every operator, by its kind: so many whole numbers and pointers (the OpData of
# micro/kernels/*.cc). Kinds that are not here keep nothing.
_KEPT: Mapping[int, tuple[int, int]] = {
    Kind.CONV_2D: (12, 2), Kind.DEPTHWISE_CONV_2D: (12, 2), Kind.FULLY_CONNECTED: (10, 2), Kind.AVERAGE_POOL_2D: (8, 0),
    Kind.MAX_POOL_2D: (8, 0), Kind.ADD: (15, 0), Kind.SUB: (13, 0), Kind.MUL: (9, 0), Kind.MEAN: (11, 0),
    Kind.REDUCE_MAX: (11, 0), Kind.SUM: (11, 0), Kind.SVDF: (9, 0), Kind.LOGISTIC: (4, 0), Kind.TANH: (4, 0),
    Kind.LEAKY_RELU: (6, 0), Kind.HARD_SWISH: (5, 0), Kind.RELU: (8, 0), Kind.RELU6: (2, 0), Kind.DEQUANTIZE: (7, 0),
    Kind.QUANTIZE: (7, 0), Kind.PRELU: (7, 0), Kind.PAD: (14, 0), Kind.PADV2: (14, 0), Kind.STRIDED_SLICE: (21, 0),
    Kind.SOFTMAX: (9, 5), Kind.CONCATENATION: (5, 2), Kind.LESS: (12, 0), Kind.GREATER: (12, 0),
    Kind.GREATER_EQUAL: (12, 0), Kind.LESS_EQUAL: (12, 0), Kind.EQUAL: (12, 0), Kind.NOT_EQUAL: (12, 0),
    Kind.TRANSPOSE_CONV: (24, 2), Kind.ELU: (64, 0), Kind.BATCH_MATMUL: (12, 3), Kind.SELECT_V2: (4, 0),
    Kind.SQUARED_DIFFERENCE: (26, 0), Kind.UNIDIRECTIONAL_SEQUENCE_LSTM: (172, 0), Kind.DIV: (6, 0),
    Kind.ADD_N: (12, 0), Kind.LOG_SOFTMAX: (8, 0),
}  # fmt: skip
# More of them in a build that reads compressed weights, as tflite-micro's Python package is one.
_KEPT_FOR_COMPRESSION: Mapping[int, int] = {Kind.CONV_2D: 2, Kind.DEPTHWISE_CONV_2D: 2, Kind.FULLY_CONNECTED: 3}
# Options that the file's are parsed into, kept as well (lite/core/c/builtin_op_data.h); of others, a word or two.
_OPTIONS: Mapping[int, int] = {
    Kind.CONV_2D: 28, Kind.DEPTHWISE_CONV_2D: 32, Kind.FULLY_CONNECTED: 28, Kind.AVERAGE_POOL_2D: 40,
    Kind.MAX_POOL_2D: 40, Kind.RESHAPE: 36, Kind.STRIDED_SLICE: 24, Kind.TRANSPOSE_CONV: 24,
    Kind.UNIDIRECTIONAL_SEQUENCE_LSTM: 20, Kind.SVDF: 12, Kind.QUANTIZE: 0, Kind.DEQUANTIZE: 0, Kind.LOGISTIC: 0,
    Kind.TANH: 0, Kind.HARD_SWISH: 0, Kind.PAD: 0, Kind.RELU: 0, Kind.RELU6: 0, Kind.PRELU: 0,
}  # fmt: skip
_OPTIONS_OF_OTHERS = 8
_WEIGHTED = (Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.FULLY_CONNECTED)
_LOOKUP_VALUES = 513  # of softmax on 16-bit integers: two tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Sizes of the runtime's records, bytes.

    Args:
        pointer: of an address.
        tensor: TfLiteEvalTensor.
        node: NodeAndRegistration.
        end: TfLiteTensor, of inputs and outputs alone.
        quantisation: TfLiteAffineQuantization, of those.
        allocation: AllocationInfo, of each tensor and scratch buffer while the plan is made.
        objects: the allocator, the planner and what else there is once; set on the tuning half of benchmarks/litert,
            of 64 bits with the allocator that records, of 32 bits by the smallest arena.
        compression: whether it was built to read compressed weights.
    """

    pointer: int
    tensor: int
    node: int
    end: int
    quantisation: int
    allocation: int
    objects: int
    compression: bool


BITS_64 = Build(pointer=8, tensor=24, node=64, end=64, quantisation=24, allocation=32, objects=512, compression=True)
BITS_32 = Build(pointer=4, tensor=12, node=32, end=40, quantisation=12, allocation=24, objects=150, compression=False)
_PLANNED = 40  # of the planner's own lists, for each buffer (GreedyMemoryPlanner::per_buffer_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """What an arena holds, bytes.

    Args:
        plan: tensors and scratch, as placed.
        making: what making the plan takes in the same place.
        tail: records, and what kernels keep.
        variables: tensors that stay from run to run; in the tail, and counted there.
    """

    plan: int
    making: int
    tail: int
    variables: int

    @property
    def bytes(self) -> int:
        """The smallest arena that the model runs in."""
        return max(self.plan, self.making) + self.tail


def arena(model: Model, build: Build, *, optimised: bool = False) -> Arena:
    """The arena of a model.

    Args:
        model: as read.
        build: the processor's.
        optimised: with the scratch of Arm's kernels (CMSIS-NN) in the place of the reference ones.
    """
    scratch = _optimised if optimised else _scratch
    buffers = buffers_of(model, alignment=_ALIGNMENT, scratch=scratch)
    requests = sum(1 for graph in model.graphs for each in graph.operators for size in scratch(graph, each) if size)
    tensors = sum(len(graph.tensors) for graph in model.graphs)
    making = build.allocation * (tensors + requests) + build.pointer * len(model.graphs) + _PLANNED * len(buffers)
    variables = sum(
        _aligned(each.bytes)
        for graph in model.graphs
        for each in graph.tensors
        if each.variable and each.offset is None
    )
    return Arena(
        plan=first_gap(buffers), making=making, tail=_tail(model, build, requests) + variables, variables=variables
    )


def _tail(model: Model, build: Build, requests: int) -> int:
    tail = build.objects + build.pointer * requests
    for graph in model.graphs:
        tail += build.tensor * len(graph.tensors) + build.node * len(graph.operators)
        tail += sum(_kept(graph, each, build) for each in graph.operators)
    first = model.graphs[0]
    for places in (first.inputs, first.outputs):
        tail += _aligned(build.pointer * len(places))
        tail += sum(build.end + _quantisation(first.tensors[place], build) for place in places if place >= 0)
    return tail


def _quantisation(tensor: Tensor, build: Build) -> int:
    return build.quantisation + 4 * (1 + tensor.scales) if tensor.scales else 0


def _kept(graph: Graph, operator: Operator, build: Build) -> int:
    """What a kernel keeps of an operator: its data, its options, factors for each channel."""
    numbers, pointers = _KEPT.get(operator.code, (0, 0))
    numbers += _KEPT_FOR_COMPRESSION.get(operator.code, 0) if build.compression else 0
    kept = _aligned(4 * numbers + build.pointer * pointers) + _OPTIONS.get(operator.code, _OPTIONS_OF_OTHERS)
    given, weights = graph.given(operator, 0), graph.given(operator, 1)
    if operator.code == Kind.SOFTMAX and given is not None and given.kind == INT16:
        return kept + 2 * _aligned(2 * _LOOKUP_VALUES)
    if weights is None:
        return kept
    if operator.code in (Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.TRANSPOSE_CONV) and weights.shape:
        channels = weights.shape[-1 if operator.code == Kind.DEPTHWISE_CONV_2D else 0]
        kept += 2 * _aligned(4 * channels)
    elif operator.code == Kind.FULLY_CONNECTED and weights.scales > 1:
        kept += 2 * _aligned(4 * weights.scales)
    return kept


def _scratch(graph: Graph, operator: Operator) -> list[int]:
    """What the reference kernels ask for (RequestScratchBufferInArena in micro/kernels)."""
    given, weights = graph.given(operator, 0), graph.given(operator, 1)
    made = graph.made(operator)
    if given is None or made is None:
        return []
    code = operator.code
    if (
        code in (Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.FULLY_CONNECTED)
        and weights is not None
        and weights.kind == INT4
    ):
        return [weights.elements]
    if code in (Kind.MEAN, Kind.SUM, Kind.REDUCE_MAX):
        return [4 * len(given.shape), 4 * (weights.elements if weights is not None else 1), 4 * made.elements]
    if code == Kind.SVDF and weights is not None and weights.shape and given.shape:
        filters, units = weights.shape[0], made.elements
        return [4 * given.shape[0] * filters] + ([4 * units] if given.kind == INT8 else [])
    if code == Kind.TRANSPOSE_CONV:
        sums = {INT8: 4, INT16: 8}.get(made.kind, 0)
        return [sums * made.elements]
    if code == Kind.UNIDIRECTIONAL_SEQUENCE_LSTM:
        return [_state(graph, operator)] * 4
    if code == Kind.ADD_N and given.kind == INT8:
        return [4 * made.elements]
    return []


def _state(graph: Graph, operator: Operator) -> int:
    """Bytes of an LSTM's cell state: the second of its two variables."""
    kept = [graph.tensors[place] for place in operator.inputs if place >= 0 and graph.tensors[place].variable]
    return kept[-1].bytes if kept else 0


def _optimised(graph: Graph, operator: Operator) -> list[int]:
    """What Arm's kernels ask for: the inputs under a window, as 16-bit values, for two outputs at once.

    ARM-software/CMSIS-NN: arm_convolve_s8_get_buffer_size, arm_depthwise_conv_s8_opt_get_buffer_size,
    arm_avgpool_s8_get_buffer_size (the cores with DSP instructions).
    """
    given, weights = graph.given(operator, 0), graph.given(operator, 1)
    if given is not None and given.kind == INT8 and len(given.shape) == 4:
        channels = given.shape[-1]
        if operator.code == Kind.CONV_2D and weights is not None and len(weights.shape) == 4:
            return [2 * 2 * math.prod(weights.shape[1:3]) * channels]
        if operator.code == Kind.DEPTHWISE_CONV_2D and weights is not None and len(weights.shape) == 4:
            return [2 * math.prod(weights.shape[1:3]) * channels]
        if operator.code == Kind.AVERAGE_POOL_2D:
            return [4 * channels]
    return _scratch(graph, operator)


def _aligned(size: int) -> int:
    return aligned(size, _ALIGNMENT)
