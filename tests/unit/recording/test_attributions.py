"""Containers that grow, kinds of objects, caches, and the probes that disturb."""

from __future__ import annotations

import functools
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from memfit.quantities import Held
from memfit.recording.child import probes
from memfit.recording.child.attributions import add
from memfit.recording.child.containers import Containers, size_of
from memfit.recording.child.marker import Marker

grown_here: list[int] = []
plain_values: dict[int, int] = {}


class Record:
    def __init__(self) -> None:
        self.itself = self


@functools.cache
def remembered(number: int) -> int:
    return number


def of(found: list[Held], category: str, part: str) -> Held | None:
    return next((held for held in found if held.category == category and part in held.label), None)


def test_a_list_that_grows() -> None:
    """Named by its owner, with its size, and growing once it was seen larger."""
    grown_here.extend(range(10**6, 10**6 + 2000))
    look = Containers()
    first = look.look()
    grown_here.extend(range(2 * 10**6, 2 * 10**6 + 2000))

    second = of(look.look(), "container", "`grown_here`")

    assert second is not None
    assert (second.label, second.count, second.grows) == ("list `grown_here`", 4000, True)
    assert second.where == "test_attributions.py"
    assert second.held_bytes == pytest.approx(4000 * (8 + 28), rel=0.2)
    assert of(first, "container", "`grown_here`") is None  # small, and not known to grow


@pytest.mark.parametrize(
    "grow",
    [lambda into, at: into.append(at), lambda into, at: into.add(at), lambda into, at: into.update({at: [at]})],
    ids=["deque", "set", "dict"],
)
def test_other_containers(grow: Any, request: pytest.FixtureRequest) -> None:
    """Also as a local of the function that runs."""
    mine = {"deque": deque(), "set": set(), "dict": {}}[request.node.callspec.id]
    look = Containers()
    for at in range(4000):
        grow(mine, at)
        if at == 2000:
            look.look()

    found = of(look.look(), "container", "`mine`")

    assert found is not None
    assert found.grows


def test_a_dict_of_plain_values() -> None:
    """The collector does not track it: it is found in the globals."""
    look = Containers()
    plain_values.update(dict.fromkeys(range(2000), 0))
    look.look()
    plain_values.update(dict.fromkeys(range(5000), 0))

    found = of(look.look(), "container", "`plain_values`")

    assert found is not None
    assert (found.count, found.grows) == (5000, True)


def test_objects_that_become_more() -> None:
    """By their class, with how many there are."""
    look = Containers()
    look.look()
    records = [Record() for _ in range(3000)]

    found = of(look.look(), "objects", "Record")

    assert found is not None
    assert (found.count, found.grows) == (len(records), True)


def test_a_cache_without_bound() -> None:
    """functools.cache, by the function it belongs to."""
    for number in range(1500):
        remembered(number)
    look = Containers()
    look.look()
    for number in range(3000):
        remembered(number)

    found = of(look.look(), "cache", "remembered()")

    assert found is not None
    assert (found.count, found.grows) == (3000, True)


def test_arrays_count_with_their_data() -> None:
    """An array in a list is as large as its data."""
    numpy = pytest.importorskip("numpy")

    arrays = [numpy.zeros(1000) for _ in range(100)]

    assert size_of(arrays) == pytest.approx(100 * 8000, rel=0.05)


def test_classes_of_the_job_are_not_called() -> None:
    """An element whose class has opinions about its size is taken by its bare size."""

    class Strange(list[int]):
        def __sizeof__(self) -> int:
            raise AssertionError

        def __len__(self) -> int:
            raise AssertionError

        @property
        def nbytes(self) -> int:
            raise AssertionError

    kept = [Strange() for _ in range(2000)]

    Containers().look()
    assert size_of(kept) > 2000 * 8


def test_a_probe_that_frees_nothing_says_so() -> None:
    """ "Tested, not it" is a finding."""
    probe = probes.Probe("garbage", "nothing at all", lambda: 0)

    (found,) = probe.look()

    assert found == Held(category="garbage", label="nothing at all", held_bytes=0, count=0)


def test_a_probe_is_done_a_few_times() -> None:
    """It may disturb the job: at most four times a run."""
    calls = []
    probe = probes.Probe("garbage", "x", lambda: len(calls.append(1) or calls))

    for _ in range(10):
        probe.look()

    assert len(calls) == 4


@pytest.mark.parametrize("name", probes.PROBES)
def test_the_probes_there_are(name: str) -> None:
    """Each runs, and gives one finding."""
    (found,) = probes.PROBES[name]().look()

    assert found.held_bytes is not None


def test_a_probe_that_there_is_not(tmp_path: Path) -> None:
    """It is said in the recording."""
    marker = Marker(str(tmp_path))

    add(marker, ("gc", "magic"))

    (path,) = tmp_path.iterdir()
    assert "there is no probe 'magic'" in path.read_text()
