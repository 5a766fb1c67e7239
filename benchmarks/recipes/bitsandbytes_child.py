"""The recipe with bitsandbytes' own 4-bit layers in the place of memfit's stand-ins, on a real card.

    python -m benchmarks.recipes.bitsandbytes_child FOLDER --train qlora …

Weights are quantised layer by layer, as loaders do; peaks are counted from then on. Prints the recipe's line of JSON.
"""

from __future__ import annotations

import sys
from typing import Any

import bitsandbytes
import torch

from memfit.recipes import language, quantised


def layer_of(whole: Any) -> Any:
    """A bitsandbytes layer of the same shape on the card: NF4, double quantisation, computing in bfloat16."""
    made = bitsandbytes.nn.Linear4bit(
        whole.in_features, whole.out_features, bias=whole.bias is not None, compute_dtype=torch.bfloat16,
        compress_statistics=True, quant_type="nf4",
    )  # fmt: skip
    weight = torch.full((whole.out_features, whole.in_features), 0.02, dtype=torch.bfloat16)
    made.weight = bitsandbytes.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", compress_statistics=True)
    return made.to("cuda")


def quantise(model: torch.nn.Module, skip: tuple[str, ...] = ("lm_head",)) -> None:
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and name not in skip:
                setattr(module, name, layer_of(child))
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def main() -> None:
    quantised.quantise = quantise
    language.main(sys.argv[1:])


if __name__ == "__main__":
    main()
