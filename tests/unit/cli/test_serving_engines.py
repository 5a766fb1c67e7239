"""`memfit estimate NAME --engine …` from the command line to its answer: text, JSON, page, exit code, and bad words."""

from __future__ import annotations

import json

import pytest

from memfit.cli.main import main
from memfit.documents import load, save
from memfit.quantities import Verdict

QWEN = "hf:Qwen/Qwen3-32B"


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def answer(capsys, *words):
    code = main(["estimate", "--host-memory", "512GiB", *words])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_two_devices_and_sixteen_requests(capsys, tmp_path):
    """What the engine takes, prints and holds at once; the document comes back as it was saved."""
    saved = tmp_path / "estimate.json"
    words = (QWEN, "--serve", "--engine", "vllm==0.11", "--context", "32k", "--concurrent", "4")

    code, out, _ = answer(capsys, "--on", "2xh100-80gb", "-o", str(saved), *words)

    assert code == 0
    text = " ".join(out.split())
    assert "vLLM 0.11 takes 0.9 of a device" in text
    assert "maximum concurrency" in text
    assert "[by-engine]" in text
    found = load(saved)
    engine = found.serving.engine
    assert found.verdict is Verdict.FITS
    assert (engine.name, engine.version, engine.refusal) == ("vllm", "0.11", "")
    assert engine.cache_tokens[0] < engine.cache_tokens[1] < engine.cache_tokens[2]
    assert found.serving.fit <= found.serving.fit_expected == int(engine.concurrency)
    assert [role.count for role in found.roles] == [2]
    assert found.pool("cuda:0").breakdown_bytes["cache"] == engine.cache_bytes.expected
    again = tmp_path / "again.json"
    save(found, again)
    assert load(again) == found
    assert main(["report", str(saved), "-o", str(tmp_path / "page.html")]) == 0
    assert "takes 0.9 of a device" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_more_requests_than_are_held_at_once_do_not_fit(capsys):
    code, out, _ = answer(capsys, "--on", "2xh100-80gb", QWEN, "--engine", "vllm==0.11", "--context", "32k",
                          "--concurrent", "16")  # fmt: skip
    assert code == 3
    assert "16 requests of 32,768 tokens are not held at once" in " ".join(out.split())


def test_an_engine_that_would_not_start(capsys):
    """As vLLM 0.6.4 did not with this model on this card: the JSON says why, and what would do."""
    words = ("hf:meta-llama/Llama-3.1-8B", "--serve", "--engine", "vllm", "--engine-version", "0.6.4")
    code, out, _ = answer(capsys, "--on", "rtx3090-24gb", "--json", *words, "--max-model-len", "29000")

    assert code == 3
    told = json.loads(out)
    assert told["verdict"] == "does_not_fit"
    engine = told["serving"]["engine"]
    assert "--context" in engine["refusal"]
    assert 20_000 < engine["longest"] < 29_000
    assert told["serving"]["fit"] == 0
    shorter = ["--max-model-len", str(engine["longest"])]
    assert answer(capsys, "--on", "rtx3090-24gb", "--quiet", *words, *shorter)[0] == 0


def test_sglang_with_a_draft_and_a_cache_in_fp8(capsys):
    words = ("hf:meta-llama/Llama-3.1-8B", "--engine", "sglang==0.5.5", "--draft", "eagle")
    code, out, _ = answer(capsys, "--on", "h100-80gb", *words, "--cache-dtype", "fp8", "--context", "8k")
    assert code == 0
    assert "SGLang 0.5.5" in out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--on", "h100-80gb", QWEN, "--engine", "tgi"), "'tgi' are not known"),
        (("--on", "cpu", QWEN, "--engine", "vllm"), "there is none here"),
        (("--on", "3xh100-80gb", QWEN, "--engine", "vllm"), "3 ranks do not divide"),
        (("--on", "2xh100-80gb", QWEN, "--engine", "vllm", "--mesh", "tp=4"), "do not lie on the 2 devices"),
        (("--on", "h100-80gb", "--ranks", "2", QWEN, "--engine", "vllm"), "its mesh's"),
        (("--on", "h100-80gb", "hf:state-spaces/mamba-130m-hf", "--engine", "vllm"), "is a mamba"),
        (("--on", "h100-80gb", "model.gguf", "--engine", "vllm"), "which llama.cpp serves"),
        (("--on", "v5e", QWEN, "--engine", "vllm"), "is not known"),
        (("--on", "h100-80gb", "hf:Qwen/Nothing-1B", "--engine", "vllm"), "no configuration"),
    ],
)
def test_clear_words_for_what_cannot_be_told(capsys, words, what):
    code, _, err = answer(capsys, *words)
    assert code == 2
    assert what in " ".join(err.split())


def test_neither_machines_nor_advice_are_asked_of_an_engine(capsys):
    assert main(["machines", QWEN, "--engine", "vllm"]) == 2
    assert "takes a share" in capsys.readouterr().err
    assert main(["advise", "--on", "h100-80gb", QWEN, "--engine", "vllm"]) == 2
    assert "serving engine" in capsys.readouterr().err


def test_a_folder_whose_method_of_quantisation_nobody_knows(capsys, tmp_path):
    told = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "vocab_size": 256, "quantization_config": {"quant_method": "sorcery"}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(told), encoding="utf-8")
    code, out, _ = answer(capsys, "--on", "t4", str(tmp_path), "--engine", "vllm==0.8.5", "--swap-space", "8GiB")
    assert code == 0
    assert "sorcery" in out
    assert "pinned" in out
