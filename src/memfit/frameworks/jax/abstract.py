"""A JAX job whose programs are not run: what each would be called with is kept, and arrays that hold nothing returned.

Every jitted function and every operation outside of one comes to ``pjit._pjit_call_impl_python`` with its jaxpr when
JAX has no compiled program for it (tried with jax 0.8.2, 0.9.2, 0.10.2 and 0.12.0); here none is ever kept. Small
programs that touch only values that are real are run as they are: keys, counters, schedules.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.errors import CannotSimulate
from memfit.frameworks.jax.placeholders import Placeholders

_MEMFIT = str(Path(__file__).parents[2])
_REAL_BYTES = 4 << 10  # programs up to here are run, where all that they are given is real
# Of the largest program that comes again and again, where no training step was seen: a loop that infers, or whose
# gradients are not JAX's. Setting up a model calls no program as often.
_ENOUGH_CALLS = 2000


@dataclass(slots=True)
class Program:
    """One program of the job, with what its fullest call had beside it.

    Args:
        name: the function's.
        arguments: what JAX lowers it for.
        outputs: abstract values of its results, with their shardings; committed: whether they are bound to them.
        options: of the call, its jaxpr among them.
        bound_bytes: no plan of it can come to more beside its arguments: every value between is counted once.
    """

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    bound_bytes: int
    outputs: list[tuple[Any, Any]]
    committed: bool
    held_bytes: int = 0
    arguments_held_bytes: int = 0
    step: int = 0
    where: str = ""
    calls: int = 0
    trains: bool = False

    @property
    def most_bytes(self) -> int:
        """No run of it can come to more."""
        return self.held_bytes + self.bound_bytes


class AbstractRun:
    """Stands in the place of the call, for as long as the process lives.

    Args:
        step: how many training steps were made.
        root: the folder of the job's own files.
        enough: called when the largest program was called so often that nothing new is to come.
    """

    def __init__(self, step: Callable[[], int], root: Path, enough: Callable[[], None]) -> None:
        import jax
        import numpy
        from jax._src import core, dispatch, pjit, sharding_impls
        from jax._src.interpreters import pxla

        for owner, name in (
            (pjit, "_pjit_call_impl_python"), (pjit, "_resolve_and_lower"),
            (pjit, "convert_to_metaty"), (pxla, "global_aval_to_result_handler"),
            (dispatch, "_device_put_impl"),
        ):  # fmt: skip
            if not hasattr(owner, name):
                raise CannotSimulate(
                    f"JAX {jax.__version__} calls its programs in another way than memfit knows",
                    hint="jax 0.8 to 0.12 are known; name an interpreter that has one with --python",
                )
        self._jax, self.core, self._pxla, self._pjit, self._shardings = jax, core, pxla, pjit, sharding_impls
        self._dispatch, self._put_real = dispatch, dispatch._device_put_impl
        self._real = pjit._pjit_call_impl_python
        self._step, self._root, self._enough = step, str(root), enough
        self.placeholders = Placeholders(jax, numpy)
        self.programs: dict[Any, Program] = {}
        self.devices = jax.devices()
        self.version = jax.__version__
        self._since: list[Program] = []
        self._bounds: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def install(self) -> None:
        """From here on nothing of size is computed."""
        self._pjit._pjit_call_impl_python = self._call
        self._dispatch._device_put_impl = self._put

    def answer_for(self, platform: str) -> None:
        """What a job is told that asks for the device by its kind: this process's own devices.

        Who asks which kind is the default is told of a TPU, but not of a GPU: libraries then ask cuDNN at once for the
        sizes of its kernels, and cuDNN is not there.
        """
        from jax._src import xla_bridge

        backend = xla_bridge.get_backend("cpu")
        for name in {platform, "gpu" if platform == "cuda" else platform}:
            xla_bridge._backends.setdefault(name, backend)
        if platform == "tpu":
            self._jax.default_backend = lambda: platform

    def stepped(self) -> None:
        """A training step was made: by the largest program since the last one."""
        if self._since:
            max(self._since, key=lambda each: each.bound_bytes).trains = True
            self._since.clear()

    def has_trained(self) -> bool:
        """Whether a program of a training step was called."""
        return any(each.trains for each in self.programs.values())

    # -- a call ------------------------------------------------------------------------------------------------

    def _call(self, *args: Any, **options: Any) -> Any:
        jaxpr = options["jaxpr"]
        real = self._is_small_and_real(args, jaxpr)
        program = self._program(args, options, real)
        self._note(program, args)
        if real:
            return self._real(*args, **options)
        outputs = [
            self.placeholders.of_aval(aval, sharding, program.committed, self._pxla, self.core)
            for aval, sharding in program.outputs
        ]
        for arg, donated in zip(args, options["donated_invars"], strict=False):
            if donated and isinstance(arg, self._jax.Array) and not self._is_key(arg):
                arg.delete()
        if program.calls >= _ENOUGH_CALLS and not any(each.trains for each in self.programs.values()):
            again = (each.bound_bytes for each in self.programs.values() if each.calls >= _ENOUGH_CALLS // 2)
            if program.bound_bytes >= max(again):
                self._enough()
        return outputs, None, None, []

    def _put(self, x: Any, *, device: Any, **options: Any) -> Any:
        """An array that holds nothing, spread over devices, is another one."""
        if isinstance(device, self._jax.sharding.Sharding) and self.placeholders.knows(x):
            return self.placeholders.of_aval(self.core.typeof(x), device, True, self._pxla, self.core)
        return self._put_real(x, device=device, **options)

    def _is_small_and_real(self, args: tuple[Any, ...], jaxpr: Any) -> bool:
        if any(self.placeholders.knows(arg) for arg in (*args, *jaxpr.consts)):
            return False
        return sum(aval_bytes(aval, self.core) for aval in (*jaxpr.in_avals, *jaxpr.out_avals)) <= _REAL_BYTES

    def _program(self, args: tuple[Any, ...], options: dict[str, Any], real: bool) -> Program:
        types = tuple(self._pjit.convert_to_metaty(arg) for arg in args)
        jaxpr = options["jaxpr"]
        bound = self._bounds.get(jaxpr)
        if bound is None:
            bound = self._bounds[jaxpr] = bound_of(jaxpr.jaxpr, self.core)
        # A function that is jitted anew in every round is one program, though its jaxpr is another each time.
        values = tuple((str(each.aval), each.sharding) for each in types)
        key = (str(options["name"]), bound, values, tuple(map(str, jaxpr.out_avals)), real)
        found = self.programs.get(key)
        if found is None:
            shardings, committed = ((), False) if real else self._placed(types, args, options)
            found = Program(
                name=str(options["name"]),
                arguments=types,
                options=options,
                bound_bytes=bound + sum(aval_bytes(aval, self.core) for aval in jaxpr.in_avals),
                outputs=list(zip(jaxpr.out_avals, shardings, strict=not real)),
                committed=committed,
            )
            self.programs[key] = found
        return found

    def _placed(self, types: tuple[Any, ...], args: tuple[Any, ...], options: dict[str, Any]) -> tuple[list[Any], bool]:
        """Where results lie, and whether they stay there: as JAX says it of one device, or its compiler of several."""
        said = list(options["out_shardings"])
        if len(self.devices) > 1:
            lowered = self._lower(types, options, None)
            compiled = lowered.compile()
            committed = bool(lowered.compile_args.get("committed", True))
            return list(compiled._out_shardings), committed
        here = self._shardings.SingleDeviceSharding(self.devices[0])
        free = self._shardings.UnspecifiedValue
        committed = any(getattr(arg, "_committed", False) for arg in args)
        return [here if isinstance(each, free) else each for each in said], committed

    def _lower(self, types: tuple[Any, ...], options: dict[str, Any], platform: str | None) -> Any:
        from jax._src.interpreters import mlir

        return self._pjit._resolve_and_lower(
            types,
            **options,
            lowering_platforms=None if platform is None else (platform,),
            lowering_parameters=mlir.LoweringParameters(),
            pgle_profiler=None,
        )

    def lowered(self, program: Program, platform: str | None) -> Any:
        """The program for a platform, not compiled."""
        return self._lower(program.arguments, program.options, platform)

    def _is_key(self, arg: Any) -> bool:
        return hasattr(arg, "_base_array")

    # -- what is alive -----------------------------------------------------------------------------------------

    def _note(self, program: Program, args: tuple[Any, ...]) -> None:
        held = self.held_bytes()
        passed = [getattr(arg, "_base_array", arg) for arg in args]
        arrays = {id(each): each for each in passed if isinstance(each, self._jax.Array)}
        taken = sum(device_bytes(each) for each in arrays.values())
        sent = sum(int(getattr(each, "nbytes", 0)) for each in passed if id(each) not in arrays)
        program.calls += 1
        self._since.append(program)
        if program.calls == 1 or held + sent > program.held_bytes:
            program.held_bytes, program.arguments_held_bytes = held + sent, taken + sent
            program.step, program.where = self._step(), self._user_line()

    def held_bytes(self) -> int:
        """What the job's arrays take on the first device."""
        first = self.devices[0]
        return sum(
            device_bytes(array)
            for array in self._jax.live_arrays()
            if not array.is_deleted() and first in array.sharding.device_set
        )

    def _user_line(self) -> str:
        frame: Any = sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(self._root) and "site-packages" not in name and not name.startswith(_MEMFIT):
                return f"{Path(name).name}:{frame.f_lineno}"
            frame = frame.f_back
        return ""


def device_bytes(array: Any) -> int:
    """What an array takes on one of its devices."""
    try:
        return int(math.prod(array.sharding.shard_shape(array.shape)) * array.dtype.itemsize)
    except (AttributeError, ValueError, TypeError):
        return int(getattr(array, "nbytes", 0))


def aval_bytes(aval: Any, core: Any) -> int:
    """What a value of this shape and type takes; 0 for what has none."""
    try:
        physical = core.physical_aval(aval)
        return int(math.prod(physical.shape) * physical.dtype.itemsize)
    except (AttributeError, TypeError):
        return 0


def bound_of(jaxpr: Any, core: Any) -> int:
    """Every value that a jaxpr computes, once: no buffer assignment needs more, but for padding."""
    total = 0
    for eqn in jaxpr.eqns:
        total += sum(aval_bytes(var.aval, core) for var in eqn.outvars)
        total += sum(bound_of(inner, core) for inner in inner_jaxprs(eqn.params))
    return total


def inner_jaxprs(params: dict[str, Any]) -> Iterator[Any]:
    """The jaxprs that an equation calls: loops' bodies, branches, functions."""
    for value in params.values():
        for each in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(each, "eqns"):
                yield each
            elif hasattr(getattr(each, "jaxpr", None), "eqns"):
                yield each.jaxpr
