"""The buffer that llama.cpp reserves for its graph, on the device: the largest of a few moments of a full batch.

The graph's tensors are float32 and of ubatch rows; its allocator lets them share space, and what remains was read from
what it reserves: the newest rules from llama.cpp's own allocator over models of many shapes (benchmarks/gguf/graphs.py;
build of October 2026, where they hold to the megabyte), the older ones from published logs (benchmarks/gguf/logs.csv).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from memfit.llamacpp.caches import visible
from memfit.llamacpp.shape import Shape
from memfit.quantities import MIB, ByteRange

_F32, _F16 = 4, 2
_MARGIN, _ALWAYS = 0.1, 16 * MIB


class Era(str, Enum):
    """Versions of llama.cpp whose graphs take alike.

    PLAIN: until August 2025. Flash attention is off unless asked for, and every token of a batch has its logits.
    FLASH: from then on. Flash attention is on where the device has it.
    LAST: from about August 2026. A batch's graph has logits for one token of a sequence, masks are float16.
    """

    PLAIN = "plain"
    FLASH = "flash"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes through the graph at once.

    Args:
        tokens: of one pass (ubatch).
        context: of one sequence.
        sequences: served.
        flash: whether attention is fused.
        on_device: whether it runs there; on the processor the embedded tokens lie in the same buffer.
    """

    tokens: int
    context: int
    sequences: int
    flash: bool
    on_device: bool = True


def graph_bytes(shape: Shape, batch: Batch, era: Era) -> int:
    """What these versions reserve on the device."""
    between = _F32 * shape.width * batch.tokens
    queries = _F32 * max((layer.queries for layer in shape.layers), default=0) * batch.tokens
    keys = _F32 * max((layer.keys for layer in shape.layers), default=0) * batch.tokens
    lengths = [(layer, visible(layer, batch.context, batch.tokens)) for layer in shape.layers if layer.heads]
    seen = sum({length for _, length in lengths}) * batch.tokens  # a mask for each kind of layer
    scores = _F32 * max((layer.heads * length for layer, length in lengths), default=0) * batch.tokens
    if era is Era.LAST:
        mask = (_F16 if batch.flash else _F32) * seen
        attention = 2 * between + max(3 * queries, 2 * (queries + keys)) + mask
        if not batch.flash:
            attention = 2 * between + 3 * queries + 2 * keys + mask + scores
        first = 0 if batch.on_device else between
        logits = (shape.vocabulary + shape.width) * _F32 * batch.sequences
        return max(attention, _wide(shape, batch, 4, 3) + mask, logits) + first
    logits = (shape.vocabulary + shape.width) * _F32 * batch.tokens
    if not batch.flash:
        mask = _F32 * seen
        return max(2 * between + 2 * queries + mask + scores, logits, _wide(shape, batch, 3, 2) + mask)
    masks = (_F32 + _F16) * seen  # as float32, and as the float16 that the fused kernel reads
    # Logits come last, when the masks have been let go of: they fill a part of that hole where it is large.
    behind = 0 if masks <= 3 * between else round(0.65 * masks)
    return max(logits + behind, _wide(shape, batch, 4, 3) + masks)


def _wide(shape: Shape, batch: Batch, between: int, wide: int) -> int:
    """The wide half of the widest layer: so many tensors of each width; of experts, what each gives back too."""
    row = _F32 * batch.tokens
    halves = [row * (between * shape.width + wide * layer.inner) for layer in shape.layers]
    backs = [row * 2 * (layer.chosen * shape.width + layer.inner) for layer in shape.layers if layer.chosen]
    return max([*halves, *backs], default=0)


def graph_range(shape: Shape, batch: Batch, era: Era | None) -> ByteRange:
    """The same with its range; without a version the newest is expected, and what any would take is the high figure."""
    eras = [era] if era is not None else [Era.FLASH, Era.LAST]
    sizes = [graph_bytes(shape, batch, each) for each in eras]
    expected = sizes[-1]
    return ByteRange(
        low=round(min(sizes) * (1 - _MARGIN)), expected=expected, high=round(max(sizes) * (1 + _MARGIN)) + _ALWAYS
    )
