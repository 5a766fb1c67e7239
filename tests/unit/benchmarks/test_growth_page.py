"""docs/does-memory-grow.md: not older than its data, its curves small, and its sentences true of the recordings."""

from __future__ import annotations

import pytest
from benchmarks.growth_page import figures, make
from benchmarks.growth_page.cases import CASES, EXAMPLES, PICTURES
from benchmarks.growth_page.swapping import cut
from benchmarks.growth_page.thinning import thinned

MIB = 1024 * 1024
DATA = {name: make.read(name) for name in CASES}


def grown(name: str) -> float:
    return figures.end(DATA[name]) - figures.start(DATA[name])


def test_page_and_curves_are_what_the_data_say() -> None:
    """Nobody edits them by hand, and new data write them anew."""
    assert make.stale() == []


def test_curves_are_small_and_need_nothing_else() -> None:
    """A page loads them at once, and from nowhere else."""
    for name in make.drawn():
        text = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
        assert len(text) < 40_000
        assert "<script" not in text
        assert "<image" not in text


@pytest.mark.parametrize("name", CASES)
def test_recorded_programs_are_examples(name: str) -> None:
    """What was recorded can be run as it stands."""
    assert (EXAMPLES / CASES[name].words[0]).exists()
    assert DATA[name]["command"] == CASES[name].command
    assert len(DATA[name]["ends"]) <= 400


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.leaks is not None])
def test_what_leaks_on_purpose_and_only_that_is_called_a_leak(name: str) -> None:
    """The answer in the first paragraph."""
    assert (figures.judged(DATA[name])["is_leak"] is True) == CASES[name].leaks


def test_activations_and_gradients_do_not_add_up() -> None:
    """The larger loop moves by less than a fiftieth of what its iterations made."""
    assert abs(grown("linear-large")) < DATA["linear-large"]["iterations"] * 3 * 4 * 512 * 512 / 50
    assert DATA["linear-as-written"]["printed"][-1].endswith("on CUDA 0 bytes")


def test_the_state_of_adam_is_twice_the_parameters_and_made_once() -> None:
    """Two moments; SGD has none, and Adam's loop is no leak."""
    state, weights = (figures.holding(DATA["adam"], what) for what in ("optimizer_state", "parameters"))

    assert state == pytest.approx(2 * weights, rel=0.01)
    assert figures.holding(DATA["adam-not"], "optimizer_state") == 0
    assert figures.end(DATA["adam"]) - figures.end(DATA["adam-not"]) > 0.9 * state


def test_accumulation_holds_what_its_small_batch_holds() -> None:
    """And less than the large batch."""
    large, small, accumulated = (
        figures.held_peak(DATA[name]) for name in ("batch-large", "batch-small", "batch-accumulated")
    )

    assert abs(accumulated - small) < 0.5 * (large - small)


def test_thinning_keeps_peaks_and_valleys() -> None:
    """One point stands for its neighbours."""
    values = list(range(1000))
    values[500] = 9999

    rows = thinned(values, values, values, values, points=100)

    assert len(rows) == 100
    assert max(row[3] for row in rows) == 9999
    assert rows[0][1] == 0


def test_what_is_swapped_out_and_what_stays_add_up() -> None:
    """The computed curves are parts of the measured one."""
    levels = [100 * MIB + 3 * MIB * at for at in range(100)]

    resident, swapped = cut(levels)

    assert [a + b for a, b in zip(resident, swapped, strict=True)] == levels
    assert swapped[0] == 0
    assert swapped[-1] > 0
