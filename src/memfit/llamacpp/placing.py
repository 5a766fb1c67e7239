"""Which bytes of a GGUF model lie on the device and which on the host, for so many layers on the device."""

from __future__ import annotations

from dataclasses import dataclass

from memfit.datasets.formats.gguf_header import Tensor
from memfit.errors import UsageError
from memfit.llamacpp.caches import context_bytes
from memfit.llamacpp.graph import Batch, Era, graph_range
from memfit.llamacpp.shape import Shape
from memfit.quantities import ByteRange

_INPUT = ("token_embd.weight", "token_embd_norm.weight", "position_embd.weight", "per_layer_token_embd.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How it is run.

    Args:
        batch: what goes through the graph at once.
        kind: of the cache, "f16".
        layers: on the device, the output counted as one; None for all.
        era: of llama.cpp, None for any of these years'.
    """

    batch: Batch
    kind: str
    layers: int | None
    era: Era | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Bytes of one memory: of weights, of caches, of the graph, and what libraries may take for a moment."""

    weights: int
    caches: int
    graph: ByteRange
    moment: ByteRange


def place(shape: Shape, wanted: Wanted) -> tuple[Placed, Placed]:
    """What the device and the host hold.

    llama-model.cpp, load_tensors: token embeddings stay on the host; the last layers go to the device, the output first
    of all; a model whose output is its embeddings has them twice, once on either side. A cache lies with its layer.
    """
    count = len(shape.layers)
    if wanted.batch.flash is False and wanted.kind not in ("f16", "f32", "bf16"):
        raise UsageError(
            f"llama.cpp keeps a cache in {wanted.kind} with flash attention alone", hint="--flash-attention on"
        )
    asked = count + 1 if wanted.layers is None else min(wanted.layers, count + 1)
    above = asked if wanted.batch.on_device else 0
    first = count + 1 - above  # the first layer on the device; count + 1 where none is
    device, host = _weights(shape, first)
    batch = wanted.batch
    caches = context_bytes(
        shape, context=batch.context, sequences=batch.sequences, kind=wanted.kind, batch=batch.tokens
    )  # fmt: skip
    graph = graph_range(shape, wanted.batch, wanted.era)
    inputs = 4 * (shape.width + min(wanted.batch.context, 1 << 18)) * wanted.batch.tokens  # of the graph, and its mask
    moment = _moment(shape, wanted)
    nothing = ByteRange.exactly(0)
    if above == 0:
        whole = Placed(weights=host, caches=sum(caches), graph=graph, moment=moment)
        return Placed(weights=0, caches=0, graph=nothing, moment=nothing), whole
    on_host = graph if above <= count else ByteRange.around(inputs, inputs // 2)
    return (
        Placed(weights=device, caches=sum(caches[first:]), graph=graph, moment=moment),
        Placed(weights=host, caches=sum(caches[:first]), graph=on_host, moment=nothing),
    )


def _weights(shape: Shape, first: int) -> tuple[int, int]:
    device = host = 0
    count = len(shape.layers)
    for name, tensor in shape.tensors.items():
        number = int(name.split(".")[1]) if name.startswith("blk.") and name.split(".")[1].isdigit() else None
        if name in _INPUT:
            host += tensor.bytes
        elif first <= (count if number is None else number):
            device += tensor.bytes
        else:
            host += tensor.bytes
    embedding: Tensor | None = shape.tensors.get("token_embd.weight")
    if "output.weight" not in shape.tensors and embedding is not None and first <= count:
        device += embedding.bytes
    return device, host


def _moment(shape: Shape, wanted: Wanted) -> ByteRange:
    """What kernels take beside the graph: inputs rounded to 8 bits; where cuBLAS multiplies, a matrix in float16.

    ggml-cuda.cu (its pool; ggml_cuda_should_use_mmq) and, for a cache that is not float16, the layer's keys and values
    in float16 for the fused kernel: of the tokens that it attends to, since b9489 (PR 23907) of the whole context.
    """
    inner = max((layer.inner for layer in shape.layers), default=0)
    rounded = wanted.batch.tokens * max(inner, shape.width) * 36 // 32
    matrix = 2 * shape.width * max(inner, shape.width)
    unpacked = 0
    if wanted.kind not in ("f16", "f32", "bf16") and wanted.batch.on_device:
        length = max((layer.keys + layer.values for layer in shape.layers), default=0)
        unpacked = 2 * length * wanted.batch.context * wanted.batch.sequences
    return ByteRange(low=0, expected=rounded + unpacked, high=rounded + unpacked + matrix)
