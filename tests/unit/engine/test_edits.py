"""Edits of a trace: what becomes smaller, goes elsewhere or is not made; the trace itself stays."""

from __future__ import annotations

import pytest

from memfit.engine.edits import Edit, edited, outliving_bytes, phase_peaks
from memfit.engine.trace import Mark, Storage, Trace
from memfit.quantities import Category, Phase


def trace() -> Trace:
    return Trace(
        storages=[
            Storage(pool="cuda:0", size_bytes=100, born=1, category=Category.PARAMETERS),
            Storage(pool="cuda:0", size_bytes=40, born=2, died=5, category=Category.ACTIVATIONS, phase=Phase.FORWARD,
                    operator="aten._softmax.default", where="t.py:3"),
            Storage(pool="cuda:0", size_bytes=10, born=3, died=4, phase=Phase.BACKWARD),
            Storage(pool="cuda:0", size_bytes=200, born=6, category=Category.OPTIMIZER_STATE, phase=Phase.OPTIMIZER),
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "sizes"),
    [
        (Edit(category="optimizer_state", factor=0.25), [100, 40, 10, 50]),
        (Edit(category="optimizer_state", factor=0.0), [100, 40, 10]),
        (Edit(phase="backward", factor=0.5), [100, 40, 5, 200]),
        (Edit(sizes_bytes=(40, 100), factor=0.5), [50, 20, 10, 200]),
        (Edit(operators=("softmax",), factor=0.0), [100, 10, 200]),
        (Edit(where="t.py:3", factor=2.0), [100, 80, 10, 200]),
        (Edit(category="optimizer_state", factor=0.25, floor_bytes=201), [100, 40, 10, 200]),
    ],
)
def test_what_an_edit_means(edit: Edit, sizes: list[int]) -> None:
    """Conditions choose, the factor is what is left."""
    before = trace()

    assert [storage.size_bytes for storage in edited(before, [edit]).storages] == sizes
    assert [storage.size_bytes for storage in before.storages] == [100, 40, 10, 200]


def test_what_goes_elsewhere_counts_there() -> None:
    """Optimizer states in the host's memory."""
    found = edited(trace(), [Edit(category="optimizer_state", to_pool="host")])

    assert phase_peaks(found, "host") == {"optimizer": 200}
    assert phase_peaks(found, "cuda:0") == {"setup": 100, "forward": 140, "backward": 150}


def test_the_first_edit_that_holds_is_made() -> None:
    """One storage is not changed twice."""
    found = edited(trace(), [Edit(category="parameters", factor=0.5), Edit(pool="cuda:0", factor=0.1)])

    assert [storage.size_bytes for storage in found.storages] == [50, 4, 1, 20]


def test_each_phase_has_its_peak() -> None:
    """By the birth that reached it."""
    assert phase_peaks(trace(), "cuda:0") == {"setup": 100, "forward": 140, "backward": 150, "optimizer": 300}


def test_results_that_live_on_end_with_their_step() -> None:
    """The first step's output is named until the second makes its own: two live at once, and one when it is let go.
    What outlives the second as well is kept by something else."""
    output = {"pool": "host", "category": Category.ACTIVATIONS, "phase": Phase.FORWARD}
    before = Trace(
        storages=[
            Storage(**output, size_bytes=70, born=1, died=5, step=1),
            Storage(**output, size_bytes=70, born=4, died=9, step=2),
            Storage(**output, size_bytes=5, born=2, step=1),
        ],
        marks=[
            Mark(tick=3, kind="step", step=1),
            Mark(tick=8, kind="step", step=2),
            Mark(tick=12, kind="step", step=3),
        ],
    )

    after = edited(before, [Edit(category="activations", ends_with_step=True)])

    assert outliving_bytes(before, "host", frozenset({Category.ACTIVATIONS})) == 70
    assert outliving_bytes(after, "host", frozenset({Category.ACTIVATIONS})) == 0
    assert phase_peaks(before, "host") == {"forward": 145} and phase_peaks(after, "host") == {"forward": 75}
    assert [storage.died for storage in after.storages] == [3, 8, None]
