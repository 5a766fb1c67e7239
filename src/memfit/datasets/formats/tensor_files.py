"""Files of tensors: safetensors by its header, PyTorch's zip files by their directory. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

from memfit.datasets.archives import open_zip
from memfit.datasets.formats.safetensors_header import PREFIX_BYTES, header_length, tensors_of
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.tensors import kind_of
from memfit.documents.data import Column, Count, Table

_NAMES = {
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "float8",
}  # fmt: skip


def read_safetensors(path: Path) -> Table:
    """What a safetensors file holds: the elements of each type, as one row.

    Raises:
        UnreadableData: it is none, is broken, or lies about what lies in it.
    """
    with open_file(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        header = source.read(header_length(source.read(PREFIX_BYTES), size, str(path)))
    tensors = tensors_of(header, size, str(path))
    elements: dict[str, int] = {}
    for tensor in tensors.values():
        stored = "float8" if tensor.dtype.startswith("float8") else tensor.dtype
        stored, number = (stored, tensor.elements) if stored in _NAMES else ("bytes", tensor.bytes)
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


def _table(path: Path, form: str, size: int, elements: dict[str, int], said: str, notes: tuple[str, ...] = ()) -> Table:
    columns = tuple(
        Column(name=stored, kind=kind_of(stored), stored=stored, columns=number)
        for stored, number in sorted(elements.items())
        if number
    )
    return Table(name=path.name, form=form, files=1, disk_bytes=size, rows=Count.exactly(1), columns=columns,
                 sampled=said, notes=notes)  # fmt: skip
