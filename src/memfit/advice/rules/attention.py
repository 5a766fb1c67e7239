"""Attention that never writes its scores out."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "fused-attention"
_MULTIPLES = (1, 2, 4)  # of the scores' size: masks of one byte, scores before and after, in either width


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For Transformers' eager attention, and for scores that the script writes out itself."""
    if facts.framework != "torch":
        return
    if facts.attention == "eager":
        yield Proposal(
            slug=SLUG,
            title="scaled-dot-product attention instead of the eager one",
            setting=Setting(changes={"attention": "sdpa"}),
            costs="none known: faster; attention weights can no longer be returned",
            how='from_pretrained(…, attn_implementation="sdpa")',
            time_factor=0.95,
            results="rounding",
            touches=frozenset({"attention"}),
            at_most_bytes=facts.activations_bytes,
        )
    elif facts.scores:
        yield _by_hand(facts)


def _by_hand(facts: JobFacts) -> Proposal:
    """Without the scores: what is as large as they are, in whatever type, is not made."""
    sizes = {
        size
        for each in facts.scores
        for multiple in _MULTIPLES
        for size in (int(each["one_bytes"]) * multiple, int(each["one_bytes"]) // multiple)
    }
    where = str(facts.scores[0]["where"])
    return Proposal(
        slug=SLUG,
        title="scaled_dot_product_attention in place of softmax(q @ k) @ v",
        setting=Setting(edits=({"sizes_bytes": tuple(sorted(sizes)), "category": "activations", "factor": 0.0},
                               {"sizes_bytes": tuple(sorted(sizes)), "category": "temporaries", "factor": 0.0})),
        costs="none known: faster; results differ by rounding",
        how="y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=…)",
        where=where,
        time_factor=0.9,
        results="rounding",
        touches=frozenset({"attention"}),
        at_most_bytes=4 * sum(int(each["bytes"]) for each in facts.scores),
        verifiable=False,
    )  # fmt: skip
