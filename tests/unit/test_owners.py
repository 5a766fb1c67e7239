"""Who holds an object: the name that a person knows it by."""

from __future__ import annotations

import gc
import sys
import weakref

from memfit.owners import owners

kept_here = [1, 2]


class Holder:
    def __init__(self) -> None:
        self.history: list[int] = [1]


class Slotted:
    __slots__ = ("history",)

    def __init__(self) -> None:
        self.history: list[int] = [2]


class Strange:
    """Says no to everything that is not a look at its memory."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")

    def __len__(self) -> int:
        raise AssertionError("measured")

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


def test_a_global_of_a_module() -> None:
    """The variable and the file."""
    assert owners([kept_here])[id(kept_here)] == ("`kept_here`", "test_owners.py")


def test_a_local_of_a_running_function() -> None:
    """The variable, the function and the line that runs."""
    mine = [1]

    label, where = owners([mine])[id(mine)]

    assert label == "local `mine` of test_a_local_of_a_running_function()"
    assert where.startswith("test_owners.py:")


def test_an_attribute() -> None:
    """The attribute and the class, whether Python keeps it in the instance or in a dict."""
    holder = Holder()
    other = Holder()
    vars(other)["more"] = 1

    found = owners([holder.history, other.history])

    assert found[id(holder.history)] == ("`history` of a Holder", __name__)
    assert found[id(other.history)] == ("`history` of a Holder", __name__)


def test_within_another_container() -> None:
    """When nothing better is known."""
    outer = [[i] for i in range(7)]

    assert owners([outer[3]])[id(outer[3])] == ("in a list of 7", "")


def test_what_nobody_named_holds() -> None:
    """Not found is not in the answer, and classes of the job's are not called."""
    holder = Slotted()
    strange = [Strange() for _ in range(3)]

    assert owners([holder.history]) == {}
    assert strange is not None


def test_a_look_keeps_nothing_alive() -> None:
    """A frame may keep what it gave of its locals: an object that the function lets go is freed all the same."""

    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    mine = [thing]
    owners([mine])

    del thing, mine

    gc.collect()
    assert alive() is None


def test_a_look_leaves_the_jobs_own_locals() -> None:
    """What a function got from locals() before stays filled."""
    mine = [5]
    values = locals()

    owners([mine])

    assert values["mine"] is mine
    assert sys.getrefcount(mine) < 10
