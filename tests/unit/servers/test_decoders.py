"""Models as engines lay them out: parameters, one rank's matrices, and what the allocator adds."""

from __future__ import annotations

import pytest
from benchmarks.engines.predict import model

from memfit.datasets.formats.safetensors_header import Tensor
from memfit.errors import UsageError
from memfit.recipes.naming import known
from memfit.servers.decoder import FAMILIES, decoder
from memfit.servers.weights import (
    Share,
    allocated,
    from_headers,
    matrices,
    padded_vocabulary,
    rotary_bytes,
    tensors,
    vectors,
)

GIB, MIB = 1 << 30, 1 << 20
SHIPPED = {
    name: told for name, told in known().items() if told["config"]["model_type"] in FAMILIES and "bloom" not in name
}


@pytest.mark.parametrize("name", SHIPPED)
def test_parameters_are_those_that_were_published(name):
    """Matrices, norms and biases add up to the published number, padding of the vocabulary aside."""
    found = decoder(SHIPPED[name]["config"], name)
    whole = Share()

    count = sum(each.outputs * each.inputs * each.copies for each in matrices(found, whole)) + sum(
        vectors(found, whole)
    )  # fmt: skip
    padding = (padded_vocabulary(found, whole) - found.vocabulary) * found.width * (1 if found.tied else 2)

    assert count - padding == pytest.approx(SHIPPED[name]["parameters"], rel=1e-7)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("deepseek-ai/DeepSeek-V3", 671_026_419_200),
        ("openai/gpt-oss-20b", 20_914_757_184),
        ("Qwen/Qwen3-235B-A22B-FP8", 235_093_634_560),
        ("microsoft/Phi-4-mini-instruct", 3_836_021_760),
    ],
)
def test_parameters_of_models_of_the_logs(name, published):
    """Compressed keys, sinks and what balances experts are counted; what absorbs a matrix is a copy of it."""
    found, whole = model(name), Share()
    once = [each for each in matrices(found, whole) if not each.name.endswith("absorbed")]
    count = sum(each.outputs * each.inputs * each.copies for each in once) + sum(vectors(found, whole))
    assert count == published


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_ranks_share_matrices_and_hold_few_heads_of_keys_several_times(ranks):
    """Of eight heads of keys each rank has its part; of two, each of eight ranks has one."""
    llama, qwen = model("meta-llama/Llama-3.1-8B"), model("Qwen/Qwen2.5-0.5B")

    def wide(found, of):
        return sum(
            each.outputs * each.inputs for each in matrices(found, Share(tensor=of)) if each.name[-6:] == "q_proj"
        )

    assert wide(llama, ranks) * ranks == wide(llama, 1)
    assert Share(tensor=ranks).key_heads(qwen.layers[0]) == 1


def test_stages_share_layers():
    found = model("meta-llama/Llama-3.1-8B")
    one, two = (sum(tensors(found, Share(stages=stages), "bfloat16")) for stages in (1, 2))
    assert one / 2 < two < one


def test_loading_takes_what_the_engine_prints():
    """Tables of sines, and the room that the allocator leaves in large blocks, are part of what vLLM printed."""
    for name, printed in (("meta-llama/Llama-3.1-8B", 14.9888), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 14.2717)):
        found = model(name)
        sizes = [*tensors(found, Share(), "bfloat16"), rotary_bytes(found, "bfloat16", double=False)]
        assert allocated(sizes) / GIB == pytest.approx(printed, abs=0.001)


def test_blocks_of_the_allocator():
    assert allocated([512, 100]) == 1024
    assert allocated([31 * MIB + MIB // 2]) == 32 * MIB  # less than a mebibyte would be left: it goes along
    assert allocated([24 * MIB + MIB // 2]) == 24 * MIB + MIB // 2  # more is kept for another tensor
    assert allocated([6 * MIB, 6 * MIB, 7 * MIB + MIB // 2]) == 20 * MIB


def test_quantised_layers_hold_what_their_method_says():
    """Four bits a weight and scales for groups of 128; embeddings stay whole."""
    found = model("Qwen/Qwen2.5-7B-Instruct-AWQ")
    assert sum(tensors(found, Share(), "float16")) / GIB == pytest.approx(5.19, abs=0.02)
    fp8, whole = model("Qwen/Qwen3-8B-FP8"), model("Qwen/Qwen3-8B")
    assert sum(tensors(fp8, Share(), "float16")) < 0.6 * sum(tensors(whole, Share(), "float16"))


def test_experts_in_mxfp4_are_padded():
    found = model("openai/gpt-oss-20b")
    assert sum(tensors(found, Share(), "bfloat16")) / GIB == pytest.approx(13.72, abs=0.1)


def test_headers_say_what_a_rank_holds():
    """A checkpoint's own tensors, shared as the engine shares them, are what the rules give."""
    found = model("Qwen/Qwen2.5-0.5B")
    stored = {}

    def put(name, *shape):
        count = 1
        for side in shape:
            count *= side
        stored[name] = Tensor("bfloat16", shape, 2 * count)

    put("model.embed_tokens.weight", 151936, 896)
    put("model.norm.weight", 896)
    for number in range(24):
        start = f"model.layers.{number}."
        for name, rows in (("q", 896), ("k", 128), ("v", 128)):
            put(f"{start}self_attn.{name}_proj.weight", rows, 896)
            put(f"{start}self_attn.{name}_proj.bias", rows)
        put(f"{start}self_attn.o_proj.weight", 896, 896)
        for name in ("gate", "up"):
            put(f"{start}mlp.{name}_proj.weight", 4864, 896)
        put(f"{start}mlp.down_proj.weight", 896, 4864)
        put(f"{start}input_layernorm.weight", 896)
        put(f"{start}post_attention_layernorm.weight", 896)

    for ranks in (1, 2):
        share = Share(tensor=ranks)
        computed = sum(tensors(found, share, "bfloat16"))
        assert from_headers(stored, found, share, "bfloat16") == pytest.approx(computed, rel=1e-3)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"model_type": "mamba"}, "is a mamba"),
        ({"model_type": "llama", "vision_config": {}, "text_config": {"model_type": "llama"}}, "sees"),
        ({"model_type": "llama", "hidden_size": -1, "num_attention_heads": 4}, "hidden_size is -1"),
        ({"model_type": "llama", "hidden_size": 64}, "does not say its num_attention_heads"),
    ],
)
def test_models_that_no_rule_was_read_for(told, what):
    with pytest.raises(UsageError, match=what):
        decoder(told, "a model")
