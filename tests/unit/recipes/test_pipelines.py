"""Pipelines of diffusers by name: where their configurations come from, and what may be asked of them."""

from __future__ import annotations

import json

import pytest
from benchmarks.recipes.pipelines import CONFIGURATIONS, laid_out

from memfit.api.by_library import job_of, library_job
from memfit.errors import UsageError
from memfit.recipes import names, pipeline_naming
from memfit.recipes.other_wishes import read

SDXL = "hf:stabilityai/stable-diffusion-xl-base-1.0"


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_folder_with_an_index_is_a_pipeline(tmp_path):
    folder = str(laid_out("sd", tmp_path))
    job = library_job(folder, ["--image", "256", "--on", "t4"], on=None)
    assert names.is_model(folder)
    assert (job.recipe, job.arguments, job.on) == ("memfit.recipes.diffusion", [folder, "--image", "256"], "t4")


def test_the_cache_comes_before_what_comes_along(tmp_path):
    place = tmp_path / "hub" / "models--stabilityai--stable-diffusion-xl-base-1.0" / "snapshots"
    laid_out("sdxl", place)
    assert pipeline_naming.find(SDXL).folder == place / "sdxl"
    assert job_of(SDXL, [], on=None, ranks=None).model == str(place / "sdxl")


def test_what_comes_along_is_whole():
    for name, told in pipeline_naming.known().items():
        assert set(told) == {"source", "parameters", "files"}, name
        folder = pipeline_naming.find(f"hf:{name}").folder
        for part, value in told["files"]["model_index.json"].items():
            file = pipeline_naming._configuration_of(value)
            assert not file or json.loads((folder / part / file).read_text()) == told["files"][f"{part}/{file}"]


@pytest.mark.parametrize("name", ["hf:openai-community/gpt2", "hf:nobody/nothing", "train.py", "hf:../../etc"])
def test_other_names_are_none(name):
    assert pipeline_naming.find(name) is None


@pytest.mark.parametrize(
    ("file", "told", "said"),
    [
        ("model_index.json", "{", "JSON"),
        ("model_index.json", "[]", "an object is expected"),
        ("unet/config.json", {"cross_attention_dim": 10**30}, "cross_attention_dim"),
        ("unet/config.json", {"block_out_channels": [320, -(10**12)]}, "block_out_channels"),
        ("vae/config.json", {"layers_per_block": 1e300}, "layers_per_block"),
    ],
)
def test_configurations_that_lie(tmp_path, file, told, said):
    folder = laid_out("sd", tmp_path)
    (folder / file).write_text(told if isinstance(told, str) else json.dumps(told))
    with pytest.raises(UsageError, match=said) as error:
        pipeline_naming.find(str(folder))
    assert error.value.slug == "bad-model"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seq", "5"], "unrecognized"),
        (["--train", "full", "--offload", "model"], "not of training"),
        (["--cached"], "of training"),
        (["--offload", "disk"], "invalid choice"),
        (["--on", "2xt4"], "one device"),
        (["--ranks", "2"], "one device"),
    ],
)
def test_wrong_words_are_told_with_a_hint(words, said):
    with pytest.raises(UsageError, match=said) as error:
        library_job(SDXL, words, on=None)
    assert error.value.hint


def test_steps_are_the_denoisers():
    assert read("diffusion", ["x", "--steps", "30"], "p").steps == 30
    assert read("diffusion", ["x"], "p").steps is None
    assert set(CONFIGURATIONS) == {"sd", "sdxl", "sd3", "flux", "pixart", "wan"}
