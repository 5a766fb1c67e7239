"""Adapters on weights that are held in four bits: fine-tuning of what is read and never changed."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.rules import adapters
from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "quantised-base"
# Four bits, and for every 64 weights a scale of one byte with a float32 for 256 of these (bitsandbytes 0.45, nf4 with
# double quantisation): (64 / 2 + 1 + 4 / 256) bytes for 64 weights.
_BITS = (64 / 2 + 1 + 4 / 256) / 64
_TIME = 1.3  # assumed: weights are unpacked in every pass


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where adapters are proposed, on a device."""
    if not facts.on_device or not facts.linear_sizes or facts.weight_bytes not in (2, 4):
        return
    for each in adapters.proposals(facts):
        edit = {"category": "parameters", "sizes_bytes": facts.linear_sizes, "factor": _BITS / facts.weight_bytes}
        yield Proposal(
            slug=SLUG,
            title="adapters on linear layers that are held in four bits",
            setting=Setting(changes=each.setting.changes, edits=({**edit, "pool": facts.pool},)),
            costs="for fine-tuning from good weights; they are rounded to one of 16 values and unpacked in every pass "
            "(30 % more time assumed)",
            how="from_pretrained(…, quantization_config=BitsAndBytesConfig(load_in_4bit=True, "
            'bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)); peft.prepare_model_for_kbit_training(model); '
            f"{each.how}",
            time_factor=_TIME,
            results="model",
            touches=frozenset({"trained", "precision"}),
            verifiable=False,
        )
