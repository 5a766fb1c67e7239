"""A .tflite file → the estimate document, by its tensors and the rules of LiteRT or TFLite Micro; nothing runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from memfit.api.processors import memory_of, on_machine, processor_of
from memfit.documents import Assumption, Component, Estimate
from memfit.errors import UsageError
from memfit.estimating import exactly
from memfit.jobs.computed import computed_estimate
from memfit.litert import host, micro
from memfit.litert.model import FLOAT32, Model, in_eight_bits, read_model
from memfit.machines import LITERT, MICRO, MICROCONTROLLER, PHONE, WholeMachine
from memfit.quantities import KIB, MIB, Basis, ByteRange, Category, format_bytes, format_finely
from memfit.recipes.wishes import Words, count

# Whose rules these are (memfit.litert.host, memfit.litert.micro).
_VERSIONS = {LITERT: "ai-edge-litert 2.3.0", MICRO: "tflite-micro of 2026-08-20"}
_EXAMPLE = "memfit estimate model.tflite --on raspberry-pi-5-4gb"
# Python 3.11 with NumPy 2.4 and ai-edge-litert 2.3.0 before a model is opened (35.65 MiB) and the library's code that
# running one brings in (3.75 MiB), measured by benchmarks.litert; a program in C++ has the latter alone. What an app on
# a phone has around it was not measured.
_PYTHON = ByteRange(low=4 * MIB, expected=round(39.4 * MIB), high=48 * MIB)
_APP = ByteRange(low=4 * MIB, expected=8 * MIB, high=48 * MIB)
# Of a microcontroller's program beside the arena: its stack, buffers of its sensors, the system's own.
_FIRMWARE = ByteRange(low=4 * KIB, expected=16 * KIB, high=48 * KIB)


def estimate_litert(
    target: str, words: Sequence[str], *, on: str | None, host_memory_bytes: int | None = None
) -> Estimate:
    """What a runtime for small devices would hold of a model.

    Args:
        target: the file.
        words: how it is run: ``--batch`` and ``--runtime``.
        on: a machine of the catalogue, "raspberry-pi-5-4gb", or "cpu"; None for this machine.
        host_memory_bytes: to judge the host by.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.
    """
    began = time.monotonic()
    machine, rest = processor_of(target, words, on=on)
    options = _read(rest, f"memfit estimate {target}")
    model = read_model(Path(target), options.batch or 1)
    small = machine is not None and machine.kind == MICROCONTROLLER
    runtime = options.runtime or (MICRO if small else LITERT)
    if machine is not None and small and runtime == LITERT:
        raise UsageError(
            f"LiteRT does not run on {machine.name}: it has no operating system", hint="leave --runtime out"
        )
    is_micro = runtime == MICRO
    custom = sorted({each.name for graph in model.graphs for each in graph.operators if each.is_custom})
    made = computed_estimate(
        {"kind": "model", "name": target, "arguments": rest, "runtime": runtime},
        [],
        _micro(model, on_board=small) if is_micro else _litert(model, machine),
        on=None,
        assumptions=_assumptions(model, options, custom, is_micro=is_micro),
        versions={runtime: _VERSIONS[runtime]},
        host_memory_bytes=host_memory_bytes or memory_of(machine),
        is_whole=not custom,
    )
    return on_machine(made, machine, seconds=time.monotonic() - began)


def _read(words: Sequence[str], prog: str) -> argparse.Namespace:
    made = Words(prog, example=_EXAMPLE, description="Run a TensorFlow Lite model once.", allow_abbrev=False)
    made.add_argument("--batch", type=count, metavar="N", help="examples at once, where the file leaves it open (1)")
    made.add_argument(
        "--runtime",
        choices=(LITERT, MICRO),
        help="TFLite Micro is what microcontrollers are taken to run, LiteRT all others",
    )
    return made.parse_args(list(words))


def _litert(model: Model, machine: WholeMachine | None) -> list[Component]:
    held = host.held(model)
    program, source = (_APP, "an app") if machine is not None and machine.kind == PHONE else (_PYTHON, "Python, NumPy")
    return [
        exactly(Category.PARAMETERS, held.file + held.packed, "the file, mapped, and weights packed for XNNPACK"),
        Component(
            category=Category.ACTIVATIONS,
            range=_plan(held),
            basis=Basis.COMPUTED,
            source="all tensors at once: shapes are computed"
            if held.computed_shapes
            else "tensors, as LiteRT places them",
        ),
        Component(
            category=Category.TEMPORARIES, range=held.tables, basis=Basis.COMPUTED, source="XNNPACK's lists of inputs"
        ),
        Component(
            category=Category.FRAMEWORK,
            range=program,
            basis=Basis.ASSUMED if source == "an app" else Basis.MEASURED,
            source=f"{source} and LiteRT; low is a program in C++",
        ),
    ]


def _plan(held: host.Held) -> ByteRange:
    """As placed; where tensors share nothing, copies that kernels make come on top."""
    if not held.computed_shapes:
        return ByteRange.exactly(held.plan)
    return ByteRange(low=held.plan // 2, expected=held.plan, high=round(1.25 * held.plan))


def _micro(model: Model, *, on_board: bool) -> list[Component]:
    """The arena, and on a board what its program holds beside it."""
    build = micro.BITS_32 if on_board else micro.BITS_64
    plain, arm = micro.arena(model, build), micro.arena(model, build, optimised=True)
    head = max(plain.plan, plain.making)
    parts = [
        Component(
            category=Category.ACTIVATIONS,
            range=ByteRange(low=head, expected=head, high=max(head, arm.plan, arm.making)),
            basis=Basis.COMPUTED,
            source="tensors and scratch in the arena; high has the scratch of Arm's kernels",
        ),
        exactly(Category.FRAMEWORK, plain.tail - plain.variables, "the arena's records of tensors and operators"),
    ]
    if plain.variables:
        parts.append(exactly(Category.CACHE, plain.variables, "tensors that stay from run to run, in the arena"))
    if on_board:
        parts.append(
            Component(category=Category.OTHER, range=_FIRMWARE, basis=Basis.ASSUMED, source="the program's own memory")
        )
    return parts


def _assumptions(
    model: Model, options: argparse.Namespace, custom: Sequence[str], *, is_micro: bool
) -> tuple[Assumption, ...]:
    operators = sum(len(graph.operators) for graph in model.graphs)
    told = [
        Assumption(
            slug="by-litert",
            text=f"{operators:,} operators and {format_bytes(model.stored_bytes)} of weights by the file's tables, "
            f"placed by the rules of {'TFLite Micro' if is_micro else 'LiteRT with XNNPACK'}; nothing was run",
        )
    ]
    if is_micro:
        told.append(
            Assumption(
                slug="model-in-flash",
                text=f"the model's {format_bytes(model.file_bytes)} stay in flash, beside the runtime's code (some "
                "100 KiB); copied into RAM they come on top",
                effect_bytes=model.file_bytes,
            )
        )
    if custom:
        told.append(
            Assumption(
                slug="custom-kernels",
                text=f"what the program's own kernels keep is not known ({', '.join(custom)[:200]}): no verdict but a "
                "refusal is given",
            )
        )
    if model.open_batch and options.batch is None:
        told.append(
            Assumption(slug="one-example", text="the file leaves the batch open: one example; --batch N says more")
        )
    if _in_floats(model):
        told.append(_in_eight_bits(model, is_micro=is_micro))
    return tuple(told)


def _in_floats(model: Model) -> bool:
    return any(each.kind == FLOAT32 and not each.constant for graph in model.graphs for each in graph.tensors)


def _in_eight_bits(model: Model, *, is_micro: bool) -> Assumption:
    """What the same graph would take after full integer quantisation, by the same rules."""
    smaller = in_eight_bits(model)
    if is_micro:
        now, then = (micro.arena(each, micro.BITS_32).bytes for each in (model, smaller))
        what = f"an arena of {format_finely(then)} instead of {format_finely(now)}"
    else:
        now, then = (held.packed + held.plan for held in map(host.held, (model, smaller)))
        what = f"{format_finely(then)} of packed weights and tensors instead of {format_finely(now)}"
    return Assumption(
        slug="eight-bits",
        text=f"it computes in floats; quantised to 8-bit integers it would take {what}, and a file of about "
        f"{format_finely(smaller.file_bytes)}",
        effect_bytes=now - then,
    )
