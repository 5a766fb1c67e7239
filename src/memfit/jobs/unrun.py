"""The child for JAX jobs on the CPU that must not be run: their programs are planned by this machine's own compiler.

    python -m memfit.jobs.unrun FOLDER

The folder is as for jobs.child. As in jobs.planning the script runs and its programs do not; what of its own process
is seen, imports and data, is measured, and what compiling and malloc keep beyond the plan is a range.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memfit.documents import Estimate
from memfit.engine.plans import PlannedJob
from memfit.jobs.planned import document_without_a_run
from memfit.jobs.planning import Planning, surroundings
from memfit.jobs.running import stay_offline
from memfit.sensors import process_memory


class Unrun(Planning):
    """One job being planned for the machine that plans it."""

    made_bytes = 0

    def _target(self) -> Any:
        return importlib.import_module("memfit.frameworks.jax.targets").host_target()

    def _plan(self) -> None:
        now = process_memory()
        self.made_bytes = now.rss_bytes if now is not None else 0
        self.assume(
            "not-run",
            "nothing was run (--no-run): the figure is the compiler's plan, and what compiling and malloc take beyond "
            "it as other jobs did",
        )
        super()._plan()

    def _document(self, planned: PlannedJob, assumed: Mapping[str, str]) -> Estimate:
        return document_without_a_run(
            self.request,
            planned,
            made_bytes=self.made_bytes,
            assumed=assumed,
            seconds=time.monotonic() - self.started,
        )


def main() -> None:
    """Work on the folder named on the command line."""
    child = Unrun(Path(sys.argv[1]))
    os.environ.update(surroundings(1, os.environ))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
