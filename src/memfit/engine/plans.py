"""What a compiler plans for a program: the figures of its buffer assignment, and where in a job the program runs.

Plain data: whoever compiles hands it over, and the estimate adds it up with what is alive beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One program's memory on one device, in bytes.

    Args:
        argument_bytes: of its arguments, as the device lays them out.
        output_bytes: of its results.
        alias_bytes: of results that take the place of arguments.
        temp_bytes: of all between.
        code_bytes: of the program itself, where it lies in the same memory.
        convolution_bytes: of the operands and the result of its largest convolution: what trying algorithms takes.
        stand_in: whether another device's compiler planned it.
    """

    argument_bytes: int
    output_bytes: int
    alias_bytes: int
    temp_bytes: int
    code_bytes: int = 0
    convolution_bytes: int = 0
    stand_in: bool = False

    @property
    def added_bytes(self) -> int:
        """What running it takes beside its arguments."""
        return max(self.output_bytes - self.alias_bytes, 0) + self.temp_bytes + self.code_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """The fullest run of a program within a job.

    Args:
        name: the function's.
        plan: the compiler's.
        held_bytes: what the job's arrays take on the device when it starts, its arguments among them.
        arguments_held_bytes: of those that are arguments.
        step: training steps made before it.
        where: the line of the job's own code, "train.py:42", "" where none is.
        trains: whether it belongs to a training step.
    """

    name: str
    plan: Plan
    held_bytes: int
    arguments_held_bytes: int
    step: int
    where: str = ""
    trains: bool = False

    @property
    def padding_bytes(self) -> int:
        """What its arguments take on the device beyond their values."""
        return max(self.plan.argument_bytes - self.arguments_held_bytes, 0)

    @property
    def peak_bytes(self) -> int:
        """The device's arrays and buffers while it runs."""
        return self.held_bytes + self.padding_bytes + self.plan.added_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """What a job's programs come to.

    Args:
        runs: the programs that were compiled, the fullest first.
        unplanned: programs that cannot reach the peak, and were not compiled.
        carried_bytes: results of the training step that have the kind of an argument: what it hands on to the next.
        steps: training steps seen.
        assumptions: slug → sentence.
        versions: of the packages that planned.
    """

    runs: tuple[PlannedRun, ...]
    unplanned: int
    carried_bytes: int
    steps: int
    assumptions: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
