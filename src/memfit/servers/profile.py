"""What an engine finds beside weights and cache at its start: the peak of a pass, CUDA graphs, libraries.

The peak is the largest of a few moments, whose tensors were read from the models' code: the wide half of a layer over a
full batch of tokens, and the sampler over as many logits as there may be requests. What could not be read was fitted to
the tuning half of benchmarks/engines/logs.toml.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from memfit.quantities import MIB, ByteRange
from memfit.servers.decoder import Decoder, Layer
from memfit.servers.weights import SIZES, Share, padded_vocabulary

# Of one logit at the sampler's peak: PyTorch's sort, sums and masks for top-k and top-p, in float32, with positions in
# 64 bits (vllm/v1/sample/ops/topk_topp_sampler.py of 0.11.0; V0's sampler is alike): 38.3 to 39.0 bytes in the logs.
SORTED = 38.5
# By one kernel of Triton, or FlashInfer's: logits in float32 and a second of them (topk_topp_triton.py, since 0.17).
UNSORTED = 8.0
_MARGIN = 0.15
# What communication takes among a node's ranks, NCCL's buffers and the engine's own for small messages: by the logs of
# the tuning half, where cards are linked (1.8 GiB on two H100) and where they are not (0.3 on two L40S).
LINKED = ByteRange(low=600 * MIB, expected=1600 * MIB, high=2800 * MIB)
UNLINKED = ByteRange(low=60 * MIB, expected=300 * MIB, high=1600 * MIB)
_WITH_LINKS = ((8, 0), (9, 0), (10, 0), (10, 3))  # of the capabilities, those of cards for servers with NVLink
# Of a layer in one captured graph, by five logs of the tuning half, whose sizes differ by a factor of two and more.
_WHOLE, _PIECE, _EARLY_PIECE = 0.3 * MIB, 0.15 * MIB, 0.5 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The pass that is measured.

    Args:
        tokens: of it.
        sampled: tokens whose logits are computed.
        logit_bytes: of one of these at the sampler's peak.
        between: tensors as wide as the model that are alive beside a layer's wide half.
    """

    tokens: int
    sampled: int
    logit_bytes: float
    between: int = 4


def peak_bytes(model: Decoder, share: Share, dtype: str, done: Pass) -> int:
    """The peak of a pass over what was there before."""
    item = SIZES[dtype]
    wide = max((_wide(model, layer, share) for layer in model.layers), default=0)
    between = model.width * (done.between + (2 if share.tensor > 1 else 0))  # after each gathering, a new tensor
    layers = done.tokens * item * (between + wide)
    logits = done.sampled * padded_vocabulary(model, share) * share.tensor
    sampler = done.tokens * model.width * item + round(logits * done.logit_bytes)
    return max(layers, sampler)


def _wide(model: Decoder, layer: Layer, share: Share) -> int:
    """Elements that one token has in a layer's wide half at its fullest."""
    halves = 2 if model.family.gated else 1
    if not layer.experts:
        return (halves + 1) * layer.wide // share.tensor
    inner = layer.expert_wide // share.tensor
    # fused_moe.py: what goes into the experts and what comes out of them share one buffer.
    routed = layer.chosen * (max(halves * inner, model.width) + inner)
    return routed + (halves + 1) * layer.shared_wide // share.tensor


def peak_range(model: Decoder, share: Share, dtype: str, done: Pass, *, other: float | None = None) -> ByteRange:
    """The same with its range.

    Args:
        other: bytes of a logit with the sampler that might be there instead; None where there is one alone.
    """
    expected = peak_bytes(model, share, dtype, done)
    ends = [expected]
    if other is not None:
        instead = replace(done, logit_bytes=other)
        ends.append(peak_bytes(model, share, dtype, instead))
    return ByteRange(
        low=round(min(ends) * (1 - _MARGIN)), expected=expected, high=round(max(ends) * (1 + _MARGIN)) + 32 * MIB
    )


def collectives(capability: tuple[int, int] | None, ranks: int) -> ByteRange:
    """What communication takes on each of so many ranks."""
    if ranks < 2:
        return ByteRange.exactly(0)
    return LINKED if capability in _WITH_LINKS else UNLINKED


def graphs_range(model: Decoder, share: Share, *, whole: int, pieces: int, early: bool = False) -> ByteRange:
    """CUDA graphs.

    Args:
        whole: graphs of a whole pass.
        pieces: sizes for which every layer has graphs of its own.
        early: whether these are as they were until vLLM 0.10, larger.
    """
    if not whole and not pieces:
        return ByteRange.exactly(0)
    layers = share.layers(len(model.layers))
    expected = round(whole * layers * _WHOLE + pieces * (layers + 1) * (_EARLY_PIECE if early else _PIECE))
    return ByteRange(low=expected // 10, expected=expected, high=3 * expected + 128 * MIB)
