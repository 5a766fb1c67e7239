"""What others' rules say of the same rows: data/rivals.json.

`accelerate estimate-memory` (weights, gradients and Adam for full training, weights for inference; no answer for
adapters), and the weights alone, which is what most calculators start from.

    python -m benchmarks.published.rivals
"""

from __future__ import annotations

import importlib.metadata
import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.published.figures import Row, rows
from benchmarks.recipes.rivals import accelerate_bytes
from memfit.recipes.language import built
from memfit.recipes.naming import find
from memfit.recipes.wishes import read

FILE = Path(__file__).parent / "data" / "rivals.json"
_NF4_BITS = 4.13  # with double quantisation; whatever else is not quantised is left out


@cache
def weights_bytes(model: str, dtype: str) -> int:
    """All weights of a model, built without memory."""
    made = built(read([str(find(f"hf:{model}").folder), "--dtype", dtype, "--seq", "8"], "rivals"))
    return sum(weight.numel() * weight.element_size() for weight in made.parameters())


def said(row: Row) -> dict[str, Any]:
    """Bytes, None where a rule has no answer."""
    wishes = read(["-", *shlex.split(row.words)], "rivals")
    size = weights_bytes(row.model, wishes.dtype)
    alone = size if wishes.train != "qlora" else round(weights_bytes(row.model, "bfloat16") / 2 * _NF4_BITS / 8)
    return {"accelerate_bytes": accelerate_bytes(size, wishes), "weights_bytes": alone}


def main() -> None:
    told = {"accelerate": importlib.metadata.version("accelerate"), "rows": {row.command: said(row) for row in rows()}}
    FILE.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
