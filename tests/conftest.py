"""What holds for every test: nothing of the user's own is read or written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_learnt_constants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was learnt on the machine that runs the tests must not move their figures, nor may they add to it."""
    before = os.environ.get("MEMFIT_LEARNT")
    os.environ["MEMFIT_LEARNT"] = str(Path(tmp_path_factory.mktemp("learnt")) / "learnt.json")
    yield
    if before is None:
        del os.environ["MEMFIT_LEARNT"]
    else:
        os.environ["MEMFIT_LEARNT"] = before
