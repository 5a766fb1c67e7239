"""Smaller batches, with as many more micro-steps that the optimizer sees the same effective batch."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import Hint, JobFacts, Knob

SLUG = "smaller-batch"
# Assumed, for every halving: the same samples in more and smaller kernels.
_TIME_EACH_HALVING = 1.05
_MOST_HALVINGS = 7
_ACCUMULATED = {
    "torch": "in the loop: (loss / {times}).backward(), and every {times}th time optimizer.step() and "
    "optimizer.zero_grad()",
    "tensorflow": "a Keras optimizer with gradient_accumulation_steps={times}; in a loop of one's own: add up "
    "gradients, apply every {times}th time their mean",
    "jax": "optax.MultiSteps(optimizer, {times}); with Keras an optimizer with gradient_accumulation_steps={times}",
}


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Halves, quarters, … of the batch, down to one sample."""
    knob = facts.batch
    if knob is None or not facts.trains:
        return
    for halvings in range(1, _MOST_HALVINGS + 1):
        batch = knob.value >> halvings
        if batch < 1:
            return
        times = -(-knob.value // batch)
        same = "the effective batch stays the same" if batch * times == knob.value else (
            f"the effective batch becomes {batch * times}"
        )  # fmt: skip
        yield Proposal(
            slug=SLUG,
            title=f"batch of {batch} instead of {knob.value}, {times} micro-steps for each step",
            setting=Setting(batch=batch, accumulation=times),
            costs=f"{same}; about 5 % more time for every halving (assumed); batch statistics (BatchNorm) see "
            "smaller batches",
            how=how(facts, batch, times),
            time_factor=_TIME_EACH_HALVING**halvings,
            touches=frozenset({"batch"}),
        )


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Where the batch is made, when memfit found no number to turn."""
    if facts.batch is None and facts.trains and facts.framework == "torch":
        yield Hint(
            slug="batch-not-found",
            text="the batch's size was found neither on the command line nor in the script: where it is set, a smaller "
            "one saves activations",
            how="with accumulation: loss = loss / n; loss.backward(); every n-th time: optimizer.step(); "
            "optimizer.zero_grad()",
        )


def how(facts: JobFacts, batch: int, times: int) -> str:
    """What to type for a batch and its micro-steps."""
    assert facts.batch is not None
    told = typed(facts.batch, batch, facts.script)
    if times == 1:
        return told
    if facts.accumulation is not None:
        return f"{told}; {typed(facts.accumulation, facts.accumulation.value * times, facts.script)}"
    return f"{told}; {_ACCUMULATED.get(facts.framework, _ACCUMULATED['torch']).format(times=times)}"


def typed(knob: Knob, value: int, script: str) -> str:
    """A number where the user turns it."""
    if knob.kind in ("argument", "option"):
        return f"{knob.name}={value}" if knob.name.startswith("--") or "=" in knob.name else f"{knob.name} {value}"
    if knob.kind == "loader":
        return f"DataLoader(…, batch_size={value})"
    if knob.kind == "framework":
        return f"batch_size={value} in fit(), or dataset.batch({value})"
    line = knob.places[0].partition(":")[0] if knob.places else "?"
    return f"{script}:{line}: {knob.name} = {value}"
