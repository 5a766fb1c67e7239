"""GGUF files that are not here, as headers: from an architecture's published numbers and llama.cpp's rule for the mix.

The files themselves cannot be reached from where this runs. Numbers: the models' own config.json; which tensor gets
which type: llama.cpp, llama_tensor_get_type (src/llama-quant.cpp), for the mixes below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from memfit.datasets.formats.gguf_header import TYPES, Header, Length, Tensor

_SIZES = {name: (block, size) for name, block, size in TYPES.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Its numbers: width, layers, heads, heads of keys, elements of a head, of the wide half, vocabulary."""

    architecture: str
    width: int
    layers: int
    heads: int
    keys: int
    side: int
    wide: int
    vocabulary: int
    tied: bool = False
    biases: bool = False
    norms: bool = False
    more: tuple[tuple[str, Any], ...] = ()
    experts: int = 0
    after: bool = False  # norms behind attention and behind the wide half too


def _llama(width: int, layers: int, heads: int, keys: int, wide: int, vocabulary: int, **more: Any) -> Model:
    side = more.pop("side", width // heads)
    told = {"architecture": "llama", "width": width, "layers": layers, "heads": heads, "keys": keys, "side": side,
            "wide": wide, "vocabulary": vocabulary}  # fmt: skip
    return Model(**{**told, **more})


def _of_experts(wide: int) -> dict[str, Any]:
    """Qwen 3's mixtures: 8 of 128 experts."""
    told = (("expert_count", 128), ("expert_used_count", 8), ("expert_feed_forward_length", wide))
    return {**_QWEN3, "architecture": "qwen3moe", "experts": 128, "more": told}


_QWEN3: dict[str, Any] = {"architecture": "qwen3", "side": 128, "norms": True}
_GEMMA2: dict[str, Any] = {
    "architecture": "gemma2", "tied": True, "after": True, "more": (("attention.sliding_window", 4096),),
}  # fmt: skip
_GEMMA3: dict[str, Any] = {
    "architecture": "gemma3", "side": 256, "tied": True, "norms": True, "after": True,
    "more": (("attention.sliding_window", 1024),),
}  # fmt: skip
_GPT_OSS: dict[str, Any] = {
    "architecture": "gpt-oss", "side": 64, "experts": 32,
    "more": (("attention.sliding_window", 128), ("expert_used_count", 4), ("expert_feed_forward_length", 2880)),
}  # fmt: skip
MODELS = {
    "llama-2-7b": _llama(4096, 32, 32, 32, 11008, 32000),
    "mistral-7b": _llama(4096, 32, 32, 8, 14336, 32000),
    "llama-3-8b": _llama(4096, 32, 32, 8, 14336, 128256),
    "llama-3.2-1b": _llama(2048, 16, 32, 8, 8192, 128256, tied=True),
    "llama-3.2-3b": _llama(3072, 28, 24, 8, 8192, 128256, tied=True),
    "trilm-3.9b": _llama(3072, 30, 24, 24, 9216, 50688),
    "qwen2.5-3b": _llama(2048, 36, 16, 2, 11008, 151936, architecture="qwen2", tied=True, biases=True),
    "qwen2.5-7b": _llama(3584, 28, 28, 4, 18944, 152064, architecture="qwen2", biases=True),
    "qwen3-0.6b": _llama(1024, 28, 16, 8, 3072, 151936, tied=True, **_QWEN3),
    "qwen3-1.7b": _llama(2048, 28, 16, 8, 6144, 151936, tied=True, **_QWEN3),
    "qwen3-4b": _llama(2560, 36, 32, 8, 9728, 151936, tied=True, **_QWEN3),
    "qwen3-14b": _llama(5120, 40, 40, 8, 17408, 151936, **_QWEN3),
    "glm-4-32b": _llama(6144, 61, 48, 2, 23040, 151552, architecture="glm4", side=128),
    "mistral-nemo-12b": _llama(5120, 40, 32, 8, 14336, 131072, side=128),
    "llama-2-13b": _llama(5120, 40, 40, 40, 13824, 32000),
    "llama-3-70b": _llama(8192, 80, 64, 8, 28672, 128256),
    "codellama-34b": _llama(8192, 48, 64, 8, 22016, 32000),
    "qwen2.5-32b": _llama(5120, 64, 40, 8, 27648, 152064, architecture="qwen2", biases=True),
    "qwen2.5-0.5b": _llama(896, 24, 14, 2, 4864, 151936, architecture="qwen2", tied=True, biases=True),
    "qwen3-32b": _llama(5120, 64, 64, 8, 25600, 151936, **_QWEN3),
    "qwen3-30b-a3b": _llama(2048, 48, 32, 4, 768, 151936, **_of_experts(768)),
    "gemma-3-4b": _llama(2560, 34, 8, 4, 10240, 262208, **_GEMMA3),
    "qwen3-235b-a22b": _llama(4096, 94, 64, 4, 1536, 151936, **_of_experts(1536)),
    "mixtral-8x7b": _llama(
        4096, 32, 32, 8, 14336, 32000, experts=8, more=(("expert_count", 8), ("expert_used_count", 2))
    ),
    "gemma-3-12b": _llama(3840, 48, 16, 8, 15360, 262208, **_GEMMA3),
    "gemma-2-27b": _llama(4608, 46, 32, 16, 36864, 256128, side=128, **_GEMMA2),
    "gemma-2-9b": _llama(3584, 42, 16, 8, 14336, 256128, side=256, **_GEMMA2),
    "gpt-oss-20b": _llama(2880, 24, 64, 8, 2880, 201088, **_GPT_OSS),
}


def header(model: Model, mix: str, layers: int | None = None) -> Header:
    """The header of the model in a mix: "Q4_K_M", or one type for all ("F16", "Q8_0", "Q4_0"); of its first layers."""
    model = replace(model, layers=layers or model.layers)
    one = {"Q4_K_M": "Q4_K"}.get(mix, mix)
    output = {"Q4_K_M": "Q6_K", "Q4_0": "Q6_K"}.get(mix, mix)
    shapes = {"token_embd.weight": (model.width, model.vocabulary), "output_norm.weight": (model.width,)}
    if not model.tied:
        shapes["output.weight"] = (model.width, model.vocabulary)
    for number in range(model.layers):
        shapes |= {f"blk.{number}.{name}": shape for name, shape in _block(model).items()}
    tensors = {}
    for name, shape in shapes.items():
        kind = "F32" if len(shape) == 1 else one
        if name == "output.weight" or (name == "token_embd.weight" and model.tied):
            kind = output
        elif mix == "Q4_K_M" and name.endswith(("attn_v.weight", "ffn_down.weight")):
            kind = "Q6_K" if _more_bits(int(name.split(".")[1]), model.layers) else one
        block, size = _SIZES[kind]
        elements = 1
        for side in shape:
            elements *= side
        tensors[name] = Tensor(kind, shape, elements // block * size)
    start = model.architecture
    values: dict[str, Any] = {
        "general.architecture": start, f"{start}.embedding_length": model.width, f"{start}.block_count": model.layers,
        f"{start}.feed_forward_length": model.wide, f"{start}.attention.head_count": model.heads,
        f"{start}.attention.head_count_kv": model.keys, f"{start}.attention.key_length": model.side,
        f"{start}.attention.value_length": model.side, f"{start}.context_length": 1 << 18,
        "tokenizer.ggml.tokens": Length(model.vocabulary),
    }  # fmt: skip
    values |= {f"{start}.{key}": value for key, value in model.more}
    return Header(values=values, tensors=tensors)


def _block(model: Model) -> dict[str, tuple[int, ...]]:
    width, queries, keys = model.width, model.heads * model.side, model.keys * model.side
    found: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (width,), "ffn_norm.weight": (width,), "attn_q.weight": (width, queries),
        "attn_k.weight": (width, keys), "attn_v.weight": (width, keys), "attn_output.weight": (queries, width),
    }  # fmt: skip
    if model.biases:
        found |= {"attn_q.bias": (queries,), "attn_k.bias": (keys,), "attn_v.bias": (keys,)}
    if model.norms:
        found |= {"attn_q_norm.weight": (model.side,), "attn_k_norm.weight": (model.side,)}
    if model.after:
        found |= {"post_attention_norm.weight": (width,), "post_ffw_norm.weight": (width,)}
    if model.experts:
        found |= {"ffn_gate_inp.weight": (width, model.experts)}
        found |= {f"ffn_{name}_exps.weight": (width, model.wide, model.experts) for name in ("gate", "up")}
        found |= {"ffn_down_exps.weight": (model.wide, width, model.experts)}
    else:
        found |= {"ffn_gate.weight": (width, model.wide), "ffn_up.weight": (width, model.wide),
                  "ffn_down.weight": (model.wide, width)}  # fmt: skip
    return found


def _more_bits(layer: int, layers: int) -> bool:
    """use_more_bits of llama-quant.cpp: the first and last eighth, and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
