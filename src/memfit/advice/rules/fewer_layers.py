"""A smaller model: every second layer left out, linear layers as products of two thin matrices."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "fewer-layers"
_LEAST_LAYERS = 4
_LEAST_LINEAR = 4
_RANKS = (0.25, 0.125)  # of a square matrix' rank; of 1/4 half of its numbers are left


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where the job trains a model of many layers of one class, and of linear layers for the greatest part."""
    if facts.framework != "torch" or not facts.trains:
        return
    layer = next((each for each in facts.layers if each.count >= _LEAST_LAYERS), None)
    if layer is not None:
        yield Proposal(
            slug=SLUG,
            title=f"leave every second one of the {layer.count} {layer.kind} out",
            setting=Setting(changes={"leave_out": {"kind": layer.kind}}),
            costs="another model: what it learns only its training tells; prune a trained one, then train on "
            "(layers cost half: 40 % less time assumed)",
            how=f"build the model with {layer.count - layer.count // 2} {layer.kind} (num_hidden_layers, depth, …)",
            time_factor=0.6,
            results="model",
            touches=frozenset({"trained", "layers"}),
        )
    if facts.linear_layers < _LEAST_LINEAR or not any(
        each.matrix_bytes > each.trained_bytes / 2 for each in facts.optimizers
    ):
        return
    for share in _RANKS:
        yield Proposal(
            slug="low-rank-layers",
            title=f"linear layers of 1/{1 / share:.0f} of their rank, as products of two thin ones",
            setting=Setting(changes={"factorize": {"share": share}}),
            costs="another model: from a trained one by its singular values, then trained on; products shrink with the "
            "rank (20 % less time assumed)",
            how=f"U, S, V = torch.linalg.svd(layer.weight, full_matrices=False); r = round({share:g} * len(S)); "
            "nn.Sequential(nn.Linear(n, r, bias=False), nn.Linear(r, m)) with S[:r, None] * V[:r] and U[:, :r]",
            time_factor=0.8,
            results="model",
            touches=frozenset({"trained"}),
        )
