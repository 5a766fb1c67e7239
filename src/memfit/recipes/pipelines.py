"""Diffusers' pipelines from their configurations alone: every part as from_pretrained makes it, weights made up.

What turns text into numbers is a stand-in: no vocabulary is fetched, and every prompt is as long as it is padded to.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from memfit.errors import MemfitError, UsageError
from memfit.recipes.names import PIPELINE, READERS
from memfit.recipes.notes import said
from memfit.recipes.placing import in_place

_WORDS_OF_CLIP = 77  # its positions
_WORDS_OF_OTHERS = 512  # of T5 and the like, where the pipeline does not say
_TOKENS_OF_A_WORD = 1.3  # of English text, about
_OWN = "diffusers.pipelines"  # where parts lie that index files name by a pipeline's folder


class Tokens:
    """Stands for a tokenizer: every text fills the length that it is padded to.

    Args:
        longest: tokens of a text where nobody says how long it may be.
    """

    padding_side = "right"

    def __init__(self, longest: int) -> None:
        self.model_max_length = longest

    def __call__(self, text: Any, *, padding: Any = False, max_length: int | None = None, **_: Any) -> Any:
        """As transformers' tokenizers answer: ids and a mask, (texts, tokens), int64."""
        from transformers import BatchEncoding

        texts = [text] if isinstance(text, str) else text
        length = max_length or self.model_max_length
        if padding == "longest" and max_length is None:  # a look whether a text is cut off
            length = min(max(len(self.tokenize(each)) for each in texts), length)
        ids = torch.ones((len(texts), length), dtype=torch.int64)
        return BatchEncoding({"input_ids": ids, "attention_mask": torch.ones_like(ids)})

    added_tokens_encoder: Mapping[str, int] = {}  # words that a user taught it

    def tokenize(self, text: str) -> list[str]:
        """About as many pieces as the text has tokens."""
        return ["word"] * max(int(len(text.split()) * _TOKENS_OF_A_WORD), 1)

    def encode(self, text: str, **_: Any) -> list[int]:
        """As many ids."""
        return [1] * len(self.tokenize(text))


def diffusers() -> Any:
    """The library.

    Raises:
        MemfitError: it is not installed.
    """
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise MemfitError(
            f"diffusers is not installed whole, which makes pipelines of images: {error}", hint="pip install diffusers"
        ) from error


def built(folder: Path, dtype: torch.dtype) -> Any:
    """The pipeline in the host's memory, as from_pretrained leaves it there.

    Args:
        folder: with a model_index.json and a folder for each part.
        dtype: of the weights, but of those that a part keeps in float32.

    Raises:
        UsageError: diffusers or transformers cannot build it.
    """
    library = diffusers()
    told = json.loads((folder / PIPELINE).read_text(encoding="utf-8"))
    kind = getattr(library, str(told.get("_class_name")), None)
    if kind is None:
        raise UsageError(
            f"diffusers {library.__version__} has no {told.get('_class_name')}", slug="unknown-architecture"
        )
    wanted = inspect.signature(kind.__init__).parameters
    try:
        parts = {
            name: _part(folder / name, value[0], value[1], dtype) if _is_part(value) else value
            for name, value in told.items()
            if name in wanted
        }
        return kind(**parts)
    except (ValueError, KeyError, OSError, TypeError, AttributeError, ImportError) as error:
        raise UsageError(
            f"diffusers {library.__version__} cannot build {folder.name}: {said(error)}",
            hint="for what it does not know, give a script",
            slug="unknown-architecture",
        ) from error


def _is_part(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(each is None or isinstance(each, str) for each in value)


def _part(folder: Path, library: str | None, name: str | None, dtype: torch.dtype) -> Any:
    """One part of a pipeline: a model, a scheduler, or what stands for a tokenizer."""
    if library is None or name is None:
        return None
    if "Tokenizer" in name:
        return Tokens(_WORDS_OF_CLIP if "CLIP" in name else _WORDS_OF_OTHERS)
    if library not in ("diffusers", "transformers") and not library.isidentifier():
        raise ValueError(f"a part of {library!r}")
    home = importlib.import_module(library if library in ("diffusers", "transformers") else f"{_OWN}.{library}")
    kind = getattr(home, name)
    if hasattr(kind, "load_config"):
        told = kind.load_config(str(folder), local_files_only=True)
        with torch.device("meta" if issubclass(kind, torch.nn.Module) else "cpu"):
            made = kind.from_config(told)
    elif hasattr(kind, "config_class"):
        told = kind.config_class.from_pretrained(str(folder), local_files_only=True)
        with torch.device("meta"):
            made = kind(told)
    elif name.endswith(READERS):
        return kind.from_pretrained(str(folder), local_files_only=True)
    else:
        raise ValueError(f"{library}.{name}, which is neither a model nor a scheduler")
    return in_place(_typed(made, dtype), torch.device("cpu")).eval() if isinstance(made, torch.nn.Module) else made


def _typed(model: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """In a type, but for what stays in float32: as each of the two libraries has it when it loads weights."""
    kept = set(getattr(model, "_keep_in_fp32_modules_strict", None) or ())
    if dtype is torch.float16 or not hasattr(model, "_keep_in_fp32_modules_strict"):
        kept |= set(getattr(model, "_keep_in_fp32_modules", None) or ())
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if weight.is_floating_point():
            wide = dtype is not torch.float64 and not kept.isdisjoint(name.split("."))
            weight.data = weight.data.to(torch.float32 if wide else dtype)
    return model


def denoiser_of(pipeline: Any) -> tuple[str, Any]:
    """The part that is run again and again, and its name.

    Raises:
        UsageError: there is none of the usual names.
    """
    for name in ("transformer", "unet", "prior"):
        if isinstance(getattr(pipeline, name, None), torch.nn.Module):
            return name, getattr(pipeline, name)
    raise UsageError(f"{type(pipeline).__name__} has no transformer and no unet", hint="give a script")
