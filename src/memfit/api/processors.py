"""Models' files run on processors: the machine that is named for one, with the memory to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memfit.api.named import machine_words
from memfit.documents import Estimate, Machine
from memfit.errors import UnknownMachine, UsageError
from memfit.jobs.machine import device_count
from memfit.machines import WholeMachine, chosen


def processor_of(target: str, words: Sequence[str], *, on: str | None) -> tuple[WholeMachine | None, list[str]]:
    """The machine that is named before or behind a file, None for this one, and the words that are left.

    Raises:
        UnknownMachine: there is none of that name.
        UsageError: it is an accelerator, or ranks are asked for.
    """
    on, ranks, rest = machine_words(target, words, on=on)
    if ranks is not None:
        raise UsageError(f"{target} runs in one process", hint="leave --ranks out", slug="bad-ranks")
    return (None if on is None or on == "cpu" else _named(on, target)), rest


def _named(on: str, target: str) -> WholeMachine:
    try:
        found = [each for each in chosen([on]) if each.name.lower() == on.strip().lower()]
    except UnknownMachine:
        found = []
    if found:
        return found[0]
    device_count(on)  # says that nobody knows the name, and what is near it
    raise UsageError(
        f"{target} is estimated for processors, and {on} is an accelerator",
        hint=f"name a machine: memfit estimate {target} --on raspberry-pi-5-4gb (`memfit machines` lists them)",
        slug="no-delegate",
    )


def memory_of(machine: WholeMachine | None) -> int | None:
    """The memory to judge by; None for this machine's, beside what others hold of it."""
    return None if machine is None else machine.usable_ram_bytes


def on_machine(made: Estimate, machine: WholeMachine | None, *, seconds: float) -> Estimate:
    """The estimate under the machine's name, with what it took."""
    made = replace(made, cost={"seconds": round(seconds, 2)})
    return made if machine is None else replace(made, machine=Machine(name=machine.name, details={"device_count": 0}))
