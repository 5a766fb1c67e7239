"""Optimizers of recipes: what they keep for each weight."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from memfit.recipes.optimizers import optimizer  # noqa: E402
from memfit.recipes.wishes import OPTIMIZERS  # noqa: E402

pytestmark = pytest.mark.torch


def states_bytes(made):
    kept = [each for state in made.state.values() for each in state.values() if isinstance(each, torch.Tensor)]
    return sum(each.numel() * each.element_size() for each in kept if each.dim())


def stepped(name, *sizes):
    weights = [torch.nn.Parameter(torch.ones(*size)) for size in sizes]
    made = optimizer(name, weights)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    made.step()
    return made


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("sgd", 0),
        ("adamw", 2 * 4 * 128 * 1024),
        ("lion", 4 * 128 * 1024),
        ("adamw8bit", 2 * (128 * 1024 + 4 * 512)),
        ("lion8bit", 128 * 1024 + 4 * 512),
        ("paged-adamw", 2 * 4 * 128 * 1024),
    ],
)
def test_what_is_kept_for_a_large_weight(name, kept):
    assert states_bytes(stepped(name, (128, 1024))) == kept


def test_small_weights_keep_states_of_four_bytes():
    assert states_bytes(stepped("adamw8bit", (4095,))) == 2 * 4 * 4095


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_name_is_an_optimizer(name):
    assert stepped(name, (4, 4)).param_groups


@pytest.mark.parametrize(
    ("name", "theirs"), [("adamw8bit", "AdamW8bit"), ("lion8bit", "Lion8bit"), ("paged-adamw8bit", "PagedAdamW8bit")]
)
def test_the_layout_is_that_of_bitsandbytes(name, theirs):
    optim = pytest.importorskip("bitsandbytes.optim")
    weights = [torch.nn.Parameter(torch.ones(300, 1000)), torch.nn.Parameter(torch.ones(100))]
    real = getattr(optim, theirs)(weights, lr=1e-3)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    real.step()
    tables = {id(state[key]) for state in real.state.values() for key in state if key.startswith("qmap")}
    assert states_bytes(stepped(name, (300, 1000), (100,))) == states_bytes(real) - 1024 * sum(
        key.startswith("qmap") for state in real.state.values() for key in state
    )
    assert len(tables) == sum(len(each) for each in stepped(name, (300, 1000))._tables.values())
