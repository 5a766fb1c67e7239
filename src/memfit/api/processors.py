"""Models' files run on processors: the machine that is named for one, with the memory to judge it by."""

from __future__ import annotations

from dataclasses import replace

from memfit.documents import Estimate, Machine
from memfit.errors import UnknownMachine, UsageError
from memfit.jobs.machine import device_count
from memfit.machines import WholeMachine, chosen


def processor_of(on: str | None, target: str) -> WholeMachine | None:
    """The machine of that name; None for this one.

    Raises:
        UnknownMachine: there is none.
        UsageError: it is an accelerator.
    """
    if on is None or on == "cpu":
        return None
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


def on_machine(made: Estimate, machine: WholeMachine | None) -> Estimate:
    """The estimate under the machine's name."""
    if machine is None:
        return made
    return replace(made, machine=Machine(name=machine.name, details={"device_count": 0}))
