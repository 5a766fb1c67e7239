"""A .tflite file → its tensors and operators in the order in which they run.

Fields and numbers of types and operators: tensorflow/lite/schema/schema.fbs (TensorFlow 2.21).
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from memfit.datasets.opening import UnreadableData, open_file
from memfit.litert.flatbuffer import Table

_MAGIC, _MAGIC_AT = b"TFL3", 4
# Bits of a value, by the number of its type; strings, resources and variants have none that the file tells.
_BITS = {0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64, 15: 32, 16: 16, 17: 4,
         18: 16, 19: 2, 20: 4}  # fmt: skip
FLOAT32, INT16, INT8, INT4 = 0, 7, 9, 17
_PLAN = "OfflineMemoryAllocation"  # metadata in which a converter left where each tensor is to lie
_ANYWHERE = -1
_MOST_VALUES = 1 << 48


class Kind(IntEnum):
    """Operators of which something is known, by their numbers in the schema (BuiltinOperator)."""

    ADD = 0
    AVERAGE_POOL_2D = 1
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RELU6 = 21
    RESHAPE = 22
    SOFTMAX = 25
    SVDF = 27
    TANH = 28
    CUSTOM = 32
    PAD = 34
    MEAN = 40
    SUB = 41
    DIV = 42
    UNIDIRECTIONAL_SEQUENCE_LSTM = 44
    STRIDED_SLICE = 45
    LOG_SOFTMAX = 50
    PRELU = 54
    LESS = 58
    PADV2 = 60
    GREATER = 61
    GREATER_EQUAL = 62
    LESS_EQUAL = 63
    TRANSPOSE_CONV = 67
    EQUAL = 71
    NOT_EQUAL = 72
    SUM = 74
    REDUCE_MAX = 82
    LEAKY_RELU = 98
    SQUARED_DIFFERENCE = 99
    ADD_N = 106
    ELU = 111
    QUANTIZE = 114
    HARD_SWISH = 117
    IF = 118
    WHILE = 119
    SELECT_V2 = 123
    BATCH_MATMUL = 126
    CALL_ONCE = 129


# Where their options name other graphs, by field.
_GRAPHS_OF: Mapping[int, tuple[int, ...]] = {Kind.IF: (0, 1), Kind.WHILE: (0, 1), Kind.CALL_ONCE: (0,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of a graph.

    Args:
        shape: with the number of examples that was asked for, where the file leaves it open.
        kind: the number of its type.
        stored_bytes: in the file; 0 for what is computed.
        variable: it keeps its value from run to run.
        scales: of its quantisation; 0 for none.
        offset: where the converter planned it to lie, None where it did not.
    """

    shape: tuple[int, ...]
    kind: int
    stored_bytes: int
    variable: bool = False
    scales: int = 0
    offset: int | None = None

    @property
    def elements(self) -> int:
        """How many values."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Of its values, in memory."""
        return -(-self.elements * _BITS.get(self.kind, 0) // 8)

    @property
    def constant(self) -> bool:
        """Whether its values are in the file."""
        return self.stored_bytes > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator; inputs and outputs are places in its graph's tensors, -1 for an optional one that is missing.

    Args:
        code: the number of its kind in the schema.
        name: of a custom one.
        graphs: those that it runs.
    """

    code: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    graphs: tuple[int, ...] = ()

    @property
    def is_custom(self) -> bool:
        """Whether a program has to bring its kernel."""
        return self.code == Kind.CUSTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph, its operators in their order."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def given(self, operator: Operator, number: int) -> Tensor | None:
        """An operator's input; None where it is left out."""
        return self._at(operator.inputs, number)

    def made(self, operator: Operator) -> Tensor | None:
        """An operator's first output."""
        return self._at(operator.outputs, 0)

    def _at(self, places: tuple[int, ...], number: int) -> Tensor | None:
        return self.tensors[places[number]] if number < len(places) and places[number] >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a file holds.

    Args:
        graphs: the first is the model, others are what its control flow runs.
        file_bytes: of the whole file.
        open_batch: whether it leaves the number of examples open.
    """

    graphs: tuple[Graph, ...]
    file_bytes: int
    open_batch: bool

    @property
    def stored_bytes(self) -> int:
        """Of all constants."""
        return sum(tensor.stored_bytes for graph in self.graphs for tensor in graph.tensors)


def read_model(path: Path, batch: int = 1) -> Model:
    """What a file says; weights are not read.

    Args:
        path: of the file.
        batch: examples at once, where the file leaves that open.

    Raises:
        UnreadableData: it is no such model, or broken.
    """
    where = str(path)
    with open_file(path) as file:
        if file.read(8)[_MAGIC_AT:] != _MAGIC:
            raise UnreadableData(f"{where} is no TensorFlow Lite model: it lacks the mark {_MAGIC.decode()}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held, memoryview(held) as data:
            return _model(Table.root(data, where), len(data), batch, where)


def in_eight_bits(model: Model) -> Model:
    """The same graphs with every float made an 8-bit integer, weights and what is computed."""
    saved = 0

    def smaller(tensor: Tensor) -> Tensor:
        nonlocal saved
        if tensor.kind != FLOAT32:
            return tensor
        stored = -(-tensor.stored_bytes // 4)
        saved += tensor.stored_bytes - stored
        return replace(tensor, kind=INT8, stored_bytes=stored, scales=tensor.scales or 1)

    graphs = tuple(replace(graph, tensors=tuple(smaller(tensor) for tensor in graph.tensors)) for graph in model.graphs)
    return replace(model, graphs=graphs, file_bytes=model.file_bytes - saved)


def _model(root: Table, file_bytes: int, batch: int, where: str) -> Model:
    codes = [(max(each.number(0, "<b"), each.number(3)), each.text(1)) for each in root.tables(1)]
    # A buffer beyond 2 GiB stands behind the tables, with its place and size in their stead.
    buffers = [max(each.length(0), each.number(2, "<Q")) for each in root.tables(4)]
    planned, is_open, graphs = iter(_planned(root)), False, []
    for graph in root.tables(2):
        tensors = []
        for each in graph.tables(0):
            made, leaves_open = _tensor(each, buffers, batch, next(planned, None), where)
            tensors.append(made)
            is_open = is_open or leaves_open
        operators = tuple(_operator(each, codes, len(tensors), where) for each in graph.tables(3))
        ends = [_places(graph.numbers(field), len(tensors), where) for field in (1, 2)]
        graphs.append(Graph(tensors=tuple(tensors), operators=operators, inputs=ends[0], outputs=ends[1]))
    if not graphs:
        raise UnreadableData(f"{where} has no graph")
    if any(not 0 <= other < len(graphs) for graph in graphs for each in graph.operators for other in each.graphs):
        raise UnreadableData(f"{where} is broken: an operator runs a graph that it does not have")
    return Model(graphs=tuple(graphs), file_bytes=file_bytes, open_batch=is_open)


def _tensor(table: Table, buffers: list[int], batch: int, offset: int | None, where: str) -> tuple[Tensor, bool]:
    shape, signature = table.numbers(0), table.numbers(7)
    is_open = -1 in (signature or shape)
    sides = tuple(batch if side == -1 else side for side in (signature if is_open and signature else shape))
    buffer = table.number(2, "<I")
    if buffer >= len(buffers) or any(side < 0 for side in sides) or math.prod(sides) > _MOST_VALUES:
        raise UnreadableData(f"{where} is broken: a tensor of shape {list(sides)} in buffer {buffer}")
    quantised = table.table(4)
    made = Tensor(
        shape=sides,
        kind=table.number(1, "<b"),
        stored_bytes=buffers[buffer],
        variable=bool(table.number(5, "<b")),
        scales=quantised.length(2, 4) if quantised is not None else 0,
        offset=None if offset in (None, _ANYWHERE) else offset,
    )
    return made, is_open and not made.constant


def _operator(table: Table, codes: list[tuple[int, str]], tensors: int, where: str) -> Operator:
    index = table.number(0, "<I")
    if index >= len(codes):
        raise UnreadableData(f"{where} is broken: an operator of kind {index} of {len(codes)}")
    code, name = codes[index]
    options = table.table(4) if code in _GRAPHS_OF else None
    return Operator(
        code=code,
        name=name,
        inputs=_places(table.numbers(1), tensors, where),
        outputs=_places(table.numbers(2), tensors, where),
        graphs=tuple(options.number(field) for field in _GRAPHS_OF[code]) if options is not None else (),
    )


def _places(found: tuple[int, ...], tensors: int, where: str) -> tuple[int, ...]:
    if any(not -1 <= place < tensors for place in found):
        raise UnreadableData(f"{where} is broken: it names tensor {max(found)} of {tensors}")
    return found


def _planned(root: Table) -> tuple[int, ...]:
    """Where the tensors of all graphs are to lie, as a converter left it: version, graph, count, offsets."""
    buffers = list(root.tables(4))
    for each in root.tables(6):
        if each.text(0) == _PLAN and each.number(1, "<I") < len(buffers):
            content = buffers[each.number(1, "<I")].content(0)
            return tuple(content[: len(content) // 4 * 4].cast("i"))[3:]
    return ()
