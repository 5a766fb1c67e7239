"""Names of other libraries than transformers' language models: the recipe they lead to, with which words."""

from __future__ import annotations

import importlib.util
import json

import pytest

from memfit import estimate
from memfit.api.by_library import job_of, library_job
from memfit.errors import MemfitError, UsageError
from memfit.recipes import names
from memfit.recipes.other_wishes import read


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def folder(path, told, *more):
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(told))
    for name in more:
        (path / name).write_text("[]")
    return str(path)


@pytest.mark.parametrize("target", ["timm:resnet50", "hf:timm/resnet50.a1_in1k"])
def test_timm_by_its_own_names(target):
    job = library_job(target, ["--train", "full", "--image", "160", "--on", "t4"], on=None)
    assert (job.recipe, job.arguments, job.on) == (
        "memfit.recipes.vision",
        ["resnet50", "--train", "full", "--image", "160"],
        "t4",
    )


def test_folders_tell_their_library(tmp_path):
    vision = folder(tmp_path / "v", {"architecture": "vit_tiny_patch16_224", "num_classes": 10})
    speech = folder(tmp_path / "s", {"model_type": "whisper"})
    sentences = folder(tmp_path / "e", {"model_type": "bert"}, "modules.json")
    language = folder(tmp_path / "l", {"model_type": "llama", "hidden_size": 64})

    kinds = [library_job(target, [], on=None) for target in (vision, speech, sentences, language)]

    assert [job and job.kind for job in kinds] == ["vision", "speech", "sentences", None]
    assert kinds[0].model == "vit_tiny_patch16_224"
    assert job_of(language, [], on=None, ranks=None).recipe == "memfit.recipes.language"


def test_sentences_and_speech_from_the_cache(tmp_path):
    for name in ("sentence-transformers/all-MiniLM-L6-v2", "openai/whisper-tiny"):
        place = tmp_path / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / "abc"
        folder(place, {"model_type": "bert"})
        assert library_job(f"hf:{name}", [], on=None).model == str(place)


def test_scripts_and_language_models_are_none_of_these():
    assert job_of("train.py", [], on=None, ranks=None) is None
    assert library_job("hf:openai-community/gpt2", [], on=None) is None
    assert names.is_model("hf:openai-community/gpt2")


@pytest.mark.parametrize(
    ("target", "words", "said"),
    [
        ("timm:../etc", [], "no model's name"),
        ("timm:resnet50", ["--seq", "5"], "unrecognized"),
        ("timm:resnet50", ["--image", "0"], "whole number"),
        ("timm:resnet50", ["--on", "2xt4"], "one device"),
        ("hf:openai/whisper-nowhere", [], "no configuration"),
    ],
)
def test_wrong_words_are_told_with_a_hint(target, words, said):
    with pytest.raises(UsageError, match=said) as error:
        library_job(target, words, on=None)
    assert error.value.hint


def test_every_recipe_has_its_own_words():
    assert read("vision", ["x", "--image", "224"], "p").image == 224
    assert read("speech", ["x", "--generate", "16"], "p").generate == 16
    assert read("sentences", ["x"], "p").seq == 128


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_a_library_that_is_not_installed_is_named_with_its_command():
    pytest.importorskip("torch")
    with pytest.raises(MemfitError, match="timm is not installed") as error:
        estimate("timm:resnet18", ["--train", "full"], on="t4")
    assert error.value.hint == "pip install timm"


@pytest.mark.torch
@pytest.mark.slow
def test_a_model_of_speech_is_trained_on_a_device(tmp_path):
    pytest.importorskip("transformers")
    small = {"model_type": "whisper", "d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "vocab_size": 1000,
             "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 128,
             "decoder_ffn_dim": 128, "pad_token_id": 0, "decoder_start_token_id": 1}  # fmt: skip
    target = folder(tmp_path / "s", small)
    found = estimate(target, ["--train", "full", "--batch", "2", "--tokens", "16"], on="t4")
    parts = found.pool("cuda:0").breakdown_bytes
    assert found.target["kind"] == "model"
    assert parts["parameters"] < parts["optimizer_state"] < 2 * parts["parameters"]  # positions are not trained
    assert any("memfit.recipes.speech" in each.text for each in found.assumptions)
