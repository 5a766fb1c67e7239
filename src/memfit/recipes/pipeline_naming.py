"""From a pipeline's name to a folder with the configurations of its parts: a model_index.json and what it names.

Looked for as `naming` does it: a folder, the hub's cache on this machine, what comes with memfit, the hub.
"""

from __future__ import annotations

import json
import os
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from memfit.errors import UsageError
from memfit.recipes import hub
from memfit.recipes.names import PIPELINE, PREFIX, READERS
from memfit.recipes.naming import THE_CACHE, THE_HUB, Named, snapshots

_LARGEST = 1 << 22  # bytes of a configuration
_MOST = 1 << 24  # no width, depth or vocabulary is larger: such a configuration is damaged, or means harm
_OF_SCHEDULERS, _OF_READERS = "scheduler_config.json", "preprocessor_config.json"


def find(target: str) -> Named | None:
    """A pipeline that is here: in a folder, in the cache, or among those that come with memfit; None for none.

    Raises:
        UsageError: it may not be read, or it is no configuration.
    """
    name = target.removeprefix(PREFIX)
    if (Path(name) / PIPELINE).is_file():
        return _checked(Named(name=target, folder=Path(name), found=f"{name}/{PIPELINE}"))
    if not target.startswith(PREFIX) or ".." in name:
        return None
    there = sorted(snapshots(name).glob(f"*/{PIPELINE}"), key=lambda each: each.stat().st_mtime)
    if there:
        _fetch_parts(name, there[-1])
        return _checked(Named(name=target, folder=there[-1].parent, found=THE_CACHE))
    shipped = known().get(name)
    if shipped is None:
        return None
    folder = _laid_out(name, shipped["files"])
    return Named(name=target, folder=folder, found="the configurations that come with memfit")


def find_on_hub(target: str) -> Named | None:
    """A pipeline on the hub, its configurations fetched; None where the hub has none of that name, or is not asked.

    Raises:
        UsageError: what was fetched is no configuration.
    """
    name = target.removeprefix(PREFIX)
    try:
        index = hub.small_file(name, PIPELINE)
    except hub.NotRead:
        return None
    _fetch_parts(name, index)
    return _checked(Named(name=target, folder=index.parent, found=THE_HUB))


def known() -> dict[str, Any]:
    """The pipelines that come with memfit: name → "source", "parameters" by part, "files" with what is in them."""
    text = files("memfit.recipes").joinpath("pipelines.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _fetch_parts(name: str, index: Path) -> None:
    """The configurations that an index names, into the cache beside it; what is missing is told when it is built."""
    for part, value in _read(index).items():
        file = _configuration_of(value)
        if file and part.isidentifier() and not (index.parent / part / file).is_file():
            try:
                hub.small_file(name, f"{part}/{file}", revision=index.parent.name)
            except hub.NotRead:
                return


def _configuration_of(value: Any) -> str:
    """The file that a part's configuration is in; "" for what needs none."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str) or "Tokenizer" in value[1]:
        return ""
    if "Scheduler" in value[1]:
        return _OF_SCHEDULERS
    return _OF_READERS if value[1].endswith(READERS) else "config.json"


def _checked(found: Named) -> Named:
    for part in (found.folder / PIPELINE, *sorted(found.folder.glob("*/*config.json"))):
        _check_sizes(part, _read(part))
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageError(f"{file} is no configuration: {file.stat().st_size:,} bytes", slug="bad-model")
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} could not be read as JSON: {error}", slug="bad-model") from error
    if not isinstance(told, dict):
        raise UsageError(f"{file} is no configuration: an object is expected", slug="bad-model")
    return told


def _check_sizes(file: Path, told: dict[str, Any]) -> None:
    for key, value in told.items():
        for size in value if isinstance(value, list) else [value]:
            if isinstance(size, (int, float)) and abs(size) > _MOST:
                raise UsageError(
                    f"{file}: {key} is {size!r}", hint="no model has as much of anything", slug="bad-model"
                )


def _laid_out(name: str, parts: dict[str, Any]) -> Path:
    """A folder of this user's with these configurations in it, as diffusers wants them."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"memfit-models-{user}" / name.replace("/", "--")
    for file, told in parts.items():
        text = json.dumps(told)
        place = folder / file
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    return folder
