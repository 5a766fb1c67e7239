"""Activations that wait for the backward pass in the host's memory."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "activation-offload"


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For a job that trains on a device."""
    if facts.framework != "torch" or not facts.on_device or not facts.trains:
        return
    yield Proposal(
        slug=SLUG,
        title="keep activations in the host's memory until the backward pass",
        setting=Setting(changes={"offload_activations": True}),
        costs="every activation goes over the bus twice (twice the time assumed), and the host holds them; "
        "results are the same",
        how="with torch.autograd.graph.save_on_cpu(pin_memory=True): the forward pass and the loss",
        time_factor=2.0,
        touches=frozenset({"activations"}),
        at_most_bytes=facts.activations_bytes,
    )
