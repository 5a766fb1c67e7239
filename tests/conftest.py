"""What holds for every test: nothing of the user's own is read or written; the slow ones come first."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of two workers, who begin with a half of the list each, either has half of the slow tests, and has them first.

    What one takes over from the other in the end (`--dist worksteal`) is short, and neither is left alone with minutes.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    middle = len(quick) // 2
    items[:] = [*slow[::2], *quick[:middle], *slow[1::2], *quick[middle:]]
