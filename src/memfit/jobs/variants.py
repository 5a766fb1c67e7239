"""A warm process that has loaded the framework once and forks a child for every variant of a job.

    python -m memfit.jobs.variants [MODULE...]

Loads the named modules of libraries, too. Reads the folder of a request from each line of its input (as jobs.child
takes it), answers with a line when that child has ended. An estimate of a changed job so costs its simulation alone.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path

from memfit.jobs.child import Child
from memfit.jobs.ranks import rank_environment
from memfit.jobs.running import stay_offline
from memfit.registry import adapter


def main() -> None:
    """Serve until the input ends."""
    stay_offline()
    adapter("torch")
    for name in ("memfit.frameworks.torch.simulation", "memfit.frameworks.torch.facts", "torch._dynamo"):
        importlib.import_module(name)
    for name in sys.argv[1:]:
        with contextlib.suppress(ImportError):  # the job that needs it says so
            importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            _work(Path(line.strip()))
        os.waitpid(pid, 0)
        answers.write("done\n")
        answers.flush()


def _work(folder: Path) -> None:
    """Be the child of one request; does not return."""
    try:
        log = os.open(folder / "job.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        child = Child(folder)
        os.environ.update(rank_environment(child.request))
        child.work()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
