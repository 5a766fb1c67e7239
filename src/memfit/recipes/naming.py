"""From a model's name to a folder with its configuration: never the weights themselves, never code of its repository.

In this order: a folder that is there, the hub's cache on this machine, the few configurations that come with memfit
(for machines without a network and for models behind a licence), and the hub itself, by huggingface_hub where it is
installed and not offline. Of weights, `headers` reads what their files say of themselves, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from memfit.datasets.opening import UnreadableData
from memfit.errors import UsageError
from memfit.recipes import headers, hub
from memfit.recipes.names import PREFIX

THE_HUB, THE_CACHE = "the hub", "the hub's cache on this machine"
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_LARGEST = 1 << 24  # bytes of a config.json
# No model has more of any of these: a configuration that says so is damaged, or means harm.
_MOST = 1 << 24
_SIZES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
    "n_embd", "n_layer", "n_head", "d_model", "d_ff", "num_layers", "num_heads", "head_dim", "num_local_experts",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model that was found.

    Args:
        name: as it was asked for.
        folder: with a config.json.
        found: where that comes from, in words.
    """

    name: str
    folder: Path
    found: str


def find(target: str) -> Named:
    """The configuration of a model.

    Args:
        target: "hf:org/name", or a folder with a config.json.

    Raises:
        UsageError: it is nowhere, it may not be read, or it is no configuration.
    """
    name = target.removeprefix(PREFIX)
    if not target.startswith(PREFIX) or (Path(name) / "config.json").is_file():
        folder = Path(name)
        _check(folder / "config.json", name)
        return Named(name=target, folder=folder, found=f"{folder}/config.json")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no model's name", hint="hf:org/name, or a folder with a config.json")
    if (cached := _cached(name)) is not None:
        _check(cached, name)
        return Named(name=target, folder=cached.parent, found=THE_CACHE)
    if (shipped := known().get(name)) is not None:
        return Named(
            name=target,
            folder=_laid_out(name, json.dumps(shipped["config"])),
            found="the configuration that comes with memfit",
        )
    try:
        file = hub.small_file(name, "config.json")
    except hub.NotRead as error:
        said = str(error)
    else:
        _check(file, name)
        return Named(name=target, folder=file.parent, found=THE_HUB)
    raise UsageError(
        f"no configuration of {name} was found: not in the hub's cache, {said}, and none comes with memfit",
        hint=f"give a folder with its config.json, or one of: {', '.join(list(known())[:6])}, …",
        slug="no-model",
    )


def with_weights(model: Named) -> tuple[Named, headers.Weights | None, str]:
    """The headers of a model's weights, where they can be had, and a folder in which the recipe finds them too.

    Returns:
        The model, its weights, and where there are none, why; "" where nobody would expect any.
    """
    try:
        weights = headers.of_folder(model.folder)
        if weights is not None:
            return model, weights, ""
        if headers.has_pickles(model.folder):
            return model, None, "they are in pytorch_model.bin, a pickle, which memfit does not run"
        if model.found not in (THE_HUB, THE_CACHE) or (model.found == THE_CACHE and hub.is_offline()):
            return model, None, ""
        revision = model.folder.name if model.folder.parent.name == "snapshots" else None
        name = model.name.removeprefix(PREFIX)
        weights = headers.of_hub(name, revision)
    except (hub.NotRead, UnreadableData) as error:
        return model, None, str(error)
    text = (model.folder / "config.json").read_text(encoding="utf-8")
    folder = _laid_out(name, text, revision or "newest")
    headers.lay_out(weights, folder)
    return replace(model, folder=folder), weights, ""


def names_a_type(model: Named) -> bool:
    """Whether a configuration says in which type its weights are loaded."""
    told = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    parts = (told, *(each for each in told.values() if isinstance(each, dict)))
    return any(part.get("dtype") or part.get("torch_dtype") for part in parts)


def known() -> dict[str, Any]:
    """The models whose configuration comes with memfit: name → "config", "parameters", "source"."""
    text = files("memfit.recipes").joinpath("models.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _laid_out(name: str, text: str, revision: str = "") -> Path:
    """A folder of this user's with a configuration in it, as the library that builds the model wants it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"memfit-models-{user}" / revision / name.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "config.json"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return folder


def snapshots(name: str) -> Path:
    """Where the hub's library keeps what it fetched of a model, a folder for each revision."""
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    return cache / f"models--{name.replace('/', '--')}" / "snapshots"


def _cached(name: str) -> Path | None:
    """The newest config.json of this name in the cache, found without the hub's library."""
    try:
        there = [each for each in snapshots(name).glob("*/config.json") if each.is_file()]
        return max(there, key=lambda each: each.stat().st_mtime) if there else None
    except OSError:
        return None


def _check(file: Path, name: str) -> None:
    """Say what is wrong with a configuration before anything is built from it."""
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageError(f"{file} is no configuration: {file.stat().st_size:,} bytes", slug="bad-model")
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} could not be read as JSON: {error}", slug="bad-model") from error
    if not isinstance(told, dict) or not isinstance(told.get("model_type"), str):
        raise UsageError(
            f"{file} does not say its model_type",
            hint=f"a transformers configuration is needed; {name} may be of another library",
            slug="bad-model",
        )
    for part in (told, *(each for each in told.values() if isinstance(each, dict))):
        for key in _SIZES:
            size = part.get(key)
            if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= _MOST):
                raise UsageError(
                    f"{file}: {key} is {size!r}", hint="a whole number from 1 is expected", slug="bad-model"
                )
