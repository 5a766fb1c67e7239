"""Readings as they come: what can be mended is mended and said, what cannot is refused with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memfit.analysis import diagnose_series
from memfit.errors import UsageError
from memfit.quantities import GIB, MIB

RISING = [float(GIB + at * MIB) for at in range(100)]


def test_missing_readings_are_left_out_and_counted() -> None:
    """NaN, infinity and None are no readings; the diagnosis says how many there were."""
    holes: list[Any] = list(RISING)
    holes[10], holes[50], holes[70] = float("nan"), float("inf"), None

    found = diagnose_series(holes)

    assert found.is_leak is True
    assert found.series[0].notes == ("3 of 100 readings of host were no numbers and were left out",)
    assert found.horizon.samples == 97


def test_unsorted_times_are_sorted_and_said() -> None:
    """Readings that come in another order than their times are put in order."""
    order = np.random.default_rng(0).permutation(100)

    found = diagnose_series(np.array(RISING)[order], seconds=order * 0.5)

    assert found.is_leak is True
    assert "sorted" in found.series[0].notes[0]
    assert float(found.bytes_per_second or 0) == pytest.approx(2 * MIB, rel=0.02)


@pytest.mark.parametrize(
    ("readings", "more", "slug"),
    [
        ([1.0, -5.0] * 30, {}, "negative-bytes"),
        (RISING, {"seconds": [1.0, 2.0]}, "series-lengths"),
        (RISING, {"iterations": range(3)}, "series-lengths"),
        (RISING, {"swap_bytes": [0.0]}, "series-lengths"),
        (["a", "b"], {}, "not-numbers"),
        ("text", {}, "not-numbers"),
        (7, {}, "not-numbers"),
        (None, {}, "not-numbers"),
        ([[1.0], [2.0]], {}, "not-numbers"),
        ([1.0, [2.0]], {}, "not-numbers"),
        ([True, False], {}, "not-numbers"),
        ([1 + 2j], {}, "not-numbers"),
        (RISING, {"limit_bytes": -1}, "bad-size"),
        (RISING, {"limit_bytes": "16GiB"}, "bad-size"),
    ],
)
def test_what_is_no_series_is_refused(readings: Any, more: dict[str, Any], slug: str) -> None:
    """A sentence with a name, never a traceback."""
    with pytest.raises(UsageError) as refused:
        diagnose_series(readings, **more)

    assert refused.value.slug == slug


def test_nothing_but_holes_is_undetermined() -> None:
    """A series without one number is told as such."""
    found = diagnose_series([float("nan")] * 40)

    assert found.is_leak is None
    assert found.horizon.samples == 0


class Column:
    """A data frame's column, as far as memfit looks at it."""

    def to_numpy(self) -> np.ndarray:
        return np.array(RISING)


@pytest.mark.parametrize(
    "readings", [Column(), tuple(RISING), np.array(RISING, dtype=np.uint64), np.array(RISING, dtype=object)]
)
def test_series_of_every_make(readings: Any) -> None:
    """Lists, tuples, arrays of any number type and columns of data frames are one."""
    assert diagnose_series(readings).is_leak is True


def test_iterations_may_have_gaps() -> None:
    """The rate is per iteration, not per reading."""
    found = diagnose_series(RISING, iterations=np.arange(100) * 10)

    assert float(found.bytes_per_iteration or 0) == pytest.approx(MIB / 10, rel=0.02)
