"""Activations that are computed again in the backward pass instead of being kept: all layers of a kind, or half."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts, LayerFacts

SLUG = "activation-checkpointing"
_FORWARD_SHARE = 1 / 3  # of a training step: the backward pass computes two products for each of the forward pass


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For the kinds of layers that keep most: every one, and of the outermost kind every second one too."""
    if not facts.trains:
        return
    for position, layer in enumerate(facts.layers):
        yield _proposal(facts, layer, 1.0)
        if position == 0 and layer.count >= 4:
            yield _proposal(facts, layer, 0.5)


def _proposal(facts: JobFacts, layer: LayerFacts, share: float) -> Proposal:
    recomputed = share * min(layer.bytes / max(facts.activations_bytes, 1), 1.0)
    which = f"all {layer.count}" if share == 1.0 else "every second one of"
    when = "" if share == 1.0 else ", for every second one"
    transformers = "; with Transformers: model.gradient_checkpointing_enable()" if facts.attention else ""
    return Proposal(
        slug=SLUG,
        title=f"recompute the activations of {which} {layer.kind}",
        setting=Setting(changes={"checkpoint": {"kind": layer.kind, "share": share}}),
        costs=f"about {recomputed * _FORWARD_SHARE:.0%} more time (their forward pass once more, by its share of the "
        "activations)",
        how="from torch.utils.checkpoint import checkpoint; where "
        f"{layer.kind} is called{when}: x = checkpoint(layer, x, use_reentrant=False){transformers}",
        time_factor=1 + recomputed * _FORWARD_SHARE,
        touches=frozenset({"activations"}),
        at_most_bytes=round(layer.bytes * share),
    )
