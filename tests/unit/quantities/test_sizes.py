"""Bytes as people write and read them, and ranges of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memfit.errors import UsageError
from memfit.quantities import GIB, MIB, ByteRange, format_bytes, parse_bytes

three = st.lists(st.integers(0, 1 << 50), min_size=3, max_size=3).map(sorted)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("512", 512), ("24GiB", 24 * GIB), ("24 gib", 24 * GIB), ("16g", 16 * GIB), ("16GB", 16 * 10**9),
     ("1.5MiB", 3 * MIB // 2), (" 2 TB ", 2 * 10**12), (".5k", 512)],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, size_bytes: int) -> None:
    """Binary and decimal units, with blanks and in any case."""
    assert parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1e9", "24 Gibibytes", "nan", "1.2.3", "1 2"])
def test_what_is_no_size_is_refused_with_a_hint(text: str) -> None:
    """A size that cannot be read says how one is written."""
    with pytest.raises(UsageError) as refused:
        parse_bytes(text)

    assert refused.value.slug == "bad-size"
    assert "24GiB" in refused.value.hint


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(None, "—"), (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (MIB, "1 MiB"), (GIB, "1.00 GiB"),
     (150 * GIB, "150 GiB"), (2000 * GIB, "2,000 GiB"), (-3 * GIB, "-3.00 GiB")],
)  # fmt: skip
def test_sizes_are_written_for_people(size_bytes: int | None, text: str) -> None:
    """Binary units, two decimals from a GiB on; an unknown size is a dash, not zero."""
    assert format_bytes(size_bytes) == text


@given(st.integers(0, 1 << 60))
def test_written_sizes_read_back_closely(size_bytes: int) -> None:
    """What is written reads back within the digits shown."""
    assert parse_bytes(format_bytes(size_bytes).replace(",", "")) == pytest.approx(size_bytes, rel=0.5, abs=1)


@given(three, three)
def test_ranges_add_end_by_end(one: list[int], other: list[int]) -> None:
    """A sum of ranges is again a range, each end the sum of the ends."""
    first = ByteRange(low=one[0], expected=one[1], high=one[2])
    second = ByteRange(low=other[0], expected=other[1], high=other[2])

    total = ByteRange.total([first, second])

    assert total == first + second
    assert (total.low, total.expected, total.high) == tuple(a + b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("low", "expected", "high"), [(2, 1, 3), (1, 3, 2), (3, 2, 1)])
def test_range_out_of_order_is_no_range(low: int, expected: int, high: int) -> None:
    """Low, expected, high stand in order."""
    with pytest.raises(ValueError, match="low <= expected <= high"):
        ByteRange(low=low, expected=expected, high=high)
