"""Who holds memory in a running PyTorch job: exact where it can be, by owner where a graph is kept."""

from __future__ import annotations

import gc
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from memfit.frameworks.torch.holdings import Holdings  # noqa: E402
from memfit.quantities import Held  # noqa: E402

pytestmark = pytest.mark.torch

kept_losses: list[Any] = []


def table(found: list[Held]) -> dict[tuple[str, str], int | None]:
    return {(held.category, held.label): held.held_bytes for held in found}


def trained(model: Any, optimizer: Any) -> Any:
    loss = model(torch.ones(2, 8)).sum()
    loss.backward()
    optimizer.step()
    return loss


def test_parameters_gradients_and_state_to_the_byte() -> None:
    """Each by its storage: 4 bytes a number, the moments of Adam twice the parameters."""
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8))
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer)
    numbers = sum(parameter.numel() for parameter in model.parameters())

    found = table(Holdings(torch, [optimizer], [model]).tensors())

    assert found["parameters", "Sequential"] == 4 * numbers
    assert found["gradients", "gradients"] == 4 * numbers
    assert found["optimizer_state", "Adam: exp_avg"] == 4 * numbers
    assert found["optimizer_state", "Adam: exp_avg_sq"] == 4 * numbers
    assert found["buffers", "Sequential"] == 4 * 16 + 8


def test_tied_weights_count_once() -> None:
    """Two modules that share a weight hold it once."""
    model = torch.nn.Sequential(torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False))
    model[1].weight = model[0].weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    found = table(Holdings(torch, [optimizer], [model]).tensors())

    assert found == {("parameters", "Sequential"): 4 * 64}


def test_state_within_lists() -> None:
    """LBFGS keeps its history in lists."""
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (model(torch.ones(2, 8)) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)

    found = table(Holdings(torch, [optimizer], []).tensors())

    assert found["optimizer_state", "LBFGS: old_dirs"]


def test_what_has_grown_since() -> None:
    """State that appears is new; what stays as it is does not grow."""
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.Adam(model.parameters())
    look = Holdings(torch, [optimizer], [model])
    look.tensors()
    trained(model, optimizer)
    look.tensors()
    trained(model, optimizer)

    assert {held.grows for held in look.tensors()} == {False}


def test_losses_that_are_kept_with_their_graphs() -> None:
    """The list, the operation and how many, and that they become more."""
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    look = Holdings(torch, [optimizer], [model])
    kept_losses.extend(trained(model, optimizer) for _ in range(20))
    look.graphs()
    kept_losses.extend(trained(model, optimizer) for _ in range(20))

    found = next(held for held in look.graphs() if "kept_losses" in held.label)

    kept_losses.clear()
    assert (found.label, found.count, found.grows) == ("list `kept_losses`: SumBackward0", 40, True)
    assert found.where == "test_holdings.py"


def test_a_sum_of_losses_that_remembers_all_of_them() -> None:
    """One tensor, whose graph is longer each time."""
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    look = Holdings(torch, [optimizer], [model])
    total = torch.zeros(())
    for _ in range(20):
        total = total + trained(model, optimizer)
    look.graphs()
    for _ in range(20):
        total = total + trained(model, optimizer)

    found = next(held for held in look.graphs() if "local `total`" in held.label)

    assert "AddBackward0" in found.label
    assert found.count > 40
    assert found.grows


def test_nothing_is_found_where_nothing_is_kept() -> None:
    """Detached numbers hold no graph."""
    gc.collect()
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    kept = [trained(model, optimizer).item() for _ in range(20)]

    found = Holdings(torch, [optimizer], [model]).graphs()

    assert [held for held in found if "kept" in held.label] == []
    assert len(kept) == 20


def test_a_look_keeps_no_tensor() -> None:
    """What the job lets go after a look is freed."""
    import weakref

    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    look = Holdings(torch, [optimizer], [model])
    losses = [trained(model, optimizer) for _ in range(5)]
    alive = weakref.ref(losses[0])
    look.graphs()
    look.tensors()

    losses.clear()

    gc.collect()
    assert alive() is None
