"""Makes images or videos by a pipeline of diffusers, or trains its denoiser, with weights nobody downloaded.

    python -m memfit.recipes.diffusion FOLDER --image 1024 --batch 1 --steps 30 --dtype float16

On the simulated device under memfit, on a real one when run as it stands. The pipeline's own call is what runs: text
encoders, the denoiser's loop, the autoencoder.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from typing import Any

import torch

from memfit.errors import UsageError
from memfit.recipes import loop
from memfit.recipes.learning import train
from memfit.recipes.other_wishes import read
from memfit.recipes.pipelines import built, diffusers
from memfit.recipes.placing import device_of_job

# Steps that are like the one before are left out: schedulers look back at four results at most (PNDM).
_STEPS = 6


def called_with(pipeline: Any, wishes: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the pipeline's call.

    Raises:
        UsageError: it takes none of what was asked for.
    """
    known = inspect.signature(type(pipeline).__call__).parameters
    given: dict[str, Any] = {"prompt": ["a photo of an astronaut riding a horse on mars"] * wishes.batch}
    sizes = {"height": wishes.height or wishes.image, "width": wishes.width or wishes.image}
    asked = {**sizes, "num_frames": wishes.frames, "guidance_scale": wishes.guidance}
    for name, value in asked.items():
        if value is not None:
            if name not in known:
                raise UsageError(f"{type(pipeline).__name__} takes no {name}", hint="leave that option out")
            given[name] = value
    if wishes.steps is not None or "num_inference_steps" in known:
        own = known["num_inference_steps"].default if "num_inference_steps" in known else wishes.steps
        steps = wishes.steps or own
        given["num_inference_steps"] = steps if wishes.every_step else min(steps, _STEPS)
    return given


def lightened(pipeline: Any, wishes: argparse.Namespace, device: torch.device) -> Any:
    """On the device, or where offloading keeps it, with what saves memory switched on.

    Raises:
        UsageError: it knows no such thing.
    """
    for wanted, name in ((wishes.vae_tiling, "enable_tiling"), (wishes.vae_slicing, "enable_slicing")):
        if wanted:
            if not hasattr(pipeline.vae, name):
                raise UsageError(f"{type(pipeline.vae).__name__} knows no {name}", hint="leave that option out")
            getattr(pipeline.vae, name)()
    if wishes.attention_slicing:
        pipeline.enable_attention_slicing()
    if wishes.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif wishes.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return pipeline


def main(words: list[str] | None = None) -> None:
    """Do what was asked for."""
    wishes = read("diffusion", sys.argv[1:] if words is None else words, "memfit.recipes.diffusion")
    device = device_of_job()
    diffusers().utils.logging.set_verbosity_error()
    dtype = torch.float32 if wishes.dtype == "auto" else getattr(torch, wishes.dtype)
    pipeline = built(Path(wishes.model), dtype)
    pipeline.set_progress_bar_config(disable=True)
    if wishes.train:
        train(pipeline, wishes, device, called_with(pipeline, wishes))
    else:
        lightened(pipeline, wishes, device)
        with torch.no_grad():
            pipeline(**called_with(pipeline, wishes))
    loop.show(Path(wishes.model).name, device)


if __name__ == "__main__":
    main()
