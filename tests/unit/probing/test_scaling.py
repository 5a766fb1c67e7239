"""What is known of several estimators that are fitted in one call."""

from __future__ import annotations

from memfit.probing.scaling import Sample, Scaling, together


def test_a_cap_holds_only_where_all_have_one() -> None:
    """A cached kernel machine beside one that holds the whole matrix grows without a cap."""
    capped = Scaling(terms=("n", "n2"), caps_bytes={"n2": 100}, switches=(10,))
    free = Scaling(terms=("n", "n2"), switches=(20,), sample=Sample(cell_bytes=8, columns=1, rows=5))

    assert together([capped, Scaling()]).caps_bytes == {"n2": 100}
    both = together([capped, free])
    assert (both.terms, both.caps_bytes, both.switches) == (("n", "n2"), {}, (10, 20))
    assert both.sample == Sample(cell_bytes=8, columns=1, rows=5)
