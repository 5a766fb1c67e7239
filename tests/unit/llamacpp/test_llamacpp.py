"""llama.cpp's rules: what a header says of a model, caches, the graph, and who holds what."""

from __future__ import annotations

import pytest
from benchmarks.gguf.models import MODELS, header

from memfit.errors import UsageError
from memfit.llamacpp import finding, wishes
from memfit.llamacpp.caches import context_bytes
from memfit.llamacpp.graph import Batch, Era, graph_bytes, graph_range
from memfit.llamacpp.placing import Wanted, place
from memfit.llamacpp.shape import shape_of

MIB = 1 << 20


def shape(name, mix="Q4_K_M", **more):
    told = header(MODELS[name], mix)
    start = MODELS[name].architecture
    told = type(told)(values={**told.values, **{f"{start}.{k}": v for k, v in more.items()}}, tensors=told.tensors)
    return shape_of(told, name)


def wanted(*, context=8192, layers=None, kind="f16", flash=True, on_device=True, sequences=1):
    batch = Batch(tokens=512, context=context, sequences=sequences, flash=flash, on_device=on_device)
    return Wanted(batch=batch, kind=kind, layers=layers, era=Era.LAST)


def caches(found, kind="f16", context=8192, sequences=1):
    return sum(context_bytes(found, context=context, sequences=sequences, kind=kind, batch=512))


def test_embeddings_stay_on_the_host_and_are_twice_there_where_they_are_the_output():
    device, host = place(shape("llama-3-8b"), wanted())
    assert (round(device.weights / MIB, 2), round(host.weights / MIB, 2)) == (4403.49, 281.81)
    device, host = place(shape("qwen3-4b"), wanted())
    assert (round(device.weights / MIB, 2), round(host.weights / MIB, 2)) == (2375.91, 304.28)


def test_layers_move_one_by_one_and_nothing_is_lost():
    found = shape("llama-3-8b")
    whole = sum(tensor.bytes for tensor in found.tensors.values())
    before = None
    for layers in (0, 1, 2, 16, 32, 33, 99):
        device, host = place(found, wanted(layers=layers))
        assert device.weights + host.weights == whole
        assert device.caches + host.caches == caches(found)
        assert before is None or device.weights >= before
        before = device.weights
    only_output, _ = place(found, wanted(layers=1))
    output = found.tensors["output.weight"].bytes + found.tensors["output_norm.weight"].bytes
    assert (only_output.weights, only_output.caches) == (output, 0)


@pytest.mark.parametrize(("kind", "share"), [("f16", 1), ("q8_0", 34 / 64), ("q4_0", 18 / 64), ("f32", 2)])
def test_types_of_the_cache(kind, share):
    assert caches(shape("llama-3-8b"), kind) == 1024 * MIB * share


def test_every_request_has_its_own_context_and_it_is_padded():
    found = shape("llama-3-8b")
    assert caches(found, sequences=4) == 4 * caches(found)
    assert caches(found, context=1000) == caches(found, context=1024)


def test_windows_that_slide_keep_themselves_and_a_batch():
    found = shape("gpt-oss-20b", "Q8_0")
    assert caches(found, context=131072) == (3072 + 18) * MIB
    assert sum(layer.window is None for layer in found.layers) == 12


def test_states_do_not_grow_with_the_context():
    told = header(MODELS["llama-3.2-1b"], "Q8_0")
    tensors = {k: v for k, v in told.tensors.items() if "attn_" not in k or "blk.1." in k}
    tensors |= {f"blk.{n}.ssm_in.weight": told.tensors["blk.0.ffn_up.weight"] for n in range(16) if n != 1}
    values = {**told.values, "llama.ssm.inner_size": 4096, "llama.ssm.conv_kernel": 4, "llama.ssm.state_size": 128}
    found = shape_of(type(told)(values=values, tensors=tensors), "hybrid")
    state = 4 * (3 * 4096 + 128 * 4096)
    assert caches(found) == 15 * state + 8192 * 2 * 2 * 512
    assert caches(found, context=16384) - caches(found) == 8192 * 2 * 2 * 512


def test_compressed_keys():
    told = header(MODELS["llama-3.2-1b"], "Q8_0")
    some = told.tensors["blk.0.attn_k.weight"]
    tensors = {k.replace("attn_k.", "attn_kv_a_mqa."): v for k, v in told.tensors.items()}
    tensors |= {f"blk.{n}.attn_k_b.weight": some for n in range(16)}
    values = {**told.values, "llama.attention.kv_lora_rank": 512, "llama.rope.dimension_count": 64}
    assert caches(shape_of(type(told)(values=values, tensors=tensors), "mla")) == 16 * 8192 * 576 * 2


def test_the_graph_grows_with_context_where_attention_is_not_fused():
    found = shape("llama-3-8b")
    sizes = [
        graph_bytes(found, Batch(tokens=512, context=context, sequences=1, flash=flash), Era.PLAIN) / MIB
        for flash in (False, True)
        for context in (8192, 16384)
    ]
    assert sizes[:2] == [560.0, 1088.0]
    assert sizes[2] < sizes[3] < 400


def test_without_a_version_high_covers_what_older_ones_take():
    found = shape("llama-3-8b")
    batch = Batch(tokens=512, context=8192, sequences=1, flash=True)
    span = graph_range(found, batch, None)
    assert span.expected == graph_bytes(found, batch, Era.LAST)
    assert span.high >= graph_bytes(found, batch, Era.FLASH)


@pytest.mark.parametrize(
    ("key", "told"),
    [("embedding_length", None), ("block_count", -1), ("block_count", 1 << 40), ("attention.head_count", "many")],
)
def test_numbers_that_no_model_has(key, told):
    with pytest.raises(UsageError, match=key) as error:
        shape("llama-3-8b", **{key: told})
    assert error.value.slug == "bad-model"


def test_a_quantised_cache_wants_fused_attention():
    with pytest.raises(UsageError, match="flash"):
        place(shape("llama-3-8b"), wanted(kind="q8_0", flash=False))


@pytest.mark.parametrize(
    "words", [["--gpu-layers", "-1"], ["--llama-cpp", "b4000"], ["--cache-type", "q9"], ["--train"]]
)
def test_wrong_words(words):
    with pytest.raises(UsageError) as error:
        wishes.read(words, "memfit estimate x.gguf")
    assert error.value.hint


def test_a_quantisation_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(UsageError, match="x-Q8_0"):
        finding.chosen(["x-Q8_0.gguf", "README.md"], "Q4_K_M", "a/x")
    with pytest.raises(UsageError, match="no GGUF"):
        finding.chosen(["README.md"], "Q4_K_M", "a/x")
