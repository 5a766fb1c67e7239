"""The header of a GGUF file: what it says of the model, and every tensor's type and shape; nothing behind it is read.

Trusts no count and no length: what is claimed must lie within what memfit reads, and long lists are stepped over.
The format: github.com/ggml-org/ggml, docs/gguf.md, versions 2 and 3; sizes of types: gguf 0.19, GGML_QUANT_SIZES.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from memfit.datasets.opening import UnreadableData

LONGEST_BYTES = 64 << 20  # a vocabulary of 260,000 tokens with its merges takes some 12 MB
_FIRST = 1 << 20
_MOST_VALUES, _MOST_TENSORS, _LONGEST_LIST = 1 << 14, 1 << 17, 1 << 12
# The type's number → name, elements of a block, bytes of a block.
TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1),
    25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}  # fmt: skip
_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


class Tensor(NamedTuple):
    """One tensor: its type's name, its shape with the innermost side first, its bytes."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int


class Length(int):
    """How long a list is that was stepped over: a vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself.

    Args:
        values: by key; lists that are long are their `Length`.
        tensors: by name.
    """

    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class _TooShort(Exception):
    pass


def read_header(part: Callable[[int, int], bytes], where: str) -> Header:
    """Read a header, more of the file as it turns out to be needed.

    Args:
        part: bytes of the file from a start, so many; fewer where it ends.
        where: the file, for messages.

    Raises:
        UnreadableData: it is none, it is broken, or it says what no model has.
    """
    held, wanted = b"", _FIRST
    while True:
        more = part(len(held), wanted - len(held))
        held += more
        try:
            return _Reader(held, where).header()
        except _TooShort:
            if len(held) < wanted:
                raise UnreadableData(f"{where} is broken: it ends within its header") from None
            if wanted >= LONGEST_BYTES:
                raise UnreadableData(f"{where} has a header of more than {LONGEST_BYTES:,} bytes") from None
            wanted = min(4 * wanted, LONGEST_BYTES)


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.at, self.where = data, 0, where

    def header(self) -> Header:
        if self.take(4) != b"GGUF":
            raise UnreadableData(f"{self.where} is no GGUF file")
        version = self.number("I")
        if version not in (2, 3):
            raise UnreadableData(f"{self.where} is GGUF version {version}; memfit reads 2 and 3")
        tensors = self.count(_MOST_TENSORS, "tensors")
        values = self.count(_MOST_VALUES, "values")
        told = {}
        for _ in range(values):
            key = self.text()
            told[key] = self.value(self.number("I"))
        return Header(values=told, tensors=dict(self.tensor() for _ in range(tensors)))

    def take(self, count: int) -> bytes:
        if count > LONGEST_BYTES:
            raise self.wrong(f"something of {count:,} bytes")
        if self.at + count > len(self.data):
            raise _TooShort
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def count(self, most: int, what: str) -> int:
        found: int = self.number("Q")
        if found > most:
            raise self.wrong(f"{found:,} {what}")
        return found

    def text(self) -> str:
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind in _PLAIN:
            return self.number(_PLAIN[kind])
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            raise self.wrong(f"a value of type {kind}")
        inner, length = self.number("I"), self.count(LONGEST_BYTES, "values in a list")
        if inner == _TEXT:
            for _ in range(length):
                self.take(self.number("Q"))
            return Length(length)
        if inner not in _PLAIN:
            raise self.wrong(f"a list of type {inner}")
        form = f"<{length}{_PLAIN[inner]}"
        data = self.take(struct.calcsize(form))
        return list(struct.unpack(form, data)) if length <= _LONGEST_LIST else Length(length)

    def tensor(self) -> tuple[str, Tensor]:
        name = self.text()
        sides = self.number("I")
        if sides > 8:
            raise self.wrong(f"a tensor of {sides} dimensions")
        shape = tuple(self.number("Q") for _ in range(sides))
        kind, _ = self.number("I"), self.number("Q")
        if kind not in TYPES:
            raise self.wrong(f"a tensor of type {kind}, which memfit does not know")
        dtype, block, size = TYPES[kind]
        elements = math.prod(shape)
        if not 0 < elements < 1 << 48 or (shape and shape[0] % block):
            raise self.wrong(f"the tensor {name[:80]!r} of {' x '.join(map(str, shape))} in {dtype}")
        return name, Tensor(dtype, shape, elements // block * size)

    def wrong(self, what: str) -> UnreadableData:
        return UnreadableData(f"{self.where} is broken, or newer than memfit: it claims {what}")
