"""The rules: each looks at what was seen of a job and proposes changes. A new rule is a file here and a line below."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from memfit.advice.rules import (
    activation_offload,
    adapters,
    attention,
    batch_size,
    checkpointing,
    checkpoints,
    chunked_loss,
    compiled,
    data_in_memory,
    detached_metrics,
    device_allocator,
    evaluation,
    fewer_layers,
    freed_results,
    frozen_layers,
    gathered_lists,
    gc_placement,
    gradients,
    host_allocator,
    lighter_optimizer,
    loaders,
    mixed_precision,
    narrower_weights,
    optimizer_in_backward,
    optimizer_kernels,
    optimizer_offload,
    parameter_offload,
    quantised_base,
    sharding,
    trees,
)
from memfit.advice.setting import Proposal
from memfit.documents import Hint, JobFacts

RULES: tuple[Callable[[JobFacts], Iterable[Proposal]], ...] = (
    device_allocator.proposals,
    host_allocator.proposals,
    loaders.proposals,
    gradients.proposals,
    freed_results.proposals,
    gc_placement.proposals,
    evaluation.proposals,
    optimizer_kernels.proposals,
    attention.proposals,
    chunked_loss.proposals,
    mixed_precision.proposals,
    narrower_weights.proposals,
    batch_size.proposals,
    checkpointing.proposals,
    activation_offload.proposals,
    optimizer_offload.proposals,
    parameter_offload.proposals,
    sharding.proposals,
    optimizer_in_backward.proposals,
    lighter_optimizer.proposals,
    frozen_layers.proposals,
    adapters.proposals,
    quantised_base.proposals,
    fewer_layers.proposals,
    compiled.proposals,
    trees.proposals,
)
# What cannot be estimated, or made, by memfit: said all the same.
HINTS: tuple[Callable[[JobFacts], Iterable[Hint]], ...] = (
    batch_size.hints,
    gc_placement.hints,
    detached_metrics.hints,
    checkpoints.hints,
    host_allocator.hints,
    data_in_memory.hints,
    gathered_lists.hints,
    compiled.hints,
    trees.hints,
)


def proposals(facts: JobFacts) -> list[Proposal]:
    """Everything that the rules propose for a job, in the order of the list."""
    return [proposal for rule in RULES for proposal in rule(facts)]
