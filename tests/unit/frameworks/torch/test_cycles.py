"""What reference cycles hold of a job: seen in its simulation, told with its line and what it goes through."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402
from memfit.frameworks.torch.changes import install  # noqa: E402
from memfit.frameworks.torch.cycles import Cycles  # noqa: E402
from memfit.frameworks.torch.surface.patching import Patches  # noqa: E402

pytestmark = pytest.mark.torch

OUTPUT_BYTES = 256 * 1024 * 4


class Result:
    """An output whose own method it keeps: a cycle."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.loss = lambda: self.out.square().mean()


class Plain:
    """The same without one."""

    def __init__(self, out: Any) -> None:
        self.out = out

    def loss(self) -> Any:
        return self.out.square().mean()


def failed(out: Any) -> Any:
    """Keeps an exception, whose traceback leads back to the frame that keeps it."""
    try:
        raise ValueError(out.shape)
    except ValueError as error:
        kept = error
    return out if kept else None


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Rests within a test, whatever ran before it; on again after it: who tells what waits leaves it off."""
    old = gc.get_threshold()
    gc.set_threshold(100_000, *old[1:])
    gc.collect()
    yield
    gc.set_threshold(*old)
    gc.enable()
    gc.collect()


def train(make: Callable[[Any], Any], steps: int) -> None:
    model = torch.nn.Linear(64, 1024)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        result = make(model(torch.randn(256, 64)))
        loss = result.loss() if hasattr(result, "loss") else result.square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        del loss, result


def seen(make: Callable[[Any], Any], steps: int = 4, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    patches = Patches()
    with simulate("cpu") as sim:
        install(changes or {}, patches)
        cycles = Cycles(sim)
        cycles.watch()
        train(make, steps)
        cycles.rest()
    patches.undo()
    return {**cycles.told("host"), "peak": sim.ledger.peak_bytes["host"]}


def test_what_cycles_hold_is_told_and_the_collector_gives_it_back() -> None:
    """RAM, Tips 8 Garbage collection: outputs of four steps wait; called after each step, only one does."""
    before = seen(Result)
    after = seen(Result, changes={"collect": True})

    assert before["waiting_bytes"] == pytest.approx(4 * OUTPUT_BYTES, rel=0.1)
    assert before["step_bytes"] == pytest.approx(OUTPUT_BYTES, rel=0.1)
    assert before["through"] == "Result" and before["where"].startswith("test_cycles.py:")
    assert before["collector_on"] and 20 < before["steps_apart"] < 100_000
    assert before["peak"] - after["peak"] >= 2 * OUTPUT_BYTES


def test_without_cycles_nothing_waits() -> None:
    """Python itself gives back what has no name left."""
    told = seen(Plain)

    assert (told["waiting_bytes"], told["step_bytes"], told["where"], told["through"]) == (0, 0, "", "")


def test_a_kept_exception_is_named() -> None:
    """Its traceback holds the frame, and the frame the tensors."""
    told = seen(failed)

    assert told["waiting_bytes"] >= 3 * OUTPUT_BYTES and told["through"] == "ValueError"


def test_a_collector_that_is_off_is_told() -> None:
    """No number of steps brings it back."""
    gc.disable()

    told = seen(Result)

    assert not told["collector_on"] and told["steps_apart"] is None and told["step_bytes"] >= OUTPUT_BYTES


def test_runs_of_the_collector_within_the_job_are_seen() -> None:
    """What it gave back while the job ran waited for it as well."""
    old = gc.get_threshold()
    gc.set_threshold(50, 1, 1)
    try:
        told = seen(Result, steps=12)
    finally:
        gc.set_threshold(*old)

    assert OUTPUT_BYTES <= told["waiting_bytes"] < 12 * OUTPUT_BYTES
