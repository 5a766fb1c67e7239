"""Matrices that XGBoost makes of an iterator: which of its batches probes have, and what the script has meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from memfit.frameworks.xgboost import batches
from memfit.frameworks.xgboost.batches import Batches, batches_of, made_anew


class Iterator:
    """Four batches of three rows, in the shape of xgboost.DataIter."""

    def __init__(self) -> None:
        self.at, self.cache_prefix, self.prefixes = 0, "own", set[str]()

    def reset(self) -> None:
        self.at = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        self.prefixes.add(str(self.cache_prefix))
        if self.at == 4:
            return False
        input_data(data=SimpleNamespace(shape=(3, 2)), label=[0] * 3)
        self.at += 1
        return True


def library() -> Any:
    """A module whose matrices count the rows that they are given."""

    class DMatrix:
        def __init__(self, data: Any, **settings: Any) -> None:
            self.rows, self.settings = 0, settings

            def take(*, data: Any, **_: Any) -> None:
                self.rows += data.shape[0]

            data.reset()
            while data.next(take):
                pass

    return SimpleNamespace(DMatrix=DMatrix, DataIter=Iterator)


def test_the_script_has_the_first_batch_and_probes_have_more() -> None:
    """All batches are counted; the iterator is the script's own again afterwards, its cache's name too."""
    core = library()
    batches.install(core, lambda call: None)
    iterator = Iterator()

    matrix = core.DMatrix(iterator, missing=0)
    known = batches_of(matrix)
    with made_anew(0.5) as like:
        part = like(matrix)

    assert known is not None
    assert (known.rows, known.columns) == ((3, 3, 3, 3), 2)
    assert (matrix.rows, part.rows) == (3, 6)
    assert part.settings == {"missing": 0}
    assert (iterator.cache_prefix, "next" in vars(iterator)) == ("own", False)
    assert len(iterator.prefixes) == 3  # the counting's own, and a folder for each of the two matrices


def test_a_matrix_of_other_data_is_left_alone() -> None:
    """Tables are what the library makes of them."""
    core = library()
    batches.install(core, lambda call: None)
    iterator = SimpleNamespace(reset=lambda: None, next=lambda take: False)

    matrix = core.DMatrix(iterator)

    assert batches_of(matrix) is None


@pytest.mark.parametrize(
    ("kind", "count", "wanted"),
    [
        ("QuantileDMatrix", 4, [1, 2, 4]),
        ("QuantileDMatrix", 100, [7, 13, 25, 50]),
        ("ExtMemQuantileDMatrix", 6, [3, 6]),
        ("ExtMemQuantileDMatrix", 1_000, [8, 12, 24]),
    ],
)
def test_probes_have_whole_batches(kind: str, count: int, wanted: list[int]) -> None:
    """Of external memory no more however many there are, since no more are held."""
    known = Batches(
        kind=type(kind, (), {}), make=print, iterator=None, kwargs={}, ref=None, rows=(10,) * count, columns=3,
        held_bytes=0,
    )  # fmt: skip

    assert [size // 10 for size in known.sizes] == wanted
    assert known.share_for(wanted[0] * 10) == wanted[0] / count
