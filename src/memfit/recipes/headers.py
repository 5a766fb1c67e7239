"""What a checkpoint holds, by the headers of its safetensors files alone: types, shapes and bytes of every tensor.

In a folder, or on the hub by reading the first bytes of each file. Nothing of the weights themselves is read.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.datasets.formats.safetensors_header import PREFIX_BYTES, TYPES, Tensor, header_length, tensors_of
from memfit.datasets.opening import UnreadableData, open_file
from memfit.recipes import hub

__all__ = ("SUMMARY", "TYPES", "Tensor", "Weights", "has_pickles", "lay_out", "of_folder", "of_hub")
SUMMARY = "memfit-headers.json"  # beside a configuration that memfit laid out: what the hub's headers said
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*")
_MOST_FILES, _MOST_TENSORS, _LARGEST_INDEX = 1024, 1_000_000, 64 << 20
_FIRST = 1 << 17  # 97 % of the hub's headers are shorter than 100 KB (huggingface_hub, parse_safetensors_file_metadata)
_AT_ONCE, _SECONDS = 8, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A checkpoint.

    Args:
        tensors: by name.
        files: how many they lie in.
        found: where their headers were read, in words.
    """

    tensors: Mapping[str, Tensor]
    files: int
    found: str

    @property
    def bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors.values())

    @property
    def bytes_by_type(self) -> dict[str, int]:
        """Of each type, most first."""
        sums: dict[str, int] = {}
        for tensor in self.tensors.values():
            sums[tensor.dtype] = sums.get(tensor.dtype, 0) + tensor.bytes
        return dict(sorted(sums.items(), key=lambda each: -each[1]))

    @property
    def first_type(self) -> str | None:
        """The type that from_pretrained gives a model whose configuration names none: the first of 16 bits or more."""
        kinds = (tensor.dtype for tensor in self.tensors.values())
        return next((kind for kind in kinds if kind in ("bfloat16", "float16", "float32", "float64")), None)

    def told(self) -> str:
        """A sentence's beginning: bytes, types, tensors and files."""
        by_type = self.bytes_by_type
        if len(by_type) == 1:
            types = f"in {next(iter(by_type))}"
        else:
            types = "(" + ", ".join(f"{size:,} in {kind}" for kind, size in by_type.items()) + ")"
        files = f"{self.files} file{'s' * (self.files > 1)}"
        return f"weights as stored: {self.bytes:,} bytes {types}, {len(self.tensors):,} tensors in {files}"


def of_folder(folder: Path) -> Weights | None:
    """The checkpoint beside a configuration; None where there is none.

    Raises:
        UnreadableData: it is broken, or lies.
    """
    if (folder / SUMMARY).is_file():
        return _summary(folder / SUMMARY)
    names = [_SINGLE] if (folder / _SINGLE).is_file() else None
    if names is None and (folder / _INDEX).is_file():
        with open_file(folder / _INDEX) as source:
            names = _names(source.read(_LARGEST_INDEX + 1), str(folder / _INDEX))
    return None if names is None else _joined(map(_local, (folder / name for name in names)), len(names), f"{folder}")


def has_pickles(folder: Path) -> bool:
    """Whether the weights of a folder are in the form that is a program, which memfit does not run."""
    return any((folder / name).is_file() for name in _PICKLES)


def of_hub(name: str, revision: str | None = None) -> Weights:
    """The checkpoint of a model on the hub, by the first bytes of its files.

    Raises:
        NotRead, UnreadableData: why not.
    """
    until = time.monotonic() + _SECONDS

    def one(file: str) -> dict[str, Tensor]:
        return _remote(lambda start, count: hub.part(name, file, start, count, until=until, revision=revision), file)

    try:
        return _joined([one(_SINGLE)], 1, "the hub")
    except hub.NoSuchFile:
        index = hub.part(name, _INDEX, 0, _LARGEST_INDEX + 1, until=until, revision=revision).bytes
    names = _names(index, f"{name}/{_INDEX}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return _joined(pool.map(one, names), len(names), "the hub")


def lay_out(weights: Weights, folder: Path) -> None:
    """Keep what the headers said beside a configuration, for `of_folder`."""
    told = {name: [tensor.dtype, list(tensor.shape), tensor.bytes] for name, tensor in weights.tensors.items()}
    text = json.dumps({"found": weights.found, "files": weights.files, "tensors": told})
    (folder / SUMMARY).write_text(text, encoding="utf-8")


def _summary(file: Path) -> Weights:
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    tensors = {name: Tensor(kind, tuple(shape), size) for name, (kind, shape, size) in told["tensors"].items()}
    return Weights(tensors=tensors, files=told["files"], found=told["found"])


def _local(path: Path) -> dict[str, Tensor]:
    with open_file(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        length = header_length(source.read(PREFIX_BYTES), size, str(path))
        return tensors_of(source.read(length), size, str(path))


def _remote(part: Callable[[int, int], hub.Part], file: str) -> dict[str, Tensor]:
    first, size = part(0, _FIRST)
    length = header_length(first, size, file)
    header = first[PREFIX_BYTES : PREFIX_BYTES + length]
    if len(header) < length:
        header += part(len(first), length - len(header)).bytes
    if len(header) < length:
        raise UnreadableData(f"{file} is broken: {len(header):,} of {length:,} bytes of its header came")
    return tensors_of(header, size, file)


def _names(index: bytes, where: str) -> list[str]:
    """The files that an index names, each once.

    Raises:
        UnreadableData: it is no index, or it names what is no file beside it.
    """
    if len(index) > _LARGEST_INDEX:
        raise UnreadableData(f"{where} has more than {_LARGEST_INDEX:,} bytes, more than memfit reads")
    try:
        names = list(dict.fromkeys(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableData(f"{where} is no index of weights") from error
    wrong = [name for name in names if not isinstance(name, str) or not _FILE.fullmatch(name) or ".." in name]
    if wrong or not 0 < len(names) <= _MOST_FILES:
        what = repr(wrong[0])[:80] if wrong else f"{len(names):,} files"
        raise UnreadableData(f"{where} is broken: it names {what}")
    return names


def _joined(parts: Iterable[dict[str, Tensor]], files: int, found: str) -> Weights:
    tensors: dict[str, Tensor] = {}
    for part in parts:
        tensors.update(part)
        if len(tensors) > _MOST_TENSORS:
            raise UnreadableData(f"{found} names more than {_MOST_TENSORS:,} tensors, more than memfit reads")
    return Weights(tensors=tensors, files=files, found=found)
