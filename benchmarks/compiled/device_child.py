"""One JAX job of this benchmark on the device that JAX finds: its own peak, and the plan of every compiled program.

    python -m benchmarks.compiled.device_child NAME BATCH_TIMES

Prints a line of JSON. On a machine without a card the plans are those of the CPU's compiler, and there is no peak.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any

from benchmarks.compiled.cases import CASES

STEPS = 6
_FIELDS = ("argument_size_in_bytes", "output_size_in_bytes", "alias_size_in_bytes", "temp_size_in_bytes")


def main() -> None:
    name, times = sys.argv[1], int(sys.argv[2])
    case = CASES[name]
    import jax
    from jax._src import compiler

    plans: list[dict[str, int]] = []
    compile_it: Any = compiler.compile_or_get_cached

    def compiled(*arguments: Any, **options: Any) -> Any:
        made = compile_it(*arguments, **options)
        try:
            stats = made.get_compiled_memory_stats()
            plans.append({field: int(getattr(stats, field)) for field in _FIELDS})
        except Exception as error:  # of a program without statistics
            print(f"no plan: {error}", file=sys.stderr)
        return made

    compiler.compile_or_get_cached = compiled
    words = [*case.words]
    words[words.index("--batch") + 1] = str(case.batch * times)
    words[words.index("--steps") + 1] = str(STEPS)
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
    device = jax.devices()[0]
    stats = device.memory_stats() or {}
    plans.sort(key=lambda plan: -sum(plan.values()))
    told = {"device": device.device_kind, "jax": jax.__version__, "stats": stats, "plans": plans[:4]}
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
