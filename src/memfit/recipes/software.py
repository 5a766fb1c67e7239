"""Versions that a job runs with where others are installed: which habits its libraries had then.

The model is built and run by what is installed; `earlier` gives it the habits of the versions that were named. Where
none of these was otherwise nothing changes, and that is said.
"""

# Habits of transformers by architecture and version: `software.json`, read from the sources of its releases by
# `benchmarks/published/versions.py`. The others, each with its source:
#
# - transformers before 4.49 copied the logits once more to shift them (loss/loss_utils.py, ForCausalLMLoss; before 4.46
#   within each model); before 5.0 checkpoints were reentrant (modeling_utils.py, gradient_checkpointing_enable), and up
#   to 5.0 4-bit weights replaced subclasses of linear layers, too (integrations/bitsandbytes.py);
# - bitsandbytes before 0.43.2 kept the input of every 4-bit layer for its backward pass, as an attribute that no
#   checkpoint lets go of (autograd/_functions.py, MatMul4Bit; bitsandbytes-foundation/bitsandbytes#1270);
# - torch before 2.0 stepped one weight after the other (pytorch/pytorch#92306) and filled gradients with zeros instead
#   of letting go of them (#92731); before 2.4 it had no `fully_shard` that shares every weight by itself, and FSDP was
#   FullyShardedDataParallel; its context and workspaces are `machines.overheads`' and `machines.workspaces`'.

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

LIBRARIES = ("torch", "cuda", "transformers", "bitsandbytes")
HABITS = {
    "float_logits": "logits are copied to float32",
    "whole_logits": "a prompt's pass makes the logits of all its tokens",
    "tables": "every layer holds a table of rotary positions",
    "eager": "attention is computed step by step",
    "tuples": "a token's pass holds the cache before it and after it",
}
_EXAMPLE = "transformers==4.38.2,torch==2.1.2"
_ONE = re.compile(r"([\w-]+)==(\d{1,5}(?:\.\d{1,5}){0,3})")

Version = tuple[int, ...]


def _version(text: str) -> Version:
    return tuple(map(int, text.split(".")))


@cache
def _until() -> dict[str, dict[str, str]]:
    """By architecture and habit: the first version of transformers without it."""
    text = files("memfit.recipes").joinpath("software.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """The versions that were named.

    Args:
        versions: library → numbers.

    >>> Software.parse("transformers==4.38.2,torch==2.1").is_before("torch", 2, 2)
    True
    """

    versions: Mapping[str, Version] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Software:
        """From "transformers==4.38.2,torch==2.1.2".

        Raises:
            argparse.ArgumentTypeError: another form, a library that is not known, or twice the same.
        """
        found: dict[str, Version] = {}
        for part in text.split(","):
            told = _ONE.fullmatch(part.strip())
            if told is None or told[1] not in LIBRARIES or told[1] in found:
                raise argparse.ArgumentTypeError(
                    f"expected versions of {', '.join(LIBRARIES)}, like {_EXAMPLE}, got {part!r}"
                )
            found[told[1]] = _version(told[2])
        return cls(versions=found)

    def is_before(self, library: str, *version: int) -> bool:
        """Whether a version of it was named, and is older."""
        named = self.versions.get(library)
        return named is not None and named < version

    def has(self, habit: str, architecture: str) -> bool:
        """Whether the version of transformers that was named has a habit of ``HABITS`` for a model_type."""
        until = _until().get(architecture, {}).get(habit)
        return until is not None and self.is_before("transformers", *_version(until))

    @property
    def has_reentrant(self) -> bool:
        """Whether checkpoints run their part again within the backward pass, without a graph before."""
        return self.is_before("transformers", 5, 0)

    @property
    def has_kept_inputs(self) -> bool:
        """Whether 4-bit layers keep their inputs for the backward pass."""
        return self.is_before("bitsandbytes", 0, 43, 2)

    @property
    def has_old_steps(self) -> bool:
        """Whether optimizers go from weight to weight, and fill gradients with zeros afterwards."""
        return self.is_before("torch", 2, 0)

    @property
    def has_flat_shards(self) -> bool:
        """Whether FSDP is FullyShardedDataParallel."""
        return self.is_before("torch", 2, 4)

    @property
    def torch(self) -> str | None:
        """As torch calls its builds, "2.1.2+cu118"; None where it was not named."""
        if "torch" not in self.versions:
            return None
        cuda = self.versions.get("cuda", ())
        return ".".join(map(str, self.versions["torch"])) + (f"+cu{''.join(map(str, cuda[:2]))}" if cuda else "")

    def __str__(self) -> str:
        return ", ".join(f"{name} {'.'.join(map(str, version))}" for name, version in self.versions.items())
