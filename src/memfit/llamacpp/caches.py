"""What the contexts of all sequences take: keys and values by layer, and states of layers that keep none.

llama-kv-cache.cpp and llama-kv-cache-iswa.cpp: cells are padded to 256; a layer whose window slides keeps the window
and one batch of the graph for each sequence (since May 2025, before that the whole context).
"""

from __future__ import annotations

from memfit.datasets.formats.gguf_header import TYPES
from memfit.llamacpp.shape import Layer, Shape

_PADDING = 256
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
_BLOCKS = {name.lower(): (block, size) for name, block, size in TYPES.values()}


def cells(context: int) -> int:
    """The tokens that a sequence has room for.

    >>> cells(8192), cells(1000)
    (8192, 1024)
    """
    return -(-context // _PADDING) * _PADDING


def visible(layer: Layer, context: int, batch: int) -> int:
    """The tokens of a sequence that a layer keeps: all, or its window and one batch."""
    return cells(context) if layer.window is None else min(cells(context), cells(layer.window + batch))


def layer_bytes(layer: Layer, *, context: int, sequences: int, kind: str, batch: int) -> int:
    """One layer's keys and values of all sequences, in the type of the cache."""
    length = visible(layer, context, batch)
    block, size = _BLOCKS[kind]
    return sequences * length * ((layer.keys + layer.values) * size // block)


def state_bytes(layer: Layer, sequences: int) -> int:
    """What a layer keeps of each sequence in float32."""
    return 4 * layer.state * sequences


def context_bytes(shape: Shape, *, context: int, sequences: int, kind: str, batch: int) -> list[int]:
    """Of each layer, all that it keeps of the sequences."""
    return [
        layer_bytes(layer, context=context, sequences=sequences, kind=kind, batch=batch) + state_bytes(layer, sequences)
        for layer in shape.layers
    ]
