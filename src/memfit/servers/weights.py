"""The weights on one rank, as an engine lays them out: queries, keys and values in one matrix, gate and up in another.

vLLM: model_executor/layers/linear.py (QKVParallelLinear, MergedColumnParallelLinear), vocab_parallel_embedding.py
(rows padded to 64 for each rank), fused_moe/layer.py, rotary_embedding.py (cos_sin_cache) of 0.11.0, alike since 0.2.
SGLang's layers descend from them (srt/layers of 0.5.5); its rotary tables are float32. What the allocator gives beside
what was asked for is counted: it is part of "Model loading took".
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from memfit.quantities import MIB
from memfit.recipes.layouts import EXPERTS_ALONE, RULES, is_left_out
from memfit.servers.decoder import QK_NORMS, Decoder, Layer

SIZES = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "bfloat16": 2, "float16": 2, "int16": 2}
_ROWS = 64  # vocabularies are padded to a multiple of it: DEFAULT_VOCAB_PADDING_SIZE
_SMALL, _LARGE, _SEGMENT = MIB, 10 * MIB, 20 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One rank's part.

    Args:
        tensor: ranks that share every layer.
        stages: ranks that share the layers among them.
    """

    tensor: int = 1
    stages: int = 1

    def key_heads(self, layer: Layer) -> int:
        """Heads of keys on a rank: each has one at least, so that few heads are held several times."""
        return max(layer.key_heads // self.tensor, 1)

    def layers(self, count: int) -> int:
        """Of a stage: the fullest has the remainder (vllm/distributed/utils.py, get_pp_indices)."""
        return -(-count // self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One matrix of a rank.

    Args:
        name: as the checkpoint calls it, or the first of those in it.
        outputs, inputs: its sides.
        copies: of it; experts lie in one tensor.
        whole: whether it is never quantised.
    """

    name: str
    outputs: int
    inputs: int
    copies: int = 1
    whole: bool = False


def padded_vocabulary(model: Decoder, share: Share) -> int:
    """Rows of the embedding on one rank."""
    step = _ROWS * share.tensor if _ROWS % share.tensor else _ROWS
    return -(-model.vocabulary // step) * step // share.tensor


def matrices(model: Decoder, share: Share) -> Iterator[Matrix]:
    """Those of the fullest stage: with one stage all, else the layers and the larger of the ends."""
    rows = padded_vocabulary(model, share)
    embedding = Matrix(name="model.embed_tokens", outputs=rows, inputs=model.width, whole=True)
    yield embedding
    if model.family.offset is not None:
        yield Matrix(
            name="positions", outputs=model.positions + model.family.offset, inputs=model.width, whole=True
        )  # fmt: skip
    for number, layer in enumerate(model.layers[: share.layers(len(model.layers))]):
        yield from _of_layer(model, layer, share, f"model.layers.{number}.")
    if not model.tied and share.stages == 1:
        yield Matrix(name="lm_head", outputs=rows, inputs=model.width)


def _of_layer(model: Decoder, layer: Layer, share: Share, start: str) -> Iterator[Matrix]:
    width, ranks = model.width, share.tensor
    if layer.latent:
        yield from _latent(model, layer, share, start)
    else:
        rows = layer.heads // ranks + 2 * share.key_heads(layer)
        yield Matrix(name=f"{start}self_attn.q_proj", outputs=rows * layer.side, inputs=width)
        yield Matrix(name=f"{start}self_attn.o_proj", outputs=width, inputs=layer.heads * layer.side // ranks)
    halves = 2 if model.family.gated else 1
    if layer.experts:
        inner = layer.expert_wide // ranks
        yield Matrix(name=f"{start}mlp.gate", outputs=layer.experts, inputs=width, whole=True)
        name = f"{start}mlp.experts"
        yield Matrix(name=f"{name}.gate_proj", outputs=halves * inner, inputs=width, copies=layer.experts)
        yield Matrix(name=f"{name}.down_proj", outputs=width, inputs=inner, copies=layer.experts)
    wide = (layer.shared_wide if layer.experts else layer.wide) // ranks
    if wide:
        yield Matrix(name=f"{start}mlp.gate_proj", outputs=halves * wide, inputs=width)
        yield Matrix(name=f"{start}mlp.down_proj", outputs=width, inputs=wide)


def _latent(model: Decoder, layer: Layer, share: Share, start: str) -> Iterator[Matrix]:
    """Compressed keys: deepseek_v2.py of either engine; kv_b is kept beside the two halves that absorb it."""
    told = model.told
    rope, nope = int(told["qk_rope_head_dim"]), int(told["qk_nope_head_dim"])
    value, rank = int(told["v_head_dim"]), int(told["kv_lora_rank"])
    heads = layer.heads // share.tensor
    queries = int(told.get("q_lora_rank") or 0)
    if queries:
        yield Matrix(name=f"{start}self_attn.q_a_proj", outputs=queries, inputs=model.width)
    yield Matrix(name=f"{start}self_attn.q_b_proj", outputs=heads * (nope + rope), inputs=queries or model.width)
    yield Matrix(name=f"{start}self_attn.kv_a_proj", outputs=rank + rope, inputs=model.width)
    yield Matrix(name=f"{start}self_attn.kv_b_proj", outputs=heads * (nope + value), inputs=rank)
    yield Matrix(name=f"{start}self_attn.absorbed", outputs=heads * (nope + value), inputs=rank, whole=True)
    yield Matrix(name=f"{start}self_attn.o_proj", outputs=model.width, inputs=heads * value)


def vectors(model: Decoder, share: Share) -> Iterator[int]:
    """Elements of norms and biases, each."""
    family, width = model.family, model.width
    norm = width * (2 if family.plain_norms else 1) if family.norm_weights else 0
    for layer in model.layers[: share.layers(len(model.layers))]:
        two = model.kind == "falcon" and model.told.get("new_decoder_architecture")
        yield from [norm] * (2 if two else family.norms)
        if layer.latent:  # norms between the two halves of a compressed matrix
            yield from (int(model.told.get("q_lora_rank") or 0), int(model.told["kv_lora_rank"]))
            yield layer.experts if model.kind != "deepseek_v2" else 0  # what balances the experts
        elif model.kind in QK_NORMS:
            yield from (layer.side, layer.side)
        elif model.kind == "gpt_oss":
            yield layer.heads // share.tensor  # a sink for every head
        if family.biases in ("qkv", "all"):
            yield (layer.heads // share.tensor + 2 * share.key_heads(layer)) * layer.side
        if family.biases == "all":
            yield width
        if family.biases in ("mlp", "all"):
            copies, wide = max(layer.experts, 1), layer.expert_wide or layer.wide
            yield copies * (2 if family.gated else 1) * wide // share.tensor
            yield copies * width
            if layer.experts:
                yield layer.experts
    yield from [norm] * (2 if model.kind == "bloom" else 1)  # bloom has one behind its embedding, too
    if family.output_bias:
        yield padded_vocabulary(model, share)


def tensors(model: Decoder, share: Share, dtype: str) -> Iterator[int]:
    """The bytes of every tensor of weights on a rank, in the order in which they are made."""
    told = model.quantisation
    for matrix in matrices(model, share):
        yield from _stored(matrix, told, dtype)
    item = SIZES[dtype]
    yield from (count * item for count in vectors(model, share) if count)


def rotary_bytes(model: Decoder, dtype: str, *, double: bool) -> int:
    """The table of sines and cosines, made once for all layers.

    Args:
        dtype: of the weights.
        double: whether it is held in float32, whatever that is.
    """
    return model.positions * model.rotary * (4 if double else SIZES[dtype])


def _stored(matrix: Matrix, told: Mapping[str, Any], dtype: str) -> Iterator[int]:
    method = str(told.get("quant_method", ""))
    rule = RULES.get(method)
    left = matrix.whole or not told or rule is None or is_left_out(matrix.name, told)
    if not left and method in EXPERTS_ALONE:
        left = ".experts." not in f"{matrix.name}."
        matrix = _padded(matrix)
    if left or rule is None:
        yield matrix.outputs * matrix.inputs * matrix.copies * SIZES[dtype]
        return
    for kind, sides in rule(matrix.outputs, matrix.inputs, told, dtype).values():
        yield math.prod(sides) * SIZES.get(kind, 1) * matrix.copies


def _padded(matrix: Matrix) -> Matrix:
    """Experts in MXFP4 for Marlin's kernel: their inner side to 128, the model's width to 256 (mxfp4.py of 0.18.1)."""
    inner, wide = (128, 256) if matrix.name.endswith("down_proj") else (256, 256)
    sides = -(-matrix.inputs // inner) * inner, -(-matrix.outputs // wide) * wide
    return replace(matrix, inputs=sides[0], outputs=sides[1])


def allocated(sizes: Iterable[int]) -> int:
    """What PyTorch's caching allocator says is allocated for tensors of these bytes, made one after the other.

    Large blocks carry up to 1 MiB that was not asked for (c10/cuda/CUDACachingAllocator.cpp, should_split).

    >>> allocated([int(31.5 * MIB), 512]) // 1024
    32768
    """
    free: list[int] = []
    total = 0
    for size in sizes:
        rounded = -(-size // 512) * 512
        if rounded <= _SMALL:
            total += rounded
            continue
        at = bisect.bisect_left(free, rounded)
        new = _SEGMENT if rounded < _LARGE else -(-rounded // (2 * MIB)) * 2 * MIB
        block = free.pop(at) if at < len(free) else new
        left = block - rounded
        if left > MIB:
            bisect.insort(free, left)
            total += rounded
        else:
            total += block
    return total


def from_headers(found: Mapping[str, Any], model: Decoder, share: Share, dtype: str) -> int:
    """The bytes on a rank of a checkpoint whose tensors are known: each is shared as the engine shares its kind.

    Args:
        found: name → tensor with dtype, shape and bytes, by the headers of its files.
        dtype: that whole numbers apart, everything is loaded in.
    """
    total = 0.0
    for name, tensor in found.items():
        size = tensor.bytes
        if tensor.dtype in ("float64", "float32", "bfloat16", "float16") and "scale" not in name:
            size = tensor.elements * SIZES[dtype]
        if name.endswith(("embed_tokens.weight", "wte.weight", "lm_head.weight")):
            if name.startswith("lm_head") and model.tied:
                continue
            total += size * padded_vocabulary(model, share) / model.vocabulary
        elif len(tensor.shape) < 2 or name.endswith(("mlp.gate.weight", "router.weight", "kv_a_proj_with_mqa.weight")):
            total += size
        elif ".k_proj." in name or ".v_proj." in name:
            layer = model.layers[0]
            total += size * share.key_heads(layer) / layer.key_heads
        else:
            total += size / share.tensor
    return round(total / share.stages)
