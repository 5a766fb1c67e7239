"""pytest: `@pytest.mark.memfit(peak="500MiB", growth="1KiB")` and the fixture `memfit_steps`.

Loaded with every pytest run where memfit is installed, so it imports nothing of weight before a test asks for it.
A peak is what the test's own body adds to its process; growth is judged by memfit.diagnose.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

_MARKER = (
    "memfit(peak=None, growth=None, device=None): fail when the test takes more memory than `peak` above its start, or "
    "when its `memfit_steps` add more than `growth` each; of this process and its children, or of a device's tensors."
)


class MemoryWarning(pytest.PytestWarning):
    """A budget of growth could not be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a marker asks for, in bytes."""

    peak_bytes: int | None
    growth_bytes: int | None
    device: str | None


class Steps:
    """Iterations whose end is read: ``for step in memfit_steps(200): train_step()``.

    Args:
        device: whose allocated bytes are read; None for this process's resident size.
    """

    def __init__(self, device: str | None = None) -> None:
        self.readings: list[int] = []
        self.seconds: list[float] = []
        self._device = device

    def __call__(self, count: int) -> Iterator[int]:
        """Yield 0, 1, … and read the memory after each."""
        from memfit.sensors import resident_bytes

        for step in range(count):
            yield step
            self.readings.append(_allocated(self._device) if self._device else resident_bytes() or 0)
            self.seconds.append(time.monotonic())


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def memfit_steps(request: pytest.FixtureRequest) -> Steps:
    """Iterations whose memory is judged when the test is over."""
    marker = request.node.get_closest_marker("memfit")
    steps = Steps(None if marker is None else _budget(marker).device)
    request.node.stash[_STEPS] = steps
    return steps


_STEPS = pytest.StashKey[Steps]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measure the body of a test that asks for it; a test that fails of itself is left alone."""
    marker = item.get_closest_marker("memfit")
    steps = item.stash.get(_STEPS, None)
    if marker is None and steps is None:
        return (yield)
    budget = Budget(peak_bytes=None, growth_bytes=None, device=None) if marker is None else _budget(marker)
    if budget.growth_bytes is not None and steps is None:
        pytest.fail("memfit(growth=…) needs the fixture: for _ in memfit_steps(200): …", pytrace=False)
    result = yield from _measured(item, budget)
    if steps is not None:
        _judge_growth(item, steps, budget)
    return result


def _measured(item: pytest.Item, budget: Budget) -> Generator[None, Any, Any]:
    if budget.peak_bytes is None:
        return (yield)
    if budget.device is not None:
        start = _start_on(budget.device)
        result = yield
        _judge_peak(item, budget, _highest_on(budget.device) - start, f"allocated by torch on {budget.device}")
        return result
    from memfit.probing.meter import PeakMeter

    with PeakMeter() as meter:
        result = yield
    how = "this process's high-water mark" if meter.exact else "sampled every 5 ms: shorter spikes are not seen"
    with_children = f", with up to {meter.children} children (sampled)" if meter.children else ""
    _judge_peak(item, budget, meter.peak_bytes, how + with_children)
    return result


def _judge_peak(item: pytest.Item, budget: Budget, peak: int, how: str) -> None:
    from memfit.quantities import format_bytes

    item.user_properties.append(("memfit_peak_bytes", peak))
    if budget.peak_bytes is not None and peak > budget.peak_bytes:
        pytest.fail(
            f"memfit: the test took {format_bytes(peak)} above its start, the budget is "
            f"{format_bytes(budget.peak_bytes)}: {format_bytes(peak - budget.peak_bytes)} over ({how})\n"
            f"to see what holds it: memfit run -- python -m pytest {item.nodeid!r}",
            pytrace=False,
        )


def _judge_growth(item: pytest.Item, steps: Steps, budget: Budget) -> None:
    from memfit.api import diagnose
    from memfit.quantities import format_bytes

    if not steps.readings:
        pytest.fail("memfit_steps was not looped over: there is no growth to judge", pytrace=False)
    found = diagnose(steps.readings, steps.seconds)
    rate = 0.0 if found.bytes_per_iteration is None else float(found.bytes_per_iteration)
    item.user_properties.append(("memfit_growth_bytes", round(rate)))
    if found.is_leak is None:
        more = f"; about {found.needs_iterations} more would tell" if found.needs_iterations else ""
        said = f"memfit: whether memory grows cannot be told from {len(steps.readings)} iterations{more}"
        warnings.warn(MemoryWarning(said), stacklevel=1)
    elif found.is_leak and rate > (budget.growth_bytes or 0):
        against = "" if budget.growth_bytes is None else f", the budget is {format_bytes(budget.growth_bytes)}"
        pytest.fail(
            f"memfit: memory grows by {format_bytes(round(rate))} per iteration{against}\n{found.evidence}",
            pytrace=False,
        )


def _budget(marker: pytest.Mark) -> Budget:
    """The marker's arguments; a slip in them is told, not passed over."""
    from memfit.errors import MemfitError

    unknown = set(marker.kwargs) - {"peak", "growth", "device"}
    if marker.args or unknown:
        pytest.fail(f"memfit takes peak=, growth= and device=, got {marker.args or sorted(unknown)}", pytrace=False)
    try:
        peak, growth = (_size(marker.kwargs.get(name)) for name in ("peak", "growth"))
    except MemfitError as error:
        pytest.fail(f"memfit marker: {error.message}; {error.hint}", pytrace=False)
    return Budget(peak_bytes=peak, growth_bytes=growth, device=marker.kwargs.get("device"))


def _size(value: Any) -> int | None:
    from memfit.quantities import parse_bytes

    return value if value is None or isinstance(value, int) else parse_bytes(str(value))


def _torch(device: str) -> Any:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        pytest.fail(f"memfit(device={device!r}): torch has no CUDA device here, nothing was measured", pytrace=False)
    return torch


def _start_on(device: str) -> int:
    torch = sys.modules.get("torch")
    if torch is None:
        return 0  # not imported yet: nothing is allocated
    _torch(device).cuda.reset_peak_memory_stats(device)
    return _allocated(device)


def _allocated(device: str) -> int:
    return int(_torch(device).cuda.memory_allocated(device))


def _highest_on(device: str) -> int:
    return int(_torch(device).cuda.max_memory_allocated(device))
