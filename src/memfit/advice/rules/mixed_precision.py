"""Half-width types for the forward pass: activations take half, parameters and optimizer stay in float32."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "mixed-precision"
# NVIDIA's tensor cores take bfloat16 from compute capability 8.0; before, float16 with a scaled loss.
_BFLOAT16_SINCE = (8, 0)
_TIME_ON_DEVICE = 0.7  # assumed; products gain more, what is bound by memory gains its halved traffic
_TIME_ON_CPU = 1.1  # assumed; without AMX or AVX512-BF16 products are emulated


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Autocast, where the job has none and computes in float32."""
    if facts.framework != "torch" or facts.autocast is not None or facts.weight_bytes != 4:
        return
    device = "cuda" if facts.on_device else "cpu"
    whole = facts.on_device and facts.capability is not None and facts.capability < _BFLOAT16_SINCE
    dtype = "float16" if whole else "bfloat16"
    scaled = "; scale the loss: scaler = torch.amp.GradScaler()" if whole else ""
    yield Proposal(
        slug=SLUG,
        title=f"{dtype} mixed precision",
        setting=Setting(changes={"autocast": {"device": device, "dtype": dtype}}),
        costs="activations keep three digits instead of seven, weights and optimizer stay in float32; "
        + ("faster on tensor cores (30 % less time assumed)" if facts.on_device else "slower on CPUs without bf16"),
        how=f'with torch.autocast("{device}", dtype=torch.{dtype}): the forward pass and the loss{scaled}',
        time_factor=_TIME_ON_DEVICE if facts.on_device else _TIME_ON_CPU,
        results="rounding",
        touches=frozenset({"precision"}),
        at_most_bytes=facts.activations_bytes,
    )
