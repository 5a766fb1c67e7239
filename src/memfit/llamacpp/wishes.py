"""What may be asked of a GGUF model: the words behind its name on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from memfit.llamacpp.caches import CACHE_TYPES
from memfit.llamacpp.graph import Era
from memfit.recipes.wishes import Words, count

EXAMPLE = "memfit estimate hf:bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M --serve --context 8k --on rtx4090-24gb"
DEFAULT_CONTEXT, DEFAULT_BATCH = 4096, 512
_FLASH_SINCE, _LAST_SINCE = "2025-08", "2026-08"


def month(text: str) -> Era:
    """The versions of a month, as `graph.Era` parts them.

    >>> month("2025-03").value, month("2026-11").value
    ('plain', 'last')
    """
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"expected a month like 2026-03, got {text!r}")
    return Era.PLAIN if text < _FLASH_SINCE else Era.FLASH if text < _LAST_SINCE else Era.LAST


def layers(text: str) -> int:
    """A number of layers, 0 for none of them.

    >>> layers("0"), layers("99")
    (0, 99)
    """
    return 0 if text == "0" else count(text)


def read(words: Sequence[str], prog: str) -> argparse.Namespace:
    """The options of these words.

    Raises:
        UsageError: a word that is none of them.
    """
    made = Words(prog, example=EXAMPLE, description="Serve a GGUF model with llama.cpp.", allow_abbrev=False)
    made.add_argument("--serve", action="store_true", help="as llama-server does it; it is what is estimated anyway")
    made.add_argument("--context", type=count, metavar="TOKENS", help=f"of every request ({DEFAULT_CONTEXT})")
    made.add_argument(
        "--concurrent", type=count, default=1, metavar="N", help="requests at once, each with its own (1)"
    )
    made.add_argument("--gpu-layers", type=layers, metavar="N", help="on the device, the output counted as one (all)")
    made.add_argument("--cache-type", choices=CACHE_TYPES, default="f16", help="of keys and values (f16)")
    made.add_argument("--flash-attention", choices=("auto", "on", "off"), default="auto")
    made.add_argument("--ubatch", type=count, default=DEFAULT_BATCH, metavar="TOKENS", help="in one pass (512)")
    made.add_argument("--llama-cpp", type=month, metavar="YYYY-MM", help="the month of the version (the newest rules)")
    return made.parse_args(list(words))
