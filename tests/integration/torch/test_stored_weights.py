"""Models by name whose weights are there, by their headers: types, packed layers, contradictions, no model at all."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys

import pytest

pytest.importorskip("transformers")

from memfit import estimate
from memfit.api.named import named_job
from memfit.errors import UsageError
from memfit.quantities import Category, Verdict
from memfit.recipes import notes
from memfit.recipes.language import built
from memfit.recipes.layouts import RULES
from memfit.recipes.wishes import read

pytestmark = [pytest.mark.torch, pytest.mark.slow]

CARD = "rtx4090-24gb"
SMALL = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096,
    "tie_word_embeddings": False,
}  # fmt: skip
LINEARS = {
    "self_attn.q_proj": (256, 256), "self_attn.k_proj": (64, 256), "self_attn.v_proj": (64, 256),
    "self_attn.o_proj": (256, 256),
    "mlp.gate_proj": (512, 256), "mlp.up_proj": (512, 256), "mlp.down_proj": (256, 512),
}  # fmt: skip
IN_GROUPS = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}
METHODS = {
    "gptq": {"bits": 4, "group_size": 128},
    "awq": {"bits": 4, "group_size": 128},
    "fp8": {"weight_block_size": [128, 128]},
    "compressed-tensors": {"format": "pack-quantized", "config_groups": {"group_0": {"weights": IN_GROUPS}}},
    "bitsandbytes": {"load_in_4bit": True, "bnb_4bit_use_double_quant": True},
}
BYTES = {"float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "int32": ("I32", 4),
         "int64": ("I64", 8), "uint8": ("U8", 1), "int8": ("I8", 1), "float8_e4m3fn": ("F8_E4M3", 1)}  # fmt: skip


def whole(layers=2, kind="bfloat16", outside="model."):
    """The tensors of the small model, unquantised: name → (type, shape)."""
    found = {f"{outside}embed_tokens.weight": (kind, (4096, 256)), "lm_head.weight": (kind, (4096, 256))}
    found[f"{outside}norm.weight"] = (kind, (256,))
    for layer in range(layers):
        at = f"{outside}layers.{layer}."
        found |= {f"{at}{name}.weight": (kind, shape) for name, shape in LINEARS.items()}
        found |= {f"{at}input_layernorm.weight": (kind, (256,)), f"{at}post_attention_layernorm.weight": (kind, (256,))}
    return found


def packed(method):
    found = {}
    for name, (kind, shape) in whole().items():
        if ".layers." in name and "norm" not in name:
            rule = RULES[method](*shape, METHODS[method], "bfloat16")
            found |= {f"{name.removesuffix('.weight')}.{leaf}": told for leaf, told in rule.items()}
        else:
            found[name] = (kind, shape)
    return found


def size_of(tensors):
    return sum(BYTES[kind][1] * max(1, math.prod(shape)) for kind, shape in tensors.values())


def model(folder, tensors, **config):
    """A folder with a configuration and a file of weights that is nothing but its header and a hole."""
    at, told = 0, {}
    for name, (kind, shape) in tensors.items():
        size = size_of({name: (kind, shape)})
        told[name] = {"dtype": BYTES[kind][0], "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(told).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + at)
    (folder / "config.json").write_text(json.dumps({**SMALL, **config}))
    return str(folder)


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch):
    monkeypatch.setattr(notes, "NOTES", {})


def held(folder):
    """Bytes of the weights of the model that the recipe builds."""
    made = built(read([folder, "--seq", "64"], "test"))
    return sum(each.numel() * each.element_size() for each in made.parameters())


def parameters(found):
    return sum(p.range.expected for p in found.pool("cuda:0").components if p.category is Category.PARAMETERS)


def said(found):
    return {each.slug: each.text for each in found.assumptions}


def test_the_type_is_the_weights_where_the_configuration_names_none(tmp_path):
    tensors = whole(kind="float16")
    found = estimate(model(tmp_path, tensors), ["--seq", "64"], on=CARD)
    assert f"{size_of(tensors):,} bytes in float16" in said(found)["weights-stored"]
    assert size_of(tensors) <= parameters(found) <= size_of(tensors) * 1.01
    assert "weights-contradict" not in said(found)


def test_the_type_is_the_configurations_where_it_names_one(tmp_path):
    tensors = whole(kind="bfloat16")
    job = named_job(model(tmp_path, tensors, dtype="float32"), ["--seq", "64"], on=CARD, ranks=None)
    assert "--dtype" not in job.arguments
    assert held(job.arguments[0]) == 2 * size_of(tensors)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("headers", [True, False])
def test_quantised_weights_hold_what_is_stored(tmp_path, method, headers):
    tensors = packed(method)
    told = {"quant_method": method, **METHODS[method]}
    folder = model(tmp_path, tensors, dtype="bfloat16", quantization_config=told)
    if not headers:
        (tmp_path / "model.safetensors").unlink()
    assert held(folder) == size_of(tensors)
    text = notes.NOTES["weights-packed"]
    assert f"all weights take {size_of(tensors):,} bytes" in text
    assert ("rules" in text) is not headers


def test_a_method_that_nobody_here_knows_is_read_from_the_headers(tmp_path):
    tensors = {name.replace("model.", "", 1): told for name, told in packed("awq").items()}
    folder = model(tmp_path, tensors, dtype="bfloat16", quantization_config={"quant_method": "of-tomorrow"})
    assert held(folder) == size_of(tensors)
    (tmp_path / "model.safetensors").unlink()
    assert held(folder) == size_of(whole())
    assert "quantisation-not-known" in notes.NOTES


def test_experts_that_are_stored_one_by_one(tmp_path):
    config = {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_experts": 8, "num_experts_per_tok": 2,
        "moe_intermediate_size": 128, "decoder_sparse_step": 1, "mlp_only_layers": [], "head_dim": 32,
        "dtype": "bfloat16", "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    }  # fmt: skip
    tensors = {name: told for name, told in packed("fp8").items() if ".mlp." not in name}
    for layer in range(2):
        at = f"model.layers.{layer}."
        tensors |= {f"{at}self_attn.{name}.weight": ("bfloat16", (32,)) for name in ("q_norm", "k_norm")}
        tensors[f"{at}mlp.gate.weight"] = ("bfloat16", (8, 256))
        for expert in range(8):
            for name, shape in (("gate_proj", (128, 256)), ("up_proj", (128, 256)), ("down_proj", (256, 128))):
                rule = RULES["fp8"](*shape, METHODS["fp8"], "bfloat16")
                tensors |= {f"{at}mlp.experts.{expert}.{name}.{leaf}": told for leaf, told in rule.items()}
    folder = model(tmp_path, tensors, **config)
    assert held(folder) == size_of(tensors)
    found = estimate(folder, ["--seq", "64"], on=CARD)
    assert size_of(tensors) <= parameters(found) <= size_of(tensors) + 512 * len(tensors)
    assert f"all weights take {size_of(tensors):,} bytes" in said(found)["weights-packed"]


def test_weights_of_another_model_are_told(tmp_path):
    held(model(tmp_path, whole(layers=1), dtype="bfloat16"))
    assert "only a part of it" in notes.NOTES["weights-contradict"]


def test_adapters_on_quantised_weights(tmp_path):
    pytest.importorskip("peft")
    tensors = packed("gptq")
    told = {"quant_method": "gptq", **METHODS["gptq"]}
    folder = model(tmp_path, tensors, dtype="bfloat16", quantization_config=told)
    found = estimate(folder, ["--train", "lora", "--seq", "64"], on=CARD)
    adapters = 2 * 4 * 16 * sum(sum(shape) for shape in LINEARS.values())
    assert size_of(tensors) + adapters <= parameters(found) <= (size_of(tensors) + adapters) * 1.05
    with pytest.raises(UsageError, match="quantised already"):
        built(read([folder, "--train", "full"], "test"))


def test_an_architecture_that_nobody_knows_has_its_weights(tmp_path):
    tensors = whole()
    folder = model(tmp_path, tensors, model_type="unheard-of")
    found = estimate(folder, ["--train", "full"], on=CARD)
    assert found.pool("cuda:0").breakdown_bytes["optimizer_state"] == 2 * size_of(tensors)
    assert found.verdict is Verdict.UNKNOWN
    assert "unheard-of" in said(found)["weights-alone"]
    assert estimate(folder, [], on="8MiB").verdict is Verdict.DOES_NOT_FIT


def test_packed_layers_run_for_real(tmp_path):
    for method in ("gptq", "fp8"):
        told = {"quant_method": method, **METHODS[method]}
        folder = model(tmp_path, packed(method), dtype="bfloat16", quantization_config=told)
        command = [sys.executable, "-m", "memfit.recipes.language", folder, "--seq", "16"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-500:]
