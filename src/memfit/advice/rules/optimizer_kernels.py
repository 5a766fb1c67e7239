"""How the optimizer's step is computed: all parameters at once needs temporaries of their size."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "optimizer-kernels"
_FUSED = frozenset({"Adam", "AdamW", "SGD", "Adagrad"})  # torch 2.13
# torch's documentation of `foreach`: about a parameter's size more at the step's peak; "fused" is the fastest.
_TIME = {"fused": 0.98, "for-loop": 1.1}
_COSTS = {
    "fused": "none known: the fastest of the three",
    "for-loop": "about 10 % more time where parameters are many and small (assumed)",
}


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """The two that need no temporaries, where the job uses neither."""
    used = max(facts.optimizers, key=lambda each: each.trained_bytes, default=None)
    if facts.framework != "torch" or used is None or used.fused or used.foreach is False:
        return
    if not facts.on_device and used.foreach is None:
        return  # on the CPU torch goes through the parameters one by one unless it is told otherwise
    for kernel in ("fused", "for-loop"):
        if kernel == "fused" and used.kind not in _FUSED:
            continue
        yield Proposal(
            slug=SLUG,
            title=f"{kernel} steps of {used.kind}",
            setting=Setting(changes={"optimizer_kernel": kernel}),
            costs=_COSTS[kernel],
            how=f"{used.kind}(…, {'fused=True' if kernel == 'fused' else 'foreach=False'})",
            time_factor=_TIME[kernel],
            touches=frozenset({"optimizer"}),
            at_most_bytes=2 * used.trained_bytes,
        )
