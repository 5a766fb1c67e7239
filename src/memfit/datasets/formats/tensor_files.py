"""Files of tensors: safetensors by its header, PyTorch's zip files by their directory. Nothing is unpickled."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from memfit.datasets.archives import open_zip
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.tensors import element_bytes, kind_of
from memfit.documents.data import Column, Count, Table

_LONGEST_HEADER_BYTES = 16 << 20  # safetensors itself takes up to 100 MB; a header of 100,000 tensors is some 10 MB
_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "F8_E4M3": "float8", "F8_E5M2": "float8",
}  # fmt: skip


def read_safetensors(path: Path) -> Table:
    """What a safetensors file holds: the elements of each type, as one row.

    Raises:
        UnreadableData: it is none, is broken, or lies about what lies in it.
    """
    with open_file(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        length = int.from_bytes(source.read(8), "little")
        if size < 10 or length > size - 8:
            raise UnreadableData(f"{path} is broken: its header of {length:,} bytes lies outside the file of {size:,}")
        if length > _LONGEST_HEADER_BYTES:
            raise UnreadableData(f"{path} has a header of {length:,} bytes, more than memfit reads")
        try:
            header = json.loads(source.read(length))
        except (ValueError, RecursionError) as error:
            raise UnreadableData(f"{path} is no safetensors file: its header is no JSON") from error
    if not isinstance(header, dict):
        raise UnreadableData(f"{path} is no safetensors file: its header is no object")
    elements: dict[str, int] = {}
    tensors = {name: told for name, told in header.items() if name != "__metadata__"}
    for name, told in tensors.items():
        stored, number = _tensor(name, told, size - 8 - length, path)
        elements[stored] = elements.get(stored, 0) + number
    return _table(path, "safetensors", size, elements, f"its header of {len(tensors):,} tensors was read")


def read_torch(path: Path) -> Table:
    """What a file of torch.save weighs: the bytes of its storages. Their types stand in a pickle, which is not read.

    Raises:
        UnreadableData: it is none, or is of the old form that is all pickle.
    """
    with open_file(path) as source:
        start = source.read(4)
        size = source.seek(0, 2)
    if not start.startswith(b"PK"):
        raise UnreadableData(
            f"{path} is of the form that torch.save wrote before 1.6, a pickle: memfit does not run it",
            hint="load and save it with a newer torch, or as safetensors",
        )
    with open_zip(path) as archive:
        storages = [one.file_size for one in archive.infolist() if "/data/" in one.filename]
    if not storages:
        raise UnreadableData(f"{path} is a zip file without tensors")
    said = f"its directory of {len(storages):,} storages was read"
    notes: tuple[str, ...] = ("types and names of the tensors stand in a pickle, which memfit does not run",)
    if sum(storages) > size:
        notes = (*notes, "its directory claims more bytes than the file has: it is compressed, or lies")
    return _table(path, "torch", size, {"bytes": sum(storages)}, said, notes)


def _tensor(name: str, told: Any, room: int, path: Path) -> tuple[str, int]:
    try:
        stored = _NAMES.get(told["dtype"], str(told["dtype"]).lower()[:20])
        shape, (start, end) = told["shape"], told["data_offsets"]
        number = math.prod(shape)
        right = all(type(side) is int and side >= 0 for side in [*shape, start, end]) and start <= end <= room
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableData(f"{path} is broken: the tensor {name[:80]!r} is not described") from error
    if not right:
        raise UnreadableData(f"{path} is broken: the tensor {name[:80]!r} lies outside the file")
    if stored in _NAMES.values() and number * element_bytes(stored) != end - start:
        raise UnreadableData(f"{path} is broken: the tensor {name[:80]!r} is not of the size that its shape says")
    return (stored, number) if stored in _NAMES.values() else ("bytes", end - start)


def _table(path: Path, form: str, size: int, elements: dict[str, int], said: str, notes: tuple[str, ...] = ()) -> Table:
    columns = tuple(
        Column(name=stored, kind=kind_of(stored), stored=stored, columns=number)
        for stored, number in sorted(elements.items())
        if number
    )
    return Table(name=path.name, form=form, files=1, disk_bytes=size, rows=Count.exactly(1), columns=columns,
                 sampled=said, notes=notes)  # fmt: skip
