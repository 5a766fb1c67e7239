"""Sparse matrices that SciPy saved (scipy.sparse.save_npz): by the headers of the arrays within, and the shape."""

from __future__ import annotations

import math
import zipfile
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path

from memfit.datasets.archives import open_zip
from memfit.datasets.formats.arrays import header
from memfit.datasets.formats.stored_rows import MOST_VALUES, StoredRows, numbers
from memfit.datasets.opening import UnreadableData
from memfit.datasets.tensors import type_name

_PARTS = {"format.npy", "shape.npy", "data.npy"}  # of every format (scipy/sparse/_matrix_io.py, 1.17)
_FORMAT_BYTES = 64
_BROKEN = (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error)
_INTEGERS = {"int32": 4, "int64": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseMatrix:
    """A matrix in a file.

    Args:
        rows, columns: of it.
        stored: values.
        dtype: of a value.
        classes: different labels that the file has beside the matrix; None where it has none, or quantities.
        note: what a reader should know.
    """

    rows: int
    columns: int
    stored: int
    dtype: str
    classes: int | None = None
    note: str = ""

    @property
    def density(self) -> float:
        """Share of the cells that are stored."""
        return self.stored / max(self.rows * self.columns, 1)


def read(path: Path) -> SparseMatrix | None:
    """The matrix in a .npz file; None where it holds other arrays, or is none.

    Raises:
        UnreadableData: it is broken, or no file of that name can be read.
    """
    if path.suffix.lower() != ".npz":
        return None
    with open_zip(path) as archive:
        if not set(archive.namelist()) >= _PARTS:
            return None
        try:
            with archive.open("data.npy") as source:
                dtype, stored, _ = header(source, path)  # type: ignore[arg-type]
            with archive.open("shape.npy") as source:
                kind, sides, _ = header(source, path)  # type: ignore[arg-type]
                width = _INTEGERS.get(type_name(kind), 0)
                if sides != (2,) or not width:
                    raise UnreadableData(f"{path} holds a sparse array that is no matrix of rows and columns")
                data = source.read(2 * width)
        except _BROKEN as error:
            raise UnreadableData(f"{path} cannot be read: {error}") from error
    rows, columns = (
        int.from_bytes(data[at : at + width], "big" if kind.startswith(">") else "little", signed=True)
        for at in (0, width)
    )
    found = SparseMatrix(rows=rows, columns=columns, stored=math.prod(stored), dtype=type_name(dtype))
    if found.dtype == "object":
        raise UnreadableData(f"{path} holds pickled objects, which memfit does not load")
    if rows < 1 or columns < 1 or found.density > 1:
        raise UnreadableData(f"{path} is broken: {found.stored:,} values in {rows:,} × {columns:,} cells")
    return found


def first_rows(path: Path, matrix: SparseMatrix) -> StoredRows | None:
    """The first rows of a matrix that was saved as CSR; None of one in another format, or of numbers of no plain type.

    Raises:
        UnreadableData: it is broken.
    """
    with open_zip(path) as archive:

        def read_of(part: str, most: int) -> array[int] | array[float] | None:
            with archive.open(f"{part}.npy") as source:
                dtype, shape, _ = header(source, path)  # type: ignore[arg-type]
                return numbers(source, dtype, min(math.prod(shape), most))  # type: ignore[arg-type]

        try:
            with archive.open("format.npy") as source:
                header(source, path)  # type: ignore[arg-type]
                kind = source.read(_FORMAT_BYTES).replace(b"\0", b"")
            if kind != b"csr":
                return None
            ends = read_of("indptr", min(matrix.rows, MOST_VALUES) + 1)
            if not ends or ends[0] != 0:
                return None
            whole = [round(end) for end in ends[1:] if end <= MOST_VALUES]
            stored = whole[-1] if whole else 0
            columns, values = read_of("indices", stored), read_of("data", stored)
        except (*_BROKEN, KeyError) as error:
            raise UnreadableData(f"{path} cannot be read: {error}") from error
    if not stored or columns is None or values is None:
        return None
    found = StoredRows(ends=array("q", whole), columns=array("q", map(int, columns)), values=array("d", values))
    if found.broken or not 0 <= min(found.columns) <= max(found.columns) < matrix.columns:
        raise UnreadableData(f"{path} is broken: its rows do not fit its shape")
    return found
