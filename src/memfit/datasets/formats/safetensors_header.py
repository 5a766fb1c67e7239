"""The header of a safetensors file: eight bytes that say how long it is, then JSON that names every tensor.

Trusts nothing of it: lengths, types, shapes and places are held against each other and against the file's size, where
that is known. The format: github.com/huggingface/safetensors, README, "Format"; types of version 0.7.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from memfit.datasets.opening import UnreadableData

PREFIX_BYTES = 8
LONGEST_BYTES = 16 << 20  # safetensors itself takes up to 100 MB; a header of 100,000 tensors is some 10 MB
# The format's name of a type → torch's, and bits of an element.
TYPES = {
    "F64": ("float64", 64), "F32": ("float32", 32), "F16": ("float16", 16), "BF16": ("bfloat16", 16),
    "I64": ("int64", 64), "I32": ("int32", 32), "I16": ("int16", 16), "I8": ("int8", 8),
    "U64": ("uint64", 64), "U32": ("uint32", 32), "U16": ("uint16", 16), "U8": ("uint8", 8), "BOOL": ("bool", 8),
    "F8_E4M3": ("float8_e4m3fn", 8), "F8_E5M2": ("float8_e5m2", 8), "F8_E8M0": ("float8_e8m0fnu", 8),
    "F6_E2M3": ("float6_e2m3", 6), "F6_E3M2": ("float6_e3m2", 6), "F4": ("float4_e2m1fn", 4),
}  # fmt: skip


class Tensor(NamedTuple):
    """One tensor as a header names it: torch's name of its type (the file's own where unknown), shape, bytes."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def header_length(prefix: bytes, size: int | None, where: str) -> int:
    """How long the header is.

    Args:
        prefix: the file's first bytes, eight at least.
        size: of the file; None where it is not known.
        where: the file, for messages.

    Raises:
        UnreadableData: there is no such header, or it is longer than memfit reads.
    """
    length = int.from_bytes(prefix[:PREFIX_BYTES], "little")
    if len(prefix) < PREFIX_BYTES or length < 2 or (size is not None and length > size - PREFIX_BYTES):
        raise UnreadableData(f"{where} is broken: its header of {length:,} bytes lies outside the file")
    if length > LONGEST_BYTES:
        raise UnreadableData(f"{where} has a header of {length:,} bytes, more than memfit reads")
    return length


def tensors_of(header: bytes, size: int | None, where: str) -> dict[str, Tensor]:
    """The tensors that a header names.

    Args:
        header: behind the prefix, whole.
        size: of the file; None where it is not known.
        where: the file, for messages.

    Raises:
        UnreadableData: it is no such header, or it contradicts itself or the file.
    """
    try:
        told = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise UnreadableData(f"{where} is no safetensors file: its header is no JSON") from error
    if not isinstance(told, dict):
        raise UnreadableData(f"{where} is no safetensors file: its header is no object")
    room = None if size is None else size - PREFIX_BYTES - len(header)
    return {name: _tensor(name, one, room, where) for name, one in told.items() if name != "__metadata__"}


def _tensor(name: str, told: Any, room: int | None, where: str) -> Tensor:
    try:
        stored, bits = TYPES.get(told["dtype"], (str(told["dtype"]).lower()[:20], 0))
        shape, (start, end) = told["shape"], told["data_offsets"]
        right = all(type(side) is int and side >= 0 for side in [*shape, start, end]) and start <= end
        right = right and (room is None or end <= room)
        size = math.prod(shape) if right and len(shape) <= 64 else -1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableData(f"{where} is broken: the tensor {name[:80]!r} is not described") from error
    if size < 0:
        raise UnreadableData(f"{where} is broken: the tensor {name[:80]!r} lies outside the file")
    if bits and -(-size * bits // 8) != end - start:
        raise UnreadableData(f"{where} is broken: the tensor {name[:80]!r} is not of the size that its shape says")
    return Tensor(stored, tuple(shape), end - start)
