"""What may be asked of a .tflite file: the words behind its name on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memfit.recipes.wishes import Words, count

EXAMPLE = "memfit estimate model.tflite --on raspberry-pi-5-4gb"
LITERT, MICRO = "litert", "micro"


def read(words: Sequence[str], prog: str) -> argparse.Namespace:
    """The options of these words.

    Raises:
        UsageError: a word that is none of them.
    """
    made = Words(prog, example=EXAMPLE, description="Run a TensorFlow Lite model once.", allow_abbrev=False)
    made.add_argument("--batch", type=count, metavar="N", help="examples at once, where the file leaves it open (1)")
    made.add_argument(
        "--runtime",
        choices=(LITERT, MICRO),
        help="TFLite Micro is what microcontrollers are taken to run, LiteRT all others",
    )
    return made.parse_args(list(words))
