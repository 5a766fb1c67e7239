"""What another tool says of the same runs: data/rivals.json.

`accelerate estimate-memory` (accelerate.commands.estimate): weights, gradients and Adam, or weights; no activations.

    python -m benchmarks.recipes.rivals
"""

from __future__ import annotations

import argparse
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
    wishes = read([str(find(f"hf:{case.model}").folder), *shlex.split(case.words)], "rivals")
    size = sum(weight.numel() * weight.element_size() for weight in built(wishes).parameters())
    return {"accelerate_bytes": accelerate_bytes(size, wishes)}


def accelerate_bytes(weights_bytes: int, wishes: argparse.Namespace) -> int | None:
    """What accelerate makes of a model's weights; None for adapters, which it does not know."""
    from accelerate.commands.estimate import estimate_training_usage

    if not wishes.train:
        return weights_bytes
    training = estimate_training_usage(weights_bytes, "float32" if not wishes.autocast else "bfloat16")
    return max(training.values()) if wishes.train == "full" else None


def main() -> None:
    told = {"accelerate": importlib.metadata.version("accelerate"), "cases": {case.name: said(case) for case in CASES}}
    FILE.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
