"""LiteRT on a processor, through XNNPACK, which it uses unless told otherwise: what a model adds to its program.

Rules: XNNPACK packs every weight a second time (src/packing.cc: output channels in groups of NR, with a bias, and a
scale where integers are multiplied), and lists for every output of a convolution where its inputs lie
(src/indirection.cc, eight bytes each). Numbers marked so were set on the tuning half of benchmarks/litert with
ai-edge-litert 2.3.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from memfit.litert.arena import buffers_of, smallest_gap
from memfit.litert.model import FLOAT32, INT4, Graph, Kind, Model, Operator
from memfit.quantities import KIB, MIB, ByteRange

_ALIGNMENT = 64  # kDefaultTensorAlignment
_POOLS = (Kind.AVERAGE_POOL_2D, Kind.MAX_POOL_2D)
_PACKED = (Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.FULLY_CONNECTED, Kind.TRANSPOSE_CONV)
_GROUP = 16  # output channels that are packed together: 16 with AVX, 8 on Arm
_ADDRESS = 8
_OPERATOR_BYTES = 10 * KIB  # set: what an operator's own records and its kernel's code take
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a model takes of its process, bytes.

    Args:
        file: pages of the file, which is mapped, and read whole while weights are packed.
        packed: weights a second time.
        plan: tensors of the graph, as placed.
        tables: lists of addresses and the operators' own.
        computed_shapes: whether shapes are known only as it runs, so that tensors share nothing.
    """

    file: int
    packed: int
    plan: int
    tables: ByteRange
    computed_shapes: bool


def held(model: Model) -> Held:
    """What a model takes on a processor of 64 bits, in one thread."""
    lists = [_list(graph, each) for graph in model.graphs for each in graph.operators]
    operators = _OPERATOR_BYTES * len(lists)
    buffers = buffers_of(model, alignment=_ALIGNMENT, scratch=lambda graph, operator: ())
    computed_shapes = any(_computes_its_shape(graph, each) for graph in model.graphs for each in graph.operators)
    return Held(
        file=model.file_bytes,
        packed=sum(_packed(graph, each) for graph in model.graphs for each in graph.operators),
        plan=sum(each.bytes for each in buffers) if computed_shapes else smallest_gap(buffers),
        tables=ByteRange(
            low=max(lists, default=0), expected=sum(lists) + operators, high=2 * (sum(lists) + operators) + MIB
        ),
        computed_shapes=computed_shapes,
    )


def _computes_its_shape(graph: Graph, operator: Operator) -> bool:
    """A transposed convolution whose output's shape is computed, as Keras makes them where the batch is open.

    The graph is cut there: what lies before, behind and between is no longer planned together. Of one such model in the
    tuning half and one in the judging half, the process holds all of their tensors at once, within a tenth.
    """
    shape = graph.given(operator, 0)
    return operator.code == Kind.TRANSPOSE_CONV and shape is not None and not shape.constant


def _packed(graph: Graph, operator: Operator) -> int:
    weights = graph.given(operator, 1)
    if operator.code not in _PACKED or weights is None or not weights.constant or not weights.shape:
        return 0
    channels = weights.shape[-1 if operator.code == Kind.DEPTHWISE_CONV_2D else 0]
    if not channels:
        return 0
    grouped = -(-channels // _GROUP) * _GROUP
    beside = _FLOAT_BYTES if weights.kind == FLOAT32 else 2 * _FLOAT_BYTES  # a bias, and a scale of integers
    size = weights.bytes if weights.kind != INT4 else weights.elements  # four bits are multiplied as eight
    return grouped * (-(-size // channels) + beside)


def _list(graph: Graph, operator: Operator) -> int:
    """Bytes of the addresses that a window's kernel reads its inputs by."""
    given, weights, made = graph.given(operator, 0), graph.given(operator, 1), graph.made(operator)
    if given is None or made is None or len(made.shape) != 4 or len(given.shape) != 4:
        return 0
    places = math.prod(made.shape[1:3])
    if operator.code in _POOLS:
        return 4 * places * _ADDRESS
    if weights is None or len(weights.shape) != 4:
        return 0
    window = math.prod(weights.shape[1:3])
    if operator.code == Kind.CONV_2D:
        return places * window * _ADDRESS if window > 1 or given.shape[1] != made.shape[1] else 0
    if operator.code == Kind.TRANSPOSE_CONV:
        return 2 * places * window * _ADDRESS
    if operator.code == Kind.DEPTHWISE_CONV_2D and made.shape[2]:
        # neighbouring outputs share the columns that their windows have in common
        step = min(max(1, given.shape[2] // made.shape[2]), weights.shape[2])
        return made.shape[1] * (window + (made.shape[2] - 1) * step * weights.shape[1]) * _ADDRESS
    return 0
