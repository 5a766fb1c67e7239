"""One TensorFlow job with its whole batches, as it would go on a GPU: what its allocator held. Runs in a process alone.

    python -m benchmarks.compiled.executed_child SCRIPT ARGUMENTS…

Prints a line of JSON: what memfit's ledger tells, and what the allocator itself counted as its peak in all steps.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
from typing import Any

from memfit.frameworks.tensorflow.allocator import SURROUNDINGS
from memfit.jobs.small import Counted
from memfit.probing.small_batches import SmallBatches
from memfit.recording.child.imports import Watch
from memfit.registry import AS_ON_GPU, MARKS

_STEPS = 3


class _Done(BaseException):
    """Leaves the job after its last step."""


class _Steps(Counted):
    """Begins the ledger behind the first step, and ends the job behind the last."""

    def __init__(self, small: SmallBatches) -> None:
        super().__init__(_STEPS, lambda: None)
        self.small = small

    def stepped(self) -> None:
        """One more."""
        self.small.stepped()
        if self.steps >= _STEPS:
            raise _Done


def main() -> None:
    """Run the script that is named."""
    os.environ.update(SURROUNDINGS)
    small = SmallBatches(1, _STEPS)
    steps = _Steps(small)
    watch = Watch(lambda text: print(text, file=sys.stderr))
    hooks: list[tuple[str, Any]] = [(AS_ON_GPU["tensorflow"], small)]
    hooks += [(MARKS[name], steps) for name in ("keras", "tensorflow")]
    for module, given in hooks:
        for name, install in importlib.import_module(module).HOOKS.items():
            watch.after(name, lambda found, install=install, given=given: install(found, given))
    watch.start()
    sys.argv = sys.argv[1:]
    with contextlib.suppress(_Done), contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(sys.argv[0], run_name="__main__")
    whole = sys.modules["tensorflow"].config.experimental.get_memory_info("CPU:0")["peak"]
    assert small.ledger is not None
    told = {name: value for name, value in small.ledger.told().items() if name != "blocks"}
    print(json.dumps({"steps": steps.steps, "allocator_bytes": whole, **told}))


if __name__ == "__main__":
    main()
