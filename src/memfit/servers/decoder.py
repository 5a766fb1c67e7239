"""A language model as an engine sees it: the numbers of a configuration that decide about memory.

Configurations are those of transformers; names differ from family to family, and families differ in biases, norms and
how their wide half is made. Their numbers of parameters are held against published ones (tests/unit/servers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.errors import UsageError

_MOST = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a configuration does not say, its model_type does.

    Args:
        gated: whether the wide half has a gate beside it.
        biases: of which matrices: "" none, "qkv", "mlp", "all".
        norms: in a layer.
        plain_norms: whether norms have a bias too.
        norm_weights: whether norms have weights at all.
        tied: whether the output is the embedding where the configuration says nothing.
        output_bias: of the last matrix.
        offset: positions that a table of positions has before the first; None without such a table.
    """

    gated: bool = True
    biases: str = ""
    norms: int = 2
    plain_norms: bool = False
    norm_weights: bool = True
    tied: bool = False
    output_bias: bool = False
    offset: int | None = None


_LLAMA = Family()
_PLAIN = Family(gated=False, biases="all", plain_norms=True)
FAMILIES: dict[str, Family] = {
    "llama": _LLAMA, "mistral": _LLAMA, "mixtral": _LLAMA, "phi3": _LLAMA, "qwen3": _LLAMA, "qwen3_moe": _LLAMA,
    "deepseek_v2": _LLAMA, "deepseek_v3": _LLAMA, "kimi_k2": _LLAMA, "qwen2": Family(biases="qkv"),
    "qwen2_moe": Family(biases="qkv"), "gemma": Family(tied=True), "gemma2": Family(tied=True, norms=4),
    "gemma3_text": Family(tied=True, norms=4), "olmo": Family(norms=0, norm_weights=False), "olmo2": _LLAMA,
    "gpt_oss": Family(biases="all"), "stablelm": Family(plain_norms=True), "starcoder2": _PLAIN,
    "opt": Family(gated=False, biases="all", plain_norms=True, tied=True, offset=2),
    "gpt2": Family(gated=False, biases="all", plain_norms=True, tied=True, offset=0),
    "gpt_bigcode": Family(gated=False, biases="all", plain_norms=True, tied=True, offset=0),
    "gpt_neox": _PLAIN, "bloom": Family(gated=False, biases="all", plain_norms=True, tied=True),
    "phi": Family(gated=False, biases="all", plain_norms=True, norms=1, output_bias=True),
    "gptj": Family(gated=False, biases="mlp", plain_norms=True, norms=1, output_bias=True),
    "falcon": Family(gated=False, plain_norms=True, norms=1, tied=True),
}  # fmt: skip
QK_NORMS = ("qwen3", "qwen3_moe", "gemma3_text")
# Every which layer attends to everything where a window slides in the others and no list says which: configuration
# classes of transformers 5 (layer_types), as the engines read them.
_PATTERNS = {"gemma2": 2, "gemma3_text": 6, "gpt_oss": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One block.

    Args:
        heads, key_heads: of queries, and of keys and values.
        side: elements of a head.
        window: of tokens that it looks back on; None for all.
        latent: elements that a token leaves in a compressed cache; 0 for keys and values.
        wide: elements of its wide half; 0 where experts stand there.
        experts, chosen: how many, and how many of them work on a token.
        expert_wide, shared_wide: elements of one expert, and of those that work on every token.
    """

    heads: int
    key_heads: int
    side: int
    window: int | None = None
    latent: int = 0
    wide: int = 0
    experts: int = 0
    chosen: int = 0
    expert_wide: int = 0
    shared_wide: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """The model.

    Args:
        kind: its model_type.
        family: what goes with it.
        width: elements of a token between layers.
        vocabulary: tokens that it chooses from.
        layers: its blocks in order.
        tied: whether the output is the embedding.
        dtype: of the weights, as the configuration names it; None where it names none.
        positions: the longest sequence it was made for.
        rotary: elements of a head that are turned; 0 where none are.
        told: the configuration.
    """

    kind: str
    family: Family
    width: int
    vocabulary: int
    layers: tuple[Layer, ...]
    tied: bool
    dtype: str | None
    positions: int
    rotary: int
    told: Mapping[str, Any]

    @property
    def quantisation(self) -> Mapping[str, Any]:
        """The configuration's quantization_config; empty without one."""
        found = self.told.get("quantization_config") or self.told.get("compression_config") or {}
        return found if isinstance(found, dict) else {}

    @property
    def has_windows(self) -> bool:
        return any(layer.window is not None for layer in self.layers)


def decoder(told: Mapping[str, Any], name: str) -> Decoder:
    """Read it from a configuration.

    Args:
        told: a config.json.
        name: of the model, for messages.

    Raises:
        UsageError: no model that the rules know, or numbers that no model has.
    """
    told = _text(told)
    kind = str(told.get("model_type", ""))
    family = FAMILIES.get(kind)
    if family is None:
        raise UsageError(
            f"{name} is a {kind}: how an engine lays it out is not known",
            hint=f"without --engine it is served as transformers does; known are {', '.join(sorted(FAMILIES))}",
            slug="engine-model",
        )
    read = _Reader(told, name)
    width, heads = read.number("hidden_size", "n_embd"), read.number("num_attention_heads", "n_head")
    side = read.number("head_dim", default=width // heads)
    count = read.number("num_hidden_layers", "n_layer")
    tied = told.get("tie_word_embeddings")
    share = float(told.get("partial_rotary_factor") or told.get("rotary_pct") or _ROTARY.get(kind, 1.0))
    rotary = 0 if family.offset is not None or kind == "bloom" else read.number("rotary_dim", default=int(side * share))
    if told.get("kv_lora_rank"):
        rotary = read.number("qk_rope_head_dim")
    return Decoder(
        kind=kind,
        family=family,
        width=width,
        vocabulary=read.number("vocab_size"),
        layers=tuple(_layer(read, kind, number, heads=heads, side=side, width=width) for number in range(count)),
        tied=family.tied if tied is None else bool(tied),
        dtype=told.get("dtype") or told.get("torch_dtype"),
        positions=read.number("max_position_embeddings", "n_positions", default=2048),
        rotary=rotary,
        told=told,
    )


_ROTARY = {"gpt_neox": 0.25, "stablelm": 0.25}


class _Reader:
    def __init__(self, told: Mapping[str, Any], name: str) -> None:
        self.told, self.name = told, name

    def number(self, *keys: str, default: int | None = None) -> int:
        """The first of these that the configuration has."""
        for key in keys:
            value = self.told.get(key)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
                raise UsageError(
                    f"{self.name}: {key} is {value!r}", hint="a whole number from 0 is expected", slug="bad-model"
                )
            return value
        if default is None:
            raise UsageError(f"{self.name} does not say its {keys[0]}", slug="bad-model")
        return default


def _text(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a configuration that the language model is, without eyes and ears."""
    inner = told.get("text_config")
    if isinstance(inner, dict) and "vision_config" in told:
        raise UsageError(
            f"a {told.get('model_type')} sees beside reading: what an engine holds for that is not known",
            hint="without --engine it is served as transformers does",
            slug="engine-model",
        )
    return {**inner, **{key: told[key] for key in ("quantization_config",) if key in told}} if inner else told


def _layer(read: _Reader, kind: str, number: int, *, heads: int, side: int, width: int) -> Layer:
    told = read.told
    key_heads = read.number("num_key_value_heads", "num_kv_heads", default=heads)
    if kind in ("falcon", "gpt_bigcode") and told.get("multi_query", True) and not told.get("new_decoder_architecture"):
        key_heads = 1
    latent = read.number("kv_lora_rank", default=0)
    wide = read.number("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", default=4 * width)
    experts = read.number("num_experts", "num_local_experts", "n_routed_experts", default=0)
    if not experts or number < read.number("first_k_dense_replace", default=0):
        experts = 0
    expert_wide = read.number("moe_intermediate_size", default=wide)
    shared = read.number("shared_expert_intermediate_size", default=0)
    shared = shared or read.number("n_shared_experts", default=0) * expert_wide
    return Layer(
        heads=heads,
        key_heads=key_heads,
        side=side,
        window=_window(read, kind, number),
        latent=latent + read.number("qk_rope_head_dim", default=0) if latent else 0,
        wide=0 if experts else wide,
        experts=experts,
        chosen=read.number("num_experts_per_tok", default=0) if experts else 0,
        expert_wide=expert_wide if experts else 0,
        shared_wide=shared if experts else 0,
    )


def _window(read: _Reader, kind: str, number: int) -> int | None:
    told = read.told
    window = told.get("sliding_window")
    if not isinstance(window, int) or window <= 0 or told.get("use_sliding_window") is False:
        return None
    types = told.get("layer_types")
    if isinstance(types, list) and number < len(types):
        return window if types[number] == "sliding_attention" else None
    if kind in ("qwen2", "qwen3", "qwen3_moe", "qwen2_moe"):
        return None  # use_sliding_window is False where it is not named
    every = told.get("sliding_window_pattern") or _PATTERNS.get(kind, 1)
    return None if every != 1 and (number + 1) % every == 0 else window
