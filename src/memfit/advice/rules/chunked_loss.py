"""A language model's loss over parts of the sequence: logits of all tokens never live at once."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "chunked-loss"
_PARTS = 8
_LEAST_SHARE = 0.05  # of the peak, that one copy of the logits must take to be worth it


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where the logits are large: blocks of exactly their size shrink to a part."""
    count = int(facts.logits.get("numel", 0))
    if facts.framework != "torch" or count * 4 < _LEAST_SHARE * facts.peak_bytes:
        return
    sizes = (count * 2, count * 4)
    yield Proposal(
        slug=SLUG,
        title=f"the last layer and its loss in {_PARTS} parts",
        setting=Setting(
            edits=tuple(
                {"sizes_bytes": sizes, "category": category, "factor": 1 / _PARTS}
                for category in ("activations", "temporaries", "other")
            )
        ),
        costs="the last layer is computed twice (about 5 % more time assumed); results differ by rounding",
        how=f"for part, wanted in zip(hidden.chunk({_PARTS}, 1), targets.chunk({_PARTS}, 1)): loss += checkpoint("
        "lambda h, t: F.cross_entropy(head(h).flatten(0, 1), t.flatten(), reduction='sum'), part, wanted, "
        "use_reentrant=False); or liger_kernel's LigerFusedLinearCrossEntropyLoss",
        where=str(facts.logits.get("where", "")),
        time_factor=1.05,
        results="rounding",
        touches=frozenset({"loss"}),
        at_most_bytes=4 * count * 4,
        verifiable=False,
    )
