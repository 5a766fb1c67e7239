"""NumPy's .npy and .npz by their headers alone. Pickled objects are told of and never loaded."""

from __future__ import annotations

import ast
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from memfit.datasets.archives import open_zip
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.tensors import array_table, element_bytes
from memfit.documents.data import Table

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER_BYTES = 64 << 10  # NumPy itself refuses to evaluate more than 10,000 characters
_LONGEST_SHAPE = 64  # NumPy's own bound on dimensions
_LARGEST_BYTES = (1 << 63) - 1
_SAMPLE_BYTES = 32 << 10
_PLACES = 16
_MOST_ARRAYS = 10_000


def read_npy(path: Path) -> Table:
    """What a .npy file holds.

    Raises:
        UnreadableData: it is none, or is broken.
    """
    with open_file(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        dtype, shape, start = header(source, path)
        needed = math.prod(shape) * element_bytes(dtype)
        notes = []
        if "O" in dtype:
            notes.append("it holds pickled objects: memfit does not load them, and their weight is unknown")
        elif size - start < needed:
            notes.append(f"it is cut short: {size - start:,} bytes of {needed:,} are there")
        samples = () if "O" in dtype else tuple(_places(source, start, size, element_bytes(dtype)))
    return array_table(path.name, "npy", size, dtype, shape, samples=samples, notes=notes)


def read_npz(path: Path) -> list[Table]:
    """What a .npz file holds: one table for each array.

    Raises:
        UnreadableData: it is no zip file, or is broken.
    """
    found: list[Table] = []
    wrong: list[UnreadableData] = []
    with open_zip(path) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
        for member in members[:_MOST_ARRAYS]:
            try:
                found.append(_member(archive, member, path))
            except UnreadableData as error:
                wrong.append(error)
    if not found:
        raise wrong[0] if wrong else UnreadableData(f"{path} holds no array")
    return found


def header(source: BinaryIO, path: Path) -> tuple[str, tuple[int, ...], int]:
    """Type, shape and where the data begins.

    Raises:
        UnreadableData: this is no header, or one beyond bounds.
    """
    start = source.read(8)
    if not start.startswith(_MAGIC) or len(start) < 8:
        raise UnreadableData(f"{path} is no npy file: it does not begin as one")
    digits = 2 if start[6] == 1 else 4
    start_at, length = 8 + digits, int.from_bytes(source.read(digits), "little")
    if length > _LONGEST_HEADER_BYTES:
        raise UnreadableData(f"{path} has a header of {length:,} bytes, more than any array needs")
    try:
        said = ast.literal_eval(source.read(length).decode("latin-1").strip())  # literals alone: nothing can be called
        dtype, shape = _dtype(said["descr"]), tuple(said["shape"])
        width = element_bytes(dtype)
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise UnreadableData(f"{path} has a broken header: {type(error).__name__}") from error
    if len(shape) > _LONGEST_SHAPE or any(type(side) is not int or side < 0 for side in shape):
        raise UnreadableData(f"{path} has a broken header: its shape is no list of sizes")
    if math.prod(shape) * width > _LARGEST_BYTES:
        raise UnreadableData(f"{path} has a broken header: it claims more values than NumPy can count")
    return dtype, shape, start_at + length


def _dtype(description: Any) -> str:
    """The type as NumPy writes it ("<f8"); of a structure, its size ("|V24")."""
    if isinstance(description, str):
        return description
    if isinstance(description, list):
        total = 0
        for field in description:
            inner = math.prod(field[2]) if len(field) > 2 else 1
            kind = _dtype(field[1])
            if "O" in kind:
                return "|O"
            total += inner * element_bytes(kind)
        return f"|V{total}"
    raise TypeError("no type")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Table:
    name = f"{path.name}/{member.filename[:200].removesuffix('.npy')}"
    try:
        with archive.open(member) as source:
            dtype, shape, _ = header(source, path)  # type: ignore[arg-type]
            sample = b"" if "O" in dtype else source.read(_SAMPLE_BYTES)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise UnreadableData(f"{name} cannot be read: {error}") from error
    needed = math.prod(shape) * element_bytes(dtype)
    notes: list[str] = []
    if "O" in dtype:
        notes.append("it holds pickled objects: memfit does not load them, and their weight is unknown")
    elif member.file_size < needed:
        notes.append(f"it is cut short: {member.file_size:,} bytes of {needed:,} are there")
    return array_table(name, "npz", member.compress_size, dtype, shape, samples=(sample,) if sample else (),
                       notes=notes)  # fmt: skip


def _places(source: BinaryIO, start: int, size: int, width: int) -> Iterator[bytes]:
    """Stretches spread evenly over the data, cut at elements."""
    rest = size - start
    each = max(_SAMPLE_BYTES // max(width, 1) * width, width)
    if each > _SAMPLE_BYTES * 8 or rest <= 0:
        return
    number = min(_PLACES, max(rest // each, 1))
    starts: Sequence[int] = [start + rest * at // number // width * width for at in range(number)]
    for at in starts:
        source.seek(at)
        yield source.read(each)
