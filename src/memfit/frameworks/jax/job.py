"""From a job's programs to the plans that decide its peak: those are compiled, the rest cannot reach it.

Programs are compiled in the order of what they could come to at most; once that is below a peak that was planned, no
other can be higher, but for padding, for which a share is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from memfit.engine.plans import Plan, PlannedJob, PlannedRun
from memfit.errors import CannotSimulate
from memfit.frameworks.jax.abstract import AbstractRun, Program, aval_bytes, inner_jaxprs
from memfit.frameworks.jax.changes import donated
from memfit.frameworks.jax.targets import DoesNotCompile, Target, plan

_PADDING = 1.5  # assumed: a TPU's layouts of small last dimensions take more than their values


class Planning:
    """The plans of a job's programs, one after the other; what is there when time is up counts.

    Args:
        run: the job, ended.
        target: that is compiled for; where its compiler refuses a program, the CPU's stands in.
        tell: called with the name of each program before it is compiled.
        donates: whether training steps are planned as if what they hand on were donated to them.
    """

    def __init__(self, run: AbstractRun, target: Target, tell: Callable[[str], None], *, donates: bool = False) -> None:
        self.run, self.target, self.tell = run, target, tell
        for program in self._training() if donates else ():
            donated(program)
        self.runs: list[PlannedRun] = []
        self.assumed: dict[str, str] = {}
        self._plans: dict[Any, Plan] = {}

    def work(self) -> None:
        """Compile what can reach the peak."""
        for program in sorted(self.run.programs.values(), key=lambda each: (-each.trains, -each.most_bytes)):
            best = max((each.peak_bytes for each in self.runs), default=0)
            if not program.trains and program.held_bytes + _PADDING * program.bound_bytes <= best:
                continue
            self.runs.append(self._planned(program))

    def told(self, steps: int) -> PlannedJob:
        """What is known now."""
        versions = {"jax": str(self.run.version), "compiler": self.target.version}
        return PlannedJob(
            runs=tuple(sorted(self.runs, key=lambda each: -each.peak_bytes)),
            unplanned=len(self.run.programs) - len(self.runs),
            carried_bytes=max((carried(each, self.run.core) for each in self._training()), default=0),
            steps=steps,
            assumptions=dict(self.assumed),
            versions={name: version for name, version in versions.items() if version},
        )

    def _training(self) -> Iterator[Program]:
        return (each for each in self.run.programs.values() if each.trains)

    def _planned(self, program: Program) -> PlannedRun:
        return PlannedRun(
            name=program.name,
            plan=self._plan(program),
            held_bytes=program.held_bytes,
            arguments_held_bytes=program.arguments_held_bytes,
            step=program.step,
            where=program.where,
            trains=program.trains,
        )

    def _plan(self, program: Program) -> Plan:
        """One for all programs of a name that take values of the same shapes: they differ in what JAX calls weak."""
        jaxpr = program.options["jaxpr"]
        values = (*jaxpr.in_avals, *jaxpr.out_avals)
        key = (program.name, tuple((getattr(a, "shape", ()), str(getattr(a, "dtype", ""))) for a in values))
        if key not in self._plans:
            self.tell(program.name)
            self._plans[key] = self._compiled(program)
        return self._plans[key]

    def _compiled(self, program: Program) -> Plan:
        convolution = largest_convolution(program.options["jaxpr"].jaxpr, self.run.core)
        try:
            results = added_results(program, self.run.core)
            return plan(self.run.lowered(program, self.target.platform), self.target, convolution, results)
        except (DoesNotCompile, NotImplementedError) as error:
            if self.target.platform is None:
                raise CannotSimulate(
                    f"the compiler does not take {program.name}: {error}",
                    hint="if the job runs on such a device, this is memfit's doing: --debug shows the whole story",
                ) from error
            self._assume("plan-of-the-cpu", f"{program.name} was planned by the CPU's compiler, as {error}")
            return plan(self.run.lowered(program, None), Target(platform=None), convolution)

    def _assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text


def carried(program: Program, core: Any) -> int:
    """What a training step hands on to the next, on one device: results of the kinds and shapes that it takes."""
    left = [(a.shape, a.dtype) for a in program.options["jaxpr"].in_avals if hasattr(a, "shape")]
    total = 0
    for aval, sharding in program.outputs:
        kind = (getattr(aval, "shape", None), getattr(aval, "dtype", None))
        if kind in left:
            left.remove(kind)
            total += (
                aval_bytes(aval, core) * math.prod(sharding.shard_shape(aval.shape)) // max(math.prod(aval.shape), 1)
            )
    return total


def added_results(program: Program, core: Any) -> int:
    """What the results take beside the arguments that were donated for them."""
    options = program.options
    donated = zip(options["jaxpr"].in_avals, options["donated_invars"], strict=False)
    given = sum(aval_bytes(aval, core) for aval, is_donated in donated if is_donated)
    return max(sum(aval_bytes(aval, core) for aval in options["jaxpr"].out_avals) - given, 0)


def largest_convolution(jaxpr: Any, core: Any) -> int:
    """Operands and result of the largest convolution."""
    largest = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "conv_general_dilated":
            largest = max(largest, sum(aval_bytes(var.aval, core) for var in (*eqn.invars, *eqn.outvars)))
        for inner in inner_jaxprs(eqn.params):
            largest = max(largest, largest_convolution(inner, core))
    return largest
