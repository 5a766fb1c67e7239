"""What may be asked of a model of images, sound or sentences by name: the words behind it on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memfit.recipes.wishes import DTYPES, Words, count

EXAMPLES = {
    "vision": "memfit estimate timm:resnet50 --train full --batch 64 --image 224 --on rtx4090-24gb",
    "speech": "memfit estimate hf:openai/whisper-small --train full --batch 8 --on rtx4090-24gb",
    "sentences": "memfit estimate hf:sentence-transformers/all-MiniLM-L6-v2 --train full --batch 64 --on rtx4090-24gb",
}


def read(kind: str, words: Sequence[str], prog: str) -> argparse.Namespace:
    """The options of these words for a recipe: "vision", "speech" or "sentences".

    Raises:
        UsageError: a word that it does not know.
    """
    made = Words(prog, example=EXAMPLES[kind], allow_abbrev=False)
    made.add_argument("model", help="its name in the library, or a folder")
    made.add_argument("--train", choices=("full",), help="all weights; without it, passes alone")
    made.add_argument("--batch", type=count, default=1, metavar="N", help="samples at once (1)")
    made.add_argument("--accumulate", type=count, default=1, metavar="N", help="batches for each step (1)")
    made.add_argument("--dtype", choices=DTYPES, default="auto", help="of the weights (as the library makes them)")
    made.add_argument("--autocast", choices=DTYPES[1:], help="mixed precision over these weights")
    made.add_argument("--optimizer", choices=("adamw", "sgd"), default="adamw")
    made.add_argument("--checkpointing", action="store_true", help="recompute activations")
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
