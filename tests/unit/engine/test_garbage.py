"""What waits for the collector, from a trace whose cyclic storages are known."""

from __future__ import annotations

from memfit.engine.garbage import left_by_a_step, waiting_bytes, where_born
from memfit.engine.trace import Mark, Storage, Trace


def storage(size_bytes: int, born: int, died: int | None = None, **place: str) -> Storage:
    return Storage(
        pool=place.get("pool", "host"), size_bytes=size_bytes, born=born, died=died, where=place.get("where")
    )


STEPS = [Mark(tick=10 * number, kind="step", step=number) for number in (1, 2, 3, 4)]


def test_what_is_past_its_step_waits_until_it_is_collected() -> None:
    """Two steps' results wait until the collector runs within the third, whose own wait from its end."""
    cyclic = [storage(8, 1, 25), storage(8, 11, 26), storage(8, 21), storage(100, 31, 39)]
    trace = Trace(storages=[*cyclic, storage(500, 2)], marks=STEPS)

    assert waiting_bytes(trace, "host", cyclic) == 16
    assert left_by_a_step(trace, "host", cyclic) == 8
    assert waiting_bytes(trace, "cuda:0", cyclic) == 0


def test_a_step_that_leaves_nothing_makes_no_growth() -> None:
    """Once is not every time."""
    cyclic = [storage(8, 1), storage(8, 11)]

    assert waiting_bytes(Trace(storages=cyclic, marks=STEPS), "host", cyclic) == 16
    assert left_by_a_step(Trace(storages=cyclic, marks=STEPS), "host", cyclic) == 0
    assert left_by_a_step(Trace(storages=cyclic, marks=STEPS[:1]), "host", cyclic) == 0


def test_the_line_that_made_most_of_it() -> None:
    """By bytes, not by number; none of another pool."""
    cyclic = [storage(8, 1, where="t.py:1"), storage(8, 2, where="t.py:1"), storage(20, 3, where="t.py:2"),
              storage(99, 4, where="t.py:3", pool="cuda:0")]  # fmt: skip

    assert where_born("host", cyclic) == "t.py:2"
    assert where_born("host", []) == ""
