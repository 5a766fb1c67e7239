"""HDF5: the arrays of a file by their headers. Links out of it are not followed, attributes not read. Needs h5py."""

from __future__ import annotations

import math
from importlib import util
from pathlib import Path
from typing import Any

from memfit.datasets.opening import UnreadableData, missing, open_file
from memfit.datasets.tensors import array_table
from memfit.documents.data import Table

_MOST_OBJECTS = 10_000
_MOST_ARRAYS = 200
_SAMPLED_BYTES = 1 << 20


def read(path: Path) -> list[Table]:
    """The arrays of a file.

    Raises:
        UnreadableData: it is no HDF5 file, is broken, or holds no array.
        DataReaderMissing: h5py is not installed.
    """
    if util.find_spec("h5py") is None:
        raise missing("h5py", path, "an HDF5 file")
    import h5py

    with open_file(path):
        pass
    try:
        with h5py.File(path, "r", locking=False) as file:
            arrays = _arrays(file, h5py)
            found = [_table(array, path) for array in arrays[:_MOST_ARRAYS]]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise UnreadableData(f"{path} is a broken HDF5 file: {str(error)[:200]}") from error
    if not found:
        raise UnreadableData(f"{path} holds no array")
    return found


def _arrays(file: Any, h5py: Any) -> list[Any]:
    waiting, found, seen = [file], [], 0
    known = set()
    while waiting and seen < _MOST_OBJECTS:
        group = waiting.pop()
        for name in group:
            seen += 1
            if seen >= _MOST_OBJECTS:
                break
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            thing = group.get(name)
            place = h5py.h5o.get_info(thing.id).addr if thing is not None else None
            if thing is None or place in known:
                continue
            known.add(place)
            if isinstance(thing, h5py.Group):
                waiting.append(thing)
            elif isinstance(thing, h5py.Dataset):
                found.append(thing)
    return found


def _table(array: Any, path: Path) -> Table:
    name = f"{path.name}{array.name}"
    shape = tuple(array.shape or ())
    dtype = array.dtype.str if array.dtype.names is None else f"|V{array.dtype.itemsize}"
    notes = ["its texts have no fixed length: their weight is not known"] if "O" in dtype else []
    samples = () if "O" in dtype or array.external or array.is_virtual else _sample(array, shape)
    return array_table(name, "hdf5", int(array.id.get_storage_size()), dtype, shape, samples=samples, notes=notes)


def _sample(array: Any, shape: tuple[int, ...]) -> tuple[bytes, ...]:
    """A few rows, where the chunk that they lie in is small."""
    row = math.prod(shape[1:]) * array.dtype.itemsize
    chunk = math.prod(array.chunks) * array.dtype.itemsize if array.chunks else row
    if not shape or not shape[0] or not row or row > _SAMPLED_BYTES or chunk > _SAMPLED_BYTES:
        return ()
    across = (
        math.prod(-(-side // part) for side, part in zip(shape[1:], array.chunks[1:], strict=True))
        if array.chunks
        else 1
    )
    if across * chunk > 16 * _SAMPLED_BYTES:
        return ()
    rows = max(_SAMPLED_BYTES // 16 // row, 1)
    return tuple(array[at : at + rows].tobytes() for at in {0, shape[0] // 2})
