"""A model as llama.cpp sees it: the few numbers of a GGUF header that decide about memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.datasets.formats.gguf_header import Header, Tensor
from memfit.errors import UsageError

_LAYER = re.compile(r"blk\.(\d{1,5})\.(.+)")
_MOST = 1 << 24
# Every which layer attends to everything, where a window slides in the others: llama-model.cpp, set_swa_pattern. Of 0
# all do: the window is not used. Architectures that have a window and are not listed: it slides in every layer.
_PATTERNS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gemma4": 6, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4,
    "smallthinker": 4, "olmo2": 4, "phi3": 0, "plamo3": 8,
}  # fmt: skip
_ATTENTION = ("attn_k.weight", "attn_qkv.weight", "attn_kv_a_mqa.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One block.

    Args:
        keys, values: elements that each token leaves in the cache.
        window: of tokens that it looks back on; None for all.
        state: elements of float32 that each sequence keeps, whatever its length.
        heads: of queries.
        queries: elements of the queries of a token.
        inner: elements that its wide half (or the experts chosen of it) makes of a token.
        chosen: experts that work on a token; 0 for one wide half.
    """

    keys: int
    values: int
    window: int | None
    state: int
    heads: int
    queries: int
    inner: int
    chosen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The model.

    Args:
        architecture: "llama", "qwen3", …
        name: what the file calls it.
        width: elements of a token between layers.
        vocabulary: tokens that it chooses from.
        trained: the longest context it was made for; 0 where the file does not say.
        layers: its blocks in order.
        tensors: of the file, by name.
    """

    architecture: str
    name: str
    width: int
    vocabulary: int
    trained: int
    layers: tuple[Layer, ...]
    tensors: Mapping[str, Tensor]

    def block(self, number: int) -> dict[str, Tensor]:
        """The tensors of one block, by what they are in it."""
        start = f"blk.{number}."
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def shape_of(header: Header, where: str) -> Shape:
    """Read it from a header.

    Raises:
        UsageError: a number is missing, or none that a model has.
    """
    architecture = str(header.values.get("general.architecture", ""))
    told = _Told(header.values, architecture, where)
    width, count = told.number("embedding_length"), told.number("block_count")
    embedding = header.tensors.get("token_embd.weight")
    vocabulary = embedding.shape[-1] if embedding is not None else told.number("vocab_size")
    blocks: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for name, tensor in header.tensors.items():
        found = _LAYER.fullmatch(name)
        if found is not None and int(found.group(1)) < count:
            blocks[int(found.group(1))][found.group(2)] = tensor
    return Shape(
        architecture=architecture,
        name=str(header.values.get("general.name", "")),
        width=width,
        vocabulary=vocabulary,
        trained=told.number("context_length", 0),
        layers=tuple(_layer(told, number, block, width) for number, block in enumerate(blocks)),
        tensors=header.tensors,
    )


class _Told:
    def __init__(self, values: Mapping[str, Any], architecture: str, where: str) -> None:
        self.values, self.architecture, self.where = values, architecture, where

    def number(self, key: str, default: int | None = None, layer: int | None = None) -> int:
        value = self.values.get(f"{self.architecture}.{key}", default)
        if isinstance(value, list) and layer is not None and layer < len(value):
            value = value[layer]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
            raise UsageError(
                f"{self.where} is no model that memfit can place: {self.architecture}.{key} is {value!r}",
                hint="a language model as llama.cpp runs it is expected, in one file or its first part",
                slug="bad-model",
            )
        return value


def _layer(told: _Told, number: int, block: Mapping[str, Tensor], width: int) -> Layer:
    heads = told.number("attention.head_count", 0, number)
    of_keys = told.number("attention.head_count_kv", heads, number)
    side = told.number("attention.key_length", width // heads if heads else 0)
    of_values = told.number("attention.value_length", width // heads if heads else 0)
    attends = any(name in block for name in _ATTENTION) or not block
    keys, values = (side * of_keys, of_values * of_keys) if attends else (0, 0)
    queries = side * heads if attends else 0
    if attends and "attn_kv_a_mqa.weight" in block and "attn_k_b.weight" in block:
        # Compressed keys: one vector a token for all heads; values are a part of it (llama-kv-cache.cpp, is_mla).
        keys, values = told.number("attention.kv_lora_rank") + told.number("rope.dimension_count"), 0
        queries = keys * heads
    inner, chosen = _inner(told, number, block)
    return Layer(
        keys=keys, values=values, window=_window(told, number) if attends else None, state=_state(told, block),
        heads=heads if attends else 0, queries=queries, inner=inner, chosen=chosen,
    )  # fmt: skip


def _window(told: _Told, number: int) -> int | None:
    window = told.number("attention.sliding_window", 0)
    pattern = told.values.get(f"{told.architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, list):
        return window or None if number < len(pattern) and pattern[number] else None
    every = pattern if isinstance(pattern, int) else _PATTERNS.get(told.architecture, 1)
    if not window or every == 0:
        return None
    return window if every == 1 or (number + 1) % every else None


def _state(told: _Told, block: Mapping[str, Tensor]) -> int:
    """Of layers with a state instead of a cache: n_embd_r and n_embd_s of llama-hparams.cpp."""
    if not any(name.startswith("ssm_") for name in block):
        return 0
    inner, kernel, size = told.number("ssm.inner_size"), told.number("ssm.conv_kernel"), told.number("ssm.state_size")
    groups = told.number("ssm.group_count", 0)
    return max(kernel - 1, 0) * (inner + 2 * groups * size) + size * inner


def _inner(told: _Told, number: int, block: Mapping[str, Tensor]) -> tuple[int, int]:
    chosen = told.number("expert_used_count", 0)
    if chosen and any(name.endswith("_exps.weight") for name in block):
        wide = told.number("feed_forward_length", 0, number)
        shared = told.number("expert_shared_feed_forward_length", 0)
        return chosen * told.number("expert_feed_forward_length", wide, number) + shared, chosen
    return told.number("feed_forward_length", 0, number), 0
