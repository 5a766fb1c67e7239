"""The pool of a cache: blocks, groups of layers whose window slides, compressed keys, and requests."""

from __future__ import annotations

import pytest
from benchmarks.engines.predict import model

from memfit.servers.blocks import sglang_pool, token_bytes, vllm_pool
from memfit.servers.weights import Share

GIB = 1 << 30


def pool(name, *, ranks=1, item=2, windows=True, by_requests=False, nearly=True, batched=2048, more=0):
    return vllm_pool(
        model(name), Share(tensor=ranks), item, block=16, batched=batched, windows=windows, by_requests=by_requests,
        nearly=nearly, more_bytes=more,
    )  # fmt: skip


def test_a_token_leaves_keys_and_values_in_every_layer():
    llama = model("meta-llama/Llama-3.1-8B")
    assert token_bytes(llama, Share(), 2) == 128 * 1024
    assert token_bytes(llama, Share(tensor=4), 2) == 32 * 1024
    assert token_bytes(llama, Share(tensor=16), 1) == 8 * 1024  # eight heads are held twice by sixteen ranks
    assert token_bytes(llama, Share(stages=2), 2) == 64 * 1024


def test_compressed_keys_are_held_by_every_rank():
    deepseek = model("deepseek-ai/DeepSeek-V3")
    assert token_bytes(deepseek, Share(), 2) == token_bytes(deepseek, Share(tensor=8), 2) == 61 * 576 * 2


def test_tokens_and_requests_are_those_that_were_printed():
    """10.79 requests of 2,048 tokens in 1,381 blocks; 20992 tokens and a rest that is no block."""
    found = pool("meta-llama/Llama-3.1-70B")
    size = 1381 * found.page_bytes + found.page_bytes // 2
    assert found.tokens(size, 2048) == 1381 * 16
    assert round(found.requests(size, 2048), 2) == 10.79
    assert found.request_bytes(2048) == 128 * found.page_bytes


def test_a_draft_takes_its_own():
    plain, drafted = pool("meta-llama/Llama-3.1-8B"), pool("meta-llama/Llama-3.1-8B", more=4096)
    assert drafted.page_bytes - plain.page_bytes == 16 * 4096


def test_windows_that_slide_draw_on_the_same_blocks():
    """Half of gpt-oss's layers look back 128 tokens: two groups, of which one stays small in a long request."""
    hybrid, whole = pool("openai/gpt-oss-20b"), pool("openai/gpt-oss-20b", windows=False)
    assert len(hybrid.groups) == 2
    assert hybrid.page_bytes * 2 == whole.page_bytes
    assert hybrid.request_blocks(131072) == 131072 // 16 + -(-(127 + 2048) // 16) + 1
    assert hybrid.requests(10 * GIB, 131072) > 1.8 * whole.requests(10 * GIB, 131072)
    printed = pool("openai/gpt-oss-20b", by_requests=True)
    assert printed.tokens(10 * GIB, 131072) == int(printed.requests(10 * GIB, 131072) * 131072)
    assert hybrid.tokens(10 * GIB, 131072) == hybrid.blocks(10 * GIB) // 2 * 16


def test_a_window_in_every_layer_bounds_a_request():
    """Mistral's first model looks back 4,096 tokens everywhere: longer requests keep no more than that and a batch."""
    found = pool("mistralai/Mistral-7B-v0.1")
    assert len(found.groups) == 1
    assert found.request_bytes(32768) == found.request_bytes(16384) < found.request_blocks(4096) * 2 * found.page_bytes
    assert pool("mistralai/Mistral-7B-v0.1", windows=False).request_blocks(32768) == 2048


def test_sglang_has_two_pools_where_windows_slide():
    found = model("openai/gpt-oss-20b")
    apart, one = (sglang_pool(found, Share(), 2, page=1, windows=windows) for windows in (True, False))
    assert apart.tokens(GIB, 8192) == pytest.approx(one.tokens(GIB, 8192) * 24 / (0.8 * 12 + 12), rel=1e-3)
    assert apart.request_bytes(8192) < one.request_bytes(8192)
    assert sglang_pool(found, Share(), 1, page=1, windows=False).page_bytes * 2 == one.page_bytes


def test_the_longest_request_that_fits():
    found = pool("meta-llama/Llama-3.1-8B")
    size = found.request_bytes(5000)
    assert found.longest(size, 131072) == 5008  # to the end of its block
    assert found.longest(size, 4096) == 4096
    assert found.longest(0, 4096) == 0
