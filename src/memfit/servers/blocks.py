"""The pool of an engine's cache: bytes of a token, blocks, and how many tokens and requests fit in so many bytes.

Layers that keep alike share one table of blocks. Where a window slides in some, vLLM parts the layers into groups of
one size that draw on the same blocks (v1/core/kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size of 0.11.0 and
0.33.0; sliding windows: v1/kv_cache_interface.py, SlidingWindowSpec), and SGLang keeps two pools (model_executor/
model_runner.py, set_num_token_hybrid of 0.5.5).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from memfit.servers.decoder import Decoder, Layer
from memfit.servers.weights import Share

_WINDOWS_OVER_ALL = 0.8  # swa_full_tokens_ratio, SGLang's default
_NEARLY = 1.25  # vLLM: kinds of layers in numbers this near make groups of the larger (0.12 and later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Layers that share a table of blocks.

    Args:
        window: of tokens that they look back on; None for all.
    """

    window: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How bytes become room for tokens.

    Args:
        block: tokens of a block.
        page_bytes: of a block, in all layers of a group.
        groups: tables that a request has blocks in; one where all layers keep alike.
        batched: tokens that may be computed at once: so many more a window has room for.
        by_requests: whether the engine prints the tokens of whole requests, as vLLM does since 0.21.
        windows_apart: SGLang's two pools: layers in all, and of them those with a window; None where there is one.
    """

    block: int
    page_bytes: int
    groups: tuple[Group, ...] = (Group(window=None),)
    batched: int = 0
    by_requests: bool = False
    windows_apart: tuple[int, int] | None = None

    def blocks(self, size_bytes: int) -> int:
        return max(size_bytes, 0) // self.page_bytes

    def request_blocks(self, context: int) -> int:
        """Blocks that one request of so many tokens takes."""
        total = 0
        for group in self.groups:
            if group.window is None:
                total += -(-context // self.block)
            else:
                held = min(group.window - 1 + self.batched, context)
                total += -(-held // self.block) + 1
        return total

    def request_bytes(self, context: int) -> int:
        if self.windows_apart is not None:
            layers, windows = self.windows_apart
            return math.ceil(self.page_bytes * context * (_WINDOWS_OVER_ALL * windows + layers - windows) / layers)
        return self.request_blocks(context) * self.page_bytes

    def requests(self, size_bytes: int, context: int) -> float:
        """The "maximum concurrency" that vLLM prints; of SGLang, tokens over tokens."""
        if self.windows_apart is not None:
            return self.tokens(size_bytes, context) / context
        return self.blocks(size_bytes) / self.request_blocks(context)

    def tokens(self, size_bytes: int, context: int) -> int:
        """The tokens that the engine says its cache has room for."""
        if self.windows_apart is not None:
            layers, windows = self.windows_apart
            tokens = max(size_bytes, 0) // self.page_bytes * layers
            return int(tokens / (_WINDOWS_OVER_ALL * windows + layers - windows))
        if self.by_requests and any(group.window is not None for group in self.groups):
            return int(self.requests(size_bytes, context) * context)
        return self.blocks(size_bytes) // len(self.groups) * self.block

    def longest(self, size_bytes: int, context: int) -> int:
        """The longest request, up to ``context``, that these bytes hold; 0 for none."""
        low, high = 0, context
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.request_bytes(middle) <= size_bytes else (low, middle - 1)
        return low


def layer_bytes(layer: Layer, share: Share, item: int) -> int:
    """What a token leaves in a layer on one rank; compressed keys are held by every rank."""
    if layer.latent:
        return layer.latent * item
    return 2 * share.key_heads(layer) * layer.side * item


def token_bytes(model: Decoder, share: Share, item: int) -> int:
    """The same in all layers of the fullest stage."""
    return sum(layer_bytes(layer, share, item) for layer in model.layers[: share.layers(len(model.layers))])


def vllm_pool(
    model: Decoder, share: Share, item: int, *, block: int, batched: int, windows: bool, by_requests: bool,
    nearly: bool, more_bytes: int = 0,
) -> Pool:  # fmt: skip
    """vLLM's.

    Args:
        item: bytes of an element of the cache.
        block: tokens of a block.
        batched: tokens that may be computed at once.
        windows: whether this version keeps no more than a window where one slides.
        by_requests, nearly: as its version prints and groups.
        more_bytes: that a token leaves in the layers of a drafting model.
    """
    kept = model.layers[: share.layers(len(model.layers))]
    counts = Counter(layer.window for layer in kept)
    if not windows or len(counts) < 2:
        every = token_bytes(model, share, item) + more_bytes
        one = Group(window=next(iter(counts)) if windows else None)
        return Pool(block=block, page_bytes=block * every, groups=(one,), batched=batched, by_requests=by_requests)
    least, most = min(counts.values()), max(counts.values())
    size = most if nearly and most < _NEARLY * least else least
    groups = tuple(
        Group(window=window)
        for window, count in sorted(counts.items(), key=lambda each: each[0] or 0)
        for _ in range(-(-count // size))
    )
    page = block * (size * layer_bytes(kept[0], share, item) + more_bytes)
    return Pool(block=block, page_bytes=page, groups=groups, batched=batched, by_requests=by_requests)


def sglang_pool(model: Decoder, share: Share, item: int, *, page: int, windows: bool) -> Pool:
    """SGLang's: a token is a cell, pages are multiples of it.

    Args:
        item: bytes of an element of the cache.
        page: tokens of a page.
        windows: whether this version has a pool of its own for layers with a window.
    """
    cell = token_bytes(model, share, item)
    count = sum(layer.window is not None for layer in model.layers)
    apart = (len(model.layers), count) if windows and 0 < count < len(model.layers) else None
    return Pool(block=page, page_bytes=page * cell, windows_apart=apart)
