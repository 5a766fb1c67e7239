"""What may be asked of a model of images, sound or sentences by name: the words behind it on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memfit.errors import UsageError
from memfit.recipes.wishes import DTYPES, OPTIMIZERS, Words, count

EXAMPLES = {
    "vision": "memfit estimate timm:resnet50 --train full --batch 64 --image 224 --on rtx4090-24gb",
    "speech": "memfit estimate hf:openai/whisper-small --train full --batch 8 --on rtx4090-24gb",
    "sentences": "memfit estimate hf:sentence-transformers/all-MiniLM-L6-v2 --train full --batch 64 --on rtx4090-24gb",
    "diffusion": "memfit estimate hf:stabilityai/stable-diffusion-xl-base-1.0 --image 1024 --dtype float16 --on t4",
}


def read(kind: str, words: Sequence[str], prog: str) -> argparse.Namespace:
    """The options of these words for a recipe: "vision", "speech", "sentences" or "diffusion".

    Raises:
        UsageError: a word that it does not know.
    """
    made = Words(prog, example=EXAMPLES[kind], allow_abbrev=False)
    made.add_argument("model", help="its name in the library, or a folder")
    diffusion = kind == "diffusion"
    trainings, optimizers = (("full", "lora"), OPTIMIZERS) if diffusion else (("full",), ("adamw", "sgd"))
    made.add_argument("--train", choices=trainings, help="all weights, or adapters; without it, passes alone")
    made.add_argument("--batch", type=count, default=1, metavar="N", help="samples at once (1)")
    made.add_argument("--accumulate", type=count, default=1, metavar="N", help="batches for each step (1)")
    made.add_argument("--dtype", choices=DTYPES, default="auto", help="of the weights (as the library makes them)")
    made.add_argument("--autocast", choices=DTYPES[1:], help="mixed precision over these weights")
    made.add_argument("--optimizer", choices=optimizers, default="adamw")
    made.add_argument("--checkpointing", action="store_true", help="recompute activations")
    if diffusion:
        _add_diffusion(made)
        return _checked(made.parse_args(list(words)))
    made.add_argument("--steps", type=count, default=4, help=argparse.SUPPRESS)
    if kind == "vision":
        made.add_argument("--image", type=count, metavar="PIXELS", help="side of the images (the model's own)")
        made.add_argument("--classes", type=count, metavar="N", help="of the head (the model's own)")
    elif kind == "speech":
        made.add_argument("--tokens", type=count, default=128, metavar="N", help="of text to each sample (128)")
        made.add_argument("--generate", type=count, metavar="TOKENS", help="write so many tokens to what is heard")
    else:
        made.add_argument("--seq", type=count, default=128, metavar="TOKENS", help="of every sentence (128)")
    return made.parse_args(list(words))


def _add_diffusion(made: argparse.ArgumentParser) -> None:
    made.add_argument("--steps", type=count, metavar="N", help="of the denoiser (the pipeline's own)")
    made.add_argument("--image", type=count, metavar="PIXELS", help="side of the images (the pipeline's own)")
    made.add_argument("--height", type=count, metavar="PIXELS", help="where it is not the side")
    made.add_argument("--width", type=count, metavar="PIXELS")
    made.add_argument("--frames", type=count, metavar="N", help="of a video (the pipeline's own)")
    made.add_argument("--guidance", type=float, metavar="X", help="1 leaves the second pass of every step out")
    made.add_argument("--offload", choices=("model", "sequential"), help="keep parts on the host until they are used")
    made.add_argument("--vae-tiling", action="store_true", help="decode images tile by tile")
    made.add_argument("--vae-slicing", action="store_true", help="decode them one by one")
    made.add_argument("--attention-slicing", action="store_true", help="attend with a few heads at a time")
    made.add_argument("--lora-rank", type=count, default=16, metavar="R")
    made.add_argument("--lora-targets", metavar="NAMES", help='"to_q,to_v" (every attention)')
    made.add_argument("--cached", action="store_true", help="train on latents and texts that were encoded before")
    made.add_argument("--every-step", action="store_true", help=argparse.SUPPRESS)  # one by one, as on a card


def _checked(found: argparse.Namespace) -> argparse.Namespace:
    if found.train and (found.offload or found.vae_tiling or found.vae_slicing or found.attention_slicing):
        raise UsageError("offloading, tiling and slicing are of making images, not of training", hint="--checkpointing")
    if found.cached and not found.train:
        raise UsageError("--cached is of training", hint="--train full or --train lora")
    return found
