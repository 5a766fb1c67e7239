"""Series saved by other programs: found by name, read by what they are, refused when they are none."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memfit.errors import InvalidDocument, MemfitError, UsageError
from memfit.readings import load_readings


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_guessed_and_said(tmp_path: Path) -> None:
    """Memory, time and iteration are found by their names, the unit by the end of the name."""
    path = written(tmp_path, "log.csv", "step,time,loss,rss_mib\n1,0.5,3.2,100\n2,1.0,3.1,101\n")

    found = load_readings(path)

    assert found.name == "rss_mib"
    assert list(found.readings_bytes) == [100 * 1024**2, 101 * 1024**2]
    assert (found.seconds, found.iterations) == ([0.5, 1.0], [1.0, 2.0])
    assert any("'rss_mib' was taken for the memory" in note for note in found.notes)


def test_named_columns_are_taken(tmp_path: Path) -> None:
    """What the user names is taken, whatever its case, and needs no note."""
    path = written(tmp_path, "log.csv", "a;B;t\n1;2;3\n4;5;6\n")

    found = load_readings(path, column="b", unit="KiB")

    assert list(found.readings_bytes) == [2048, 5120]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bare.csv", "10\n20\n30\n"),
        ("tabs.tsv", "rss\tother\n10\tx\n20\tx\n30\tx\n"),
        ("list.json", "[10, 20, 30]"),
        ("records.json", '[{"rss": 10}, {"rss": 20}, {"rss": 30}]'),
        ("lists.json", '{"rss": [10, 20, 30], "host": "name"}'),
        ("lines.jsonl", '{"rss": 10}\n{"rss": 20}\n{"rss": 30}\n'),
        ("sizes.csv", "mem\n10 B\n20\n30\n"),
    ],
)
def test_forms_of_a_series(tmp_path: Path, name: str, text: str) -> None:
    """CSV with and without a header, JSON in three forms, JSON lines."""
    assert list(load_readings(written(tmp_path, name, text)).readings_bytes) == [10, 20, 30]


def test_numpy_arrays(tmp_path: Path) -> None:
    """.npy of one dimension, of two, and with named fields."""
    np.save(tmp_path / "one.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "two.npy", np.array([[0, 5], [1, 6]]))
    np.save(tmp_path / "named.npy", np.array([(1, 7.0)], dtype=[("step", int), ("rss", float)]))

    assert list(load_readings(tmp_path / "one.npy").readings_bytes) == [1, 2]
    assert list(load_readings(tmp_path / "two.npy", column="2").readings_bytes) == [5, 6]
    assert list(load_readings(tmp_path / "named.npy").readings_bytes) == [7]


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    """A .npy that would run code when read is not read."""
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)

    with pytest.raises(InvalidDocument) as refused:
        load_readings(tmp_path / "objects.npy")

    assert refused.value.slug == "no-series"


def test_times_as_dates(tmp_path: Path) -> None:
    """ISO dates are seconds."""
    path = written(tmp_path, "log.csv", "timestamp,rss\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2\n")

    first, second = load_readings(path).seconds or ()

    assert second - first == 60


@pytest.mark.parametrize(
    ("text", "more", "slug"),
    [
        ("loss,accuracy\n1,2\n", {}, "no-column"),
        ("rss\n1\n", {"column": "pss"}, "no-column"),
        ("rss\n1\n", {"unit": "furlong"}, "bad-size"),
        ("rss\nx\ny\n", {}, "no-series"),
        ("", {}, "no-series"),
        ("\0\0\0", {}, "no-series"),
    ],
)
def test_files_without_the_column_are_refused(tmp_path: Path, text: str, more: dict[str, Any], slug: str) -> None:
    """What is not there is told by name."""
    with pytest.raises((UsageError, InvalidDocument)) as refused:
        load_readings(written(tmp_path, "log.csv", text), **more)

    assert refused.value.slug == slug


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a folder."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InvalidDocument) as refused:
            load_readings(path)
        assert refused.value.slug == "no-series-file"


def numpy_file() -> bytes:
    page = io.BytesIO()
    np.save(page, np.arange(4.0))
    return page.getvalue()


contents = st.binary(max_size=300) | st.text(alphabet='0123456789,;\n\t "[]{}:.eE-+xrss', max_size=200).map(str.encode)


@settings(max_examples=150, deadline=None)
@given(content=contents | st.builds(lambda cut: numpy_file()[:cut], st.integers(0, 160)),
       suffix=st.sampled_from([".csv", ".json", ".jsonl", ".npy", ".txt"]))  # fmt: skip
def test_files_of_anything_are_read_or_refused(
    content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes of any kind give readings or a MemfitError."""
    path = tmp_path_factory.mktemp("any") / f"file{suffix}"
    path.write_bytes(content)

    try:
        found = load_readings(path)
    except MemfitError:
        return

    assert all(isinstance(value, float) for value in found.readings_bytes)


def test_deep_json_is_refused(tmp_path: Path) -> None:
    """Nesting that would exhaust the stack is no series."""
    with pytest.raises(InvalidDocument):
        load_readings(written(tmp_path, "deep.json", "[" * 100_000))


def test_huge_whole_numbers_are_no_readings(tmp_path: Path) -> None:
    """A number of hundreds of digits is a hole, not a crash."""
    path = written(tmp_path, "huge.json", json.dumps([1, 10**400, 3]))

    assert [value == value for value in load_readings(path).readings_bytes] == [True, False, True]
