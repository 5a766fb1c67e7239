"""One process that has loaded what models by name are built with, for the estimates of all tests of a module.

Loading torch, transformers and peft takes ten times what a small model's simulation does. A fork of the process that
has them tells of the devices what a fresh one tells, which test_models_by_name.py holds; of the host it does not, since
a fork comes to hold less.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from memfit.api import estimating
from memfit.documents import Estimate
from memfit.jobs import Request, run_job
from memfit.jobs.warm import Warm

LIBRARIES = ("transformers.modeling_utils", "transformers.models.llama.modeling_llama", "peft", "diffusers")


@pytest.fixture(scope="module")
def in_a_fork() -> Iterator[Callable[[Request], Estimate]]:
    """The estimate of a request by a fork of the one process; ranks that are simulated side by side wait in turn.

    It ends with a module's tests: other modules count the children of the process that runs them.
    """
    turn = threading.Lock()
    with Warm(libraries=LIBRARIES) as process:

        def estimated(request: Request) -> Estimate:
            with turn:
                return process.look_at(request).estimate

        yield estimated


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch, in_a_fork: Callable[[Request], Estimate]) -> None:
    """`estimate` in forks of the one process, where it would simulate a job in a fresh one."""

    def forked(request: Request, *, python: str | None = None, progress: object = None) -> Estimate:
        if request.way != "simulated" or python is not None:
            return run_job(request, python=python)
        return in_a_fork(request)

    monkeypatch.setattr(estimating, "run_job", forked)
