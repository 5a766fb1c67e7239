"""Pipelines of diffusers by name: built from their configurations, and run by their own call on a simulated device."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

pytest.importorskip("diffusers")

from benchmarks.recipes.pipelines import laid_out

from memfit import estimate
from memfit.errors import UsageError
from memfit.quantities import Category
from memfit.recipes import pipeline_naming

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("warm")]

CARD = "rtx4090-24gb"


def part(found, category, pool="cuda:0"):
    return sum(each.range.expected for each in found.pool(pool).components if each.category is category)


def weights_of(told):
    """How many weights each part of a pipeline has, built without memory."""
    import diffusers
    import torch
    import transformers

    counted = {}
    for name in told["parameters"]:
        library, kind = told["files"]["model_index.json"][name]
        config = told["files"][f"{name}/config.json"]
        with torch.device("meta"):
            if library == "diffusers":
                model = getattr(diffusers, kind).from_config(config)
            elif library == "transformers":
                model = getattr(transformers, kind)(getattr(transformers, kind).config_class.from_dict(config))
            else:
                home = importlib.import_module(f"diffusers.pipelines.{library}")
                model = getattr(home, kind)(getattr(home, kind).config_class.from_dict(config))
        counted[name] = sum(weight.numel() for weight in model.parameters())
    return counted


@pytest.mark.parametrize("name", sorted(pipeline_naming.known()))
def test_what_comes_along_has_the_published_number_of_parameters(name):
    told = pipeline_naming.known()[name]
    assert weights_of(told) == told["parameters"]


def test_parts_on_the_host_until_they_are_used_leave_the_device_smaller(tmp_path):
    folder = str(laid_out("sd", tmp_path))
    words = ["--image", "128", "--steps", "2", "--dtype", "float16"]
    whole, model, layers = (
        estimate(folder, [*words, *more], on=CARD) for more in ([], ["--offload", "model"], ["--offload", "sequential"])
    )
    peaks = [found.pool("cuda:0").allocated_peak_bytes for found in (whole, model, layers)]
    assert peaks[0] > peaks[1] > peaks[2]
    held = [part(found, Category.PARAMETERS) for found in (whole, model, layers)]
    assert held[0] > held[1] > held[2]
    assert "as long as its encoders take" in whole.assumptions[0].text


def test_tiles_are_decoded_one_by_one(tmp_path):
    folder = str(laid_out("sd", tmp_path))
    words = ["--image", "512", "--steps", "1", "--dtype", "float16"]
    plain, tiled = (estimate(folder, [*words, *more], on=CARD) for more in ([], ["--vae-tiling"]))
    assert tiled.pool("cuda:0").allocated_peak_bytes < plain.pool("cuda:0").allocated_peak_bytes


def test_only_the_denoiser_is_trained(tmp_path):
    folder = str(laid_out("flux", tmp_path))
    words = ["--image", "128", "--dtype", "bfloat16"]
    full = estimate(folder, [*words, "--train", "full"], on=CARD)
    adapters = estimate(folder, [*words, "--train", "lora", "--checkpointing"], on=CARD)
    cached = estimate(folder, [*words, "--train", "full", "--cached"], on=CARD)
    states = part(full, Category.OPTIMIZER_STATE)
    assert part(adapters, Category.OPTIMIZER_STATE) < states / 4
    assert part(cached, Category.OPTIMIZER_STATE) == states
    assert states == pytest.approx(2 * part(cached, Category.PARAMETERS), rel=0.05)
    assert part(cached, Category.PARAMETERS) < part(full, Category.PARAMETERS)


def test_what_cannot_be_built_is_told_in_a_sentence(tmp_path):
    folder = laid_out("sd", tmp_path)
    (folder / "model_index.json").write_text('{"_class_name": "NoSuchPipeline"}')
    with pytest.raises(UsageError, match="NoSuchPipeline"):
        estimate(str(folder), [], on=CARD)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sdxl", ["--image", "64", "--steps", "1"]),
        ("sd3", ["--image", "64", "--train", "lora", "--steps", "1"]),
        ("wan", ["--height", "64", "--width", "64", "--frames", "5", "--train", "full", "--cached", "--steps", "1"]),
    ],
)
def test_the_recipe_runs_for_real(tmp_path, name, words):
    command = [sys.executable, "-m", "memfit.recipes.diffusion", str(laid_out(name, tmp_path)), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-500:]
