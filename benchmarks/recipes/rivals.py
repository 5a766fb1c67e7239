"""What another tool says of the same runs: data/rivals.json.

`accelerate estimate-memory` (accelerate.commands.estimate): weights, gradients and Adam, or weights; no activations.

    python -m benchmarks.recipes.rivals
"""

from __future__ import annotations

import importlib.metadata
import json
import shlex
from pathlib import Path
from typing import Any

from benchmarks.recipes.cases import CASES, Case
from memfit.recipes.language import built
from memfit.recipes.naming import find
from memfit.recipes.wishes import read

FILE = Path(__file__).parent / "data" / "rivals.json"


def said(case: Case) -> dict[str, Any]:
    """Bytes, None where it has no answer."""
    from accelerate.commands.estimate import estimate_training_usage

    wishes = read([str(find(f"hf:{case.model}").folder), *shlex.split(case.words)], "rivals")
    model = built(wishes)
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    training = estimate_training_usage(size, "float32" if not wishes.autocast else "bfloat16")
    if wishes.train:
        return {"accelerate_bytes": max(training.values()) if wishes.train == "full" else None}
    return {"accelerate_bytes": size}


def main() -> None:
    told = {"accelerate": importlib.metadata.version("accelerate"), "cases": {case.name: said(case) for case in CASES}}
    FILE.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
