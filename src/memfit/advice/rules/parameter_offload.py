"""Parameters, gradients and optimizer states in the host's memory; each block's come to the device for its turn."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts
from memfit.quantities import format_finely

SLUG = "parameter-offload"
_LEAST_SHARE = 0.05  # of the peak, that the blocks' parameters must take
_TIME = {True: 2.5, False: 2.0}  # assumed: weights cross the bus in every pass, gradients too, the host steps
_HOW = (
    'torch.distributed.init_process_group("cpu:gloo,cuda:nccl", store=torch.distributed.HashStore(), rank=0, '
    "world_size=1); from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard; "
    "[fully_shard(part, offload_policy=CPUOffloadPolicy()) for part in [*model.modules()][::-1] "
    'if type(part).__name__ == "{kind}" or part is model]  # no model.to(device) before it{when}'
)


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """For models with several blocks of one class, on one device."""
    blocks = facts.blocks
    if facts.framework != "torch" or not facts.on_device or facts.device_count > 1 or blocks is None:
        return
    if blocks.bytes < _LEAST_SHARE * facts.peak_bytes:
        return
    trained = sum(each.trained_bytes for each in facts.optimizers)
    moved = facts.breakdown.get("parameters", 0) + trained + facts.breakdown.get("optimizer_state", 0)
    held = "parameters, gradients and optimizer states" if facts.trains else "the parameters"
    yield Proposal(
        slug=SLUG,
        title=f"keep {held} in the host's memory, and bring each {blocks.kind} to the device for its turn",
        setting=Setting(
            changes={"offload_parameters": {"kind": blocks.kind, "device": "cuda", "trains": facts.trains}}
        ),
        costs=f"the host holds {held}, {format_finely(moved)} more; they go over the bus in every pass "
        f"({_TIME[facts.trains]:g} times the time assumed); results are the same",
        how=_HOW.format(kind=blocks.kind, when="; the optimizer is made after it" if facts.trains else ""),
        time_factor=_TIME[facts.trains],
        touches=frozenset({"parameters", "precision", "trained", "gradients", "optimizer", "optimizer state"}),
        at_most_bytes=moved + trained,
    )
