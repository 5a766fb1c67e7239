"""From a name to the header of a GGUF file: on this machine, in the hub's cache, or on the hub by its first bytes.

Names are those that llama.cpp takes: a file, or "org/name:Q4_K_M" of the hub. A model in several parts is read part by
part. Nothing behind a header is fetched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from memfit.datasets.formats.gguf_header import Header, read_header
from memfit.datasets.opening import UnreadableData, open_file
from memfit.errors import UsageError
from memfit.recipes import hub
from memfit.recipes.names import GGUF, PREFIX
from memfit.recipes.naming import snapshots

_ON_HUB = re.compile(r"([\w.-]+/[\w.-]+?)(?:/([\w./-]+\.gguf)|:([\w.-]+))?", re.IGNORECASE)
_PART = re.compile(r"(.+-)(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_MOST_PARTS, _SECONDS = 256, 60
_USUAL = "Q4_K_M"  # what llama.cpp takes of a repository when no quantisation is named


def is_gguf(target: str) -> bool:
    """Whether a target is a GGUF file, or a name of the hub that llama.cpp would take.

    >>> is_gguf("model.gguf"), is_gguf("hf:a/B-GGUF:Q8_0"), is_gguf("hf:a/B-GGUF"), is_gguf("hf:Qwen/Qwen3-8B")
    (True, True, True, False)
    """
    if target.lower().endswith(GGUF):
        return True
    found = _ON_HUB.fullmatch(target.removeprefix(PREFIX)) if target.startswith(PREFIX) else None
    return found is not None and (found.group(3) is not None or found.group(1).lower().endswith("-gguf"))


def find(target: str) -> tuple[Header, str]:
    """The header of a model, of all its parts, and where it was read, in words.

    Raises:
        UsageError: it is nowhere.
        UnreadableData: it is no GGUF file, or a broken one.
    """
    if not target.startswith(PREFIX):
        return _joined(lambda name: _local(Path(target).with_name(name)), Path(target).name), target
    found = _ON_HUB.fullmatch(target.removeprefix(PREFIX))
    if found is None:
        raise UsageError(f"{target!r} is no name of a GGUF model", hint="hf:org/name:Q4_K_M, or a file")
    name, file, kind = found.groups()
    try:
        if file is None:
            file = chosen(_files(name), kind or _USUAL, name)
        cached = _cached(name, file)
        if cached is not None:
            return _joined(lambda each: _local(cached.with_name(each)), cached.name), "the hub's cache on this machine"
        until = time.monotonic() + _SECONDS
        folder, _, last = file.rpartition("/")
        before = f"{folder}/" if folder else ""
        return _joined(lambda each: _remote(name, before + each, until), last), f"the hub, {name}/{file}"
    except hub.NotRead as error:
        raise UsageError(
            f"the header of {target.removeprefix(PREFIX)} was not read: {error}",
            hint="give a file that is there, or a name of the hub: hf:org/name:Q4_K_M",
            slug="no-model",
        ) from error


def chosen(files: list[str], kind: str, name: str) -> str:
    """The file of that quantisation, the first of its parts.

    >>> chosen(["x-Q8_0.gguf", "mmproj-x-Q4_0.gguf", "q/x-Q4_0-00002-of-00002.gguf", "q/x-Q4_0-00001-of-00002.gguf"],
    ...        "q4_0", "a/x")
    'q/x-Q4_0-00001-of-00002.gguf'
    """
    models = sorted(each for each in files if each.lower().endswith(".gguf") and "mmproj" not in each.lower())
    for each in models:
        if re.search(rf"(?<![a-z0-9]){re.escape(kind)}(?![a-z0-9_])", each.rpartition("/")[2], re.IGNORECASE):
            return each
    if not models:
        raise UsageError(f"{name} has no GGUF files", slug="no-model")
    shown = ", ".join(each.rpartition("/")[2] for each in models[:6])
    raise UsageError(
        f"{name} has no {kind}; it has {shown}", hint="name one: hf:org/name:QUANTISATION", slug="no-model"
    )


def _files(name: str) -> list[str]:
    there = [str(each.relative_to(folder)) for folder in snapshots(name).glob("*") for each in folder.rglob("*.gguf")]
    if there and hub.is_offline():
        return there
    try:
        return hub.files(name)
    except hub.NotRead:
        if there:
            return there
        raise


def _cached(name: str, file: str) -> Path | None:
    return next((each for each in snapshots(name).glob(f"*/{file}") if each.is_file()), None)


def _joined(read: Callable[[str], Header], name: str) -> Header:
    """A header with the tensors of all parts; only the first part says what the model is."""
    parts = _PART.fullmatch(name)
    count = int(parts.group(3)) if parts else 1
    if parts is None or count < 2:
        return read(name)
    if count > _MOST_PARTS:
        raise UnreadableData(f"{name} claims {count:,} parts")
    headers = [read(f"{parts.group(1)}{number:05d}-of-{count:05d}.gguf") for number in range(1, count + 1)]
    tensors = {name: tensor for header in headers for name, tensor in header.tensors.items()}
    return Header(values=headers[0].values, tensors=tensors)


def _local(path: Path) -> Header:
    with open_file(path) as source:

        def part(start: int, count: int) -> bytes:
            source.seek(start)
            return source.read(count)

        return read_header(part, str(path))


def _remote(name: str, file: str, until: float) -> Header:
    return read_header(lambda start, count: hub.part(name, file, start, count, until=until).bytes, f"{name}/{file}")
