"""Weights of a model that only infers, held in fewer bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "narrower-weights"
_NAMES = {2: "16-bit ones", 4: "float32"}
_FLOOR_BYTES = 1 << 16  # biases and norms stay as they are


class _Kind(NamedTuple):
    title: str
    weights: float
    activations: float
    costs: str
    how: str


_KINDS = (
    _Kind("half precision", 0.5, 0.5, "three digits", "model.half(), or from_pretrained(…, dtype=torch.float16)"),
    _Kind("8-bit weights", 0.26, 1.0, "weights are rounded to one of 256 values, scales beside them",
          "from_pretrained(…, quantization_config=BitsAndBytesConfig(load_in_8bit=True))"),
    _Kind("4-bit weights", 0.14, 1.0, "weights are rounded to one of 16 values, scales beside them: check the model's "
          "answers", "from_pretrained(…, quantization_config=BitsAndBytesConfig(load_in_4bit=True))"),
)  # fmt: skip


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Half, a quarter, an eighth of float32; for weights that are half as wide already, the latter two."""
    held = facts.breakdown.get("parameters", 0)
    if facts.framework != "torch" or facts.trains or facts.weight_bytes not in (2, 4) or not held:
        return
    for kind in _KINDS:
        factor = kind.weights * 4 / facts.weight_bytes
        if ("bit" in kind.title and not facts.on_device) or factor >= 1:
            continue
        edits: list[dict[str, object]] = [
            {"category": "parameters", "factor": factor, "pool": facts.pool, "floor_bytes": _FLOOR_BYTES}
        ]
        if kind.activations != 1.0:
            edits += [{"category": each, "factor": kind.activations} for each in ("activations", "temporaries")]
        yield Proposal(
            slug=SLUG,
            title=f"{kind.title} instead of {_NAMES[facts.weight_bytes]}",
            setting=Setting(edits=tuple(edits)),
            costs=kind.costs,
            how=kind.how,
            results="rounding",
            touches=frozenset({"precision"}),
            verifiable=False,
        )
