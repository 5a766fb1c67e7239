"""A JAX job of small batches: JAX has no loader to cut, but runs behind the script, and is waited for at the end.

What a job compiles before its first step is mostly random numbers for weights, and half of an estimate's time: such
programs, which are called once, are compiled without XLA's machine code optimisation.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from memfit.probing.small_batches import SmallBatches

_WORK = ("dot_general", "convolution")  # a program with one of these is a model's
_LARGE = 200_000  # characters of a program that is not read to the end: no random number needs as many
_CONSTANTS = 16  # elements of constants that are spelled out


def install(module: Any, small: SmallBatches) -> None:
    """What was dispatched is computed before the peak is read; programs tell their plans, and are compiled quickly."""
    small.at_the_end(lambda: module.block_until_ready(module.live_arrays()))
    compiler: Any = sys.modules.get("jax._src.compiler")
    if hasattr(compiler, "compile_or_get_cached"):
        compiler.compile_or_get_cached = _followed(compiler.compile_or_get_cached, small)


def _followed(original: Callable[..., Any], small: SmallBatches) -> Callable[..., Any]:
    @functools.wraps(original)
    def compile_or_get_cached(backend: Any, computation: Any, devices: Any, options: Any, *args: Any, **kw: Any) -> Any:
        debug = getattr(getattr(options, "executable_build_options", None), "debug_options", None)
        if debug is not None and not _works(computation):
            debug.xla_backend_optimization_level = 0
            debug.xla_llvm_disable_expensive_passes = True
        made = original(backend, computation, devices, options, *args, **kw)
        small.planned(_planned_bytes(made))
        return made

    return compile_or_get_cached


def _planned_bytes(made: Any) -> int:
    """All that a program needs by its plan; 0 where it does not tell."""
    try:
        plan = made.get_compiled_memory_stats()
        kept = plan.output_size_in_bytes - plan.alias_size_in_bytes
        return int(plan.argument_size_in_bytes + kept + plan.temp_size_in_bytes)
    except Exception:  # another version's
        return 0


def _works(computation: Any) -> bool:
    """Whether a program multiplies matrices or convolves; one that cannot be read does."""
    try:
        text = computation.operation.get_asm(large_elements_limit=_CONSTANTS)
    except Exception:  # another version's MLIR
        return True
    return len(text) > _LARGE or any(word in text for word in _WORK)


def has_started() -> bool:
    """Whether a backend is there, with its threads."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bool(getattr(bridge, "_backends", None))


HOOKS: dict[str, Callable[[Any, SmallBatches], None]] = {"jax": install}
