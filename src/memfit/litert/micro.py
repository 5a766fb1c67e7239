"""TensorFlow Lite Micro: what its arena has to hold, by its sources at commit 90b983c (2026-08-20).

The arena's one end holds what lives as long as the model (a record of every tensor and operator, what kernels keep),
its other end the plan of tensors and scratch; while it is made, the plan itself lies there. Sizes of records are those
of a 64-bit build and of a 32-bit one, which microcontrollers run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from memfit.litert.arena import buffers_of, first_gap
from memfit.litert.model import FLOAT32, INT4, INT8, INT16, Graph, Model, Operator, Tensor

_ALIGNMENT = 16
_CONV, _DEPTHWISE, _FULL, _MEAN, _MAX, _SUM, _SVDF, _LSTM, _TRANSPOSED, _SOFTMAX, _ADD_N = (
    3, 4, 9, 40, 82, 74, 27, 44, 67, 25, 106,
)  # fmt: skip
# What a kernel keeps for every operator, by its kind: so many whole numbers and pointers (the OpData of
# micro/kernels/*.cc). Kinds that are not here keep nothing.
_KEPT = {
    _CONV: (12, 2), _DEPTHWISE: (12, 2), _FULL: (10, 2), 1: (8, 0), 17: (8, 0), 0: (15, 0), 41: (13, 0), 18: (9, 0),
    _MEAN: (11, 0), _MAX: (11, 0), _SUM: (11, 0), _SVDF: (9, 0), 14: (4, 0), 28: (4, 0), 98: (6, 0), 117: (5, 0),
    19: (8, 0), 21: (2, 0), 6: (7, 0), 114: (7, 0), 54: (7, 0), 34: (14, 0), 60: (14, 0), 45: (21, 0), _SOFTMAX: (9, 5),
    2: (5, 2), 58: (12, 0), 61: (12, 0), 62: (12, 0), 63: (12, 0), 71: (12, 0), 72: (12, 0), _TRANSPOSED: (24, 2),
    111: (64, 0), 126: (12, 3), 123: (4, 0), 99: (26, 0), _LSTM: (172, 0), 42: (6, 0), _ADD_N: (12, 0), 50: (8, 0),
}  # fmt: skip
# More of them in a build that reads compressed weights, as tflite-micro's Python package is one.
_KEPT_FOR_COMPRESSION = {_CONV: 2, _DEPTHWISE: 2, _FULL: 3}
# Options that the file's are parsed into, kept as well (lite/core/c/builtin_op_data.h); of others, a word or two.
_OPTIONS = {
    _CONV: 28, _DEPTHWISE: 32, _FULL: 28, 1: 40, 17: 40, 22: 36, 45: 24, _TRANSPOSED: 24, _LSTM: 20, _SVDF: 12, 114: 0,
    6: 0, 14: 0, 28: 0, 117: 0, 34: 0, 19: 0, 21: 0, 54: 0,
}  # fmt: skip
_OPTIONS_OF_OTHERS = 8
_LOOKUP_VALUES = 513  # of softmax on 16-bit integers: two tables
_ARRAYS = {FLOAT32: 4}  # accumulators of means and sums have four bytes, whatever is summed


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
    given, weights = _tensor(graph, operator, 0), _tensor(graph, operator, 1)
    if operator.code == _SOFTMAX and given is not None and given.kind == INT16:
        return kept + 2 * _aligned(2 * _LOOKUP_VALUES)
    if weights is None:
        return kept
    if operator.code in (_CONV, _DEPTHWISE, _TRANSPOSED) and weights.shape:
        channels = weights.shape[-1 if operator.code == _DEPTHWISE else 0]
        kept += 2 * _aligned(4 * channels)
    elif operator.code == _FULL and weights.scales > 1:
        kept += 2 * _aligned(4 * weights.scales)
    return kept


def _scratch(graph: Graph, operator: Operator) -> list[int]:
    """What the reference kernels ask for (RequestScratchBufferInArena in micro/kernels)."""
    given, weights = _tensor(graph, operator, 0), _tensor(graph, operator, 1)
    made = _tensor(graph, operator, 0, of_outputs=True)
    if given is None or made is None:
        return []
    code = operator.code
    if code in (_CONV, _DEPTHWISE, _FULL) and weights is not None and weights.kind == INT4:
        return [weights.elements]
    if code in (_MEAN, _SUM, _MAX):
        return [4 * len(given.shape), 4 * (weights.elements if weights is not None else 1), 4 * made.elements]
    if code == _SVDF and weights is not None and weights.shape:
        filters, units = weights.shape[0], made.elements
        return [4 * given.shape[0] * filters] + ([4 * units] if given.kind == INT8 else [])
    if code == _TRANSPOSED:
        sums = {INT8: 4, INT16: 8}.get(made.kind, 0)
        return [sums * made.elements]
    if code == _LSTM:
        return [_state(graph, operator)] * 4
    if code == _ADD_N and given.kind == INT8:
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
    given, weights = _tensor(graph, operator, 0), _tensor(graph, operator, 1)
    if given is not None and given.kind == INT8 and len(given.shape) == 4:
        channels = given.shape[-1]
        if operator.code == _CONV and weights is not None and len(weights.shape) == 4:
            return [2 * 2 * math.prod(weights.shape[1:3]) * channels]
        if operator.code == _DEPTHWISE and weights is not None and len(weights.shape) == 4:
            return [2 * math.prod(weights.shape[1:3]) * channels]
        if operator.code == 1:
            return [4 * channels]
    return _scratch(graph, operator)


def _tensor(graph: Graph, operator: Operator, number: int, *, of_outputs: bool = False) -> Tensor | None:
    places = operator.outputs if of_outputs else operator.inputs
    return graph.tensors[places[number]] if number < len(places) and places[number] >= 0 else None


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
