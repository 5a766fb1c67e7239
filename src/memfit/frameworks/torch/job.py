"""Runs a job under the simulation until there is enough to tell: a script, a module, or a callable."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from memfit.engine.observation import Observation
from memfit.frameworks.torch.simulation import Simulation

# A job that only infers has shown its peak after so many forward passes without a new one (denoising takes up to a
# hundred before the image is decoded); a cache that grows with every token goes on setting new ones, up to the larger
# number.
_SETTLED_PASSES = 128
_MOST_PASSES = 4096
# A job that updates its weights by hand has no optimizer to count: it ends after so many backward passes per step.
_BACKWARDS_PER_STEP = 4


class EnoughSeen(BaseException):
    """Ends the user's code once the simulation has what it needs; no Exception, so that nobody swallows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a simulated job has shown enough.

    Args:
        steps: optimizer steps to see.
        passes: forward passes to see of a job that does not train; None leaves it to the job.
    """

    steps: int = 3
    passes: int | None = None


class Watch:
    """Decides after each step whether the job may end.

    Args:
        limits: how much to see.
        enough: called once, when the job may end; usually does not return.
        progress: told (stage, text, step) as the job goes on.
    """

    def __init__(
        self, limits: Limits, enough: Callable[[], None], progress: Callable[[str, str, int], None] | None = None
    ) -> None:
        self.limits = limits
        self._enough = enough
        self._progress = progress
        self._peak = 0
        self._peak_pass = 0

    def on_step(self, sim: Simulation) -> None:
        if self._progress is not None:
            self._progress("step", f"step {sim.total_steps}", sim.total_steps)
        if sim.total_steps < self.limits.steps or not sim.all_optimizers_stepped():
            return
        if not sim.loaders_in_use:
            self._enough()  # no epoch whose end would show an evaluation or a checkpoint
        elif sim.epochs_ended or sim.total_steps >= 4 * self.limits.steps + 8:
            self._enough()

    def on_pass(self, sim: Simulation) -> None:
        if sim.optimizers or sim.backward_passes:
            return
        peak = sum(sim.ledger.peak_bytes.values())
        if peak > self._peak:
            self._peak, self._peak_pass = peak, sim.passes
        settled = self.limits.passes is None and sim.passes - self._peak_pass >= _SETTLED_PASSES
        if settled or sim.passes >= (self.limits.passes or _MOST_PASSES):
            sim.assume("passes-bounded", f"a job that only infers was stopped after {sim.passes} forward passes")
            self._enough()

    def on_backward(self, sim: Simulation) -> None:
        if not sim.optimizers and sim.backward_passes >= _BACKWARDS_PER_STEP * self.limits.steps:
            self._enough()


def observe_callable(function: Callable[[], Any], simulate: Callable[..., Simulation], limits: Limits) -> Observation:
    """Run a callable without arguments under a simulation, in this process.

    Args:
        function: the job.
        simulate: makes the simulation, given ``on_step``, ``on_pass``, ``on_backward``, ``steps_per_epoch``.
        limits: how much to see.
    """

    def enough() -> None:
        raise EnoughSeen

    watch = Watch(limits, enough)
    started = time.monotonic()
    sim = simulate(
        on_step=watch.on_step, on_pass=watch.on_pass, on_backward=watch.on_backward, steps_per_epoch=limits.steps
    )
    with sim:
        with contextlib.suppress(EnoughSeen):
            function()
        sim.finish()
    observation = sim.observation()
    observation.environment = {**observation.environment, "seconds": round(time.monotonic() - started, 2)}
    return observation


def training_job(
    module: Any, batch: tuple[Any, ...], *, device: str, optimizer: str | None, steps: int
) -> Callable[[], None]:
    """A job that trains a copy of a module's shapes: forward, backward of the outputs' sum, optimizer step.

    The module itself is neither moved nor touched: the copy has simulated parameters and shares the rest.

    Args:
        module: a torch.nn.Module, wherever its weights are.
        batch: the forward arguments: tensors, or (shape, dtype) pairs.
        device: "cuda" or "cpu".
        optimizer: a name in torch.optim; None runs the module without gradients.
        steps: how many times.
    """

    def run() -> None:
        twin = _twin(module).to(device)
        inputs = [_input(item).to(device) for item in batch]
        if optimizer is None:
            with torch.no_grad():
                for _ in range(steps):
                    twin(*inputs)
            return
        stepper = getattr(torch.optim, optimizer)(twin.parameters(), lr=1e-3)
        for _ in range(steps):
            stepper.zero_grad()
            _total(twin(*inputs)).backward()
            stepper.step()

    return run


def _twin(module: Any) -> Any:
    """A deep copy whose parameters and buffers are simulated: nothing of the weights' size is copied."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = torch.nn.Parameter(
            torch.empty_like(parameter, device="cpu"), requires_grad=parameter.requires_grad
        )
    for buffer in module.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="cpu")
    return copy.deepcopy(module, memo)


def _input(item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return torch.empty_like(item, device="cpu") if item.dtype.is_floating_point else item.cpu()
    shape, dtype = item
    if dtype.is_floating_point:
        return torch.empty(shape, dtype=dtype)
    return torch.zeros(shape, dtype=dtype)


def _total(output: Any) -> Any:
    """A scalar to differentiate: the sum of all floating-point results, however they are packed."""
    if isinstance(output, torch.Tensor):
        return output.float().sum()
    values = output.values() if hasattr(output, "values") else output
    return sum(_total(item) for item in values if item is not None and not isinstance(item, (int, float, str)))
