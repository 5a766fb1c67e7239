"""Samples of texts: the same ones, whatever they are stored as."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memfit.datasets import sampled_texts as sampling
from memfit.datasets.finding import read_one
from memfit.datasets.sampled_texts import sampled_texts
from memfit.errors import MemfitError

Writer = Callable[[Path, list[str | None]], Path]
TEXTS = [f'text {at} says: ünï "quoted", {"word " * (at % 7)}\nand more' for at in range(500)]


def as_csv(folder: Path, texts: list[str | None]) -> Path:
    path = folder / "texts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "body"], *([at, text] for at, text in enumerate(texts))])
    return path


def as_json_lines(folder: Path, texts: list[str | None]) -> Path:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": at, "body": text}) + "\n" for at, text in enumerate(texts)))
    return path


def as_json_list(folder: Path, texts: list[str | None]) -> Path:
    path = folder / "texts.json"
    path.write_text(json.dumps([{"id": at, "body": text} for at, text in enumerate(texts)]))
    return path


def arrow_table(texts: list[str | None]) -> Any:
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.table({"id": list(range(len(texts))), "body": texts})


def as_parquet(folder: Path, texts: list[str | None]) -> Path:
    table = arrow_table(texts)
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(table, folder / "texts.parquet", row_group_size=40)
    return folder / "texts.parquet"


def as_feather(folder: Path, texts: list[str | None]) -> Path:
    table = arrow_table(texts)
    feather = pytest.importorskip("pyarrow.feather")
    feather.write_feather(table, folder / "texts.feather", chunksize=40)
    return folder / "texts.feather"


def as_stream(folder: Path, texts: list[str | None]) -> Path:
    table = arrow_table(texts)
    ipc = pytest.importorskip("pyarrow.ipc")
    with ipc.new_stream(str(folder / "texts.arrow"), table.schema) as stream:
        stream.write_table(table, max_chunksize=40)
    return folder / "texts.arrow"


def as_shards(folder: Path, texts: list[str | None]) -> Path:
    for at in range(5):
        (folder / str(at)).mkdir()
        as_json_lines(folder / str(at), texts[at::5])
    return folder


@pytest.mark.parametrize("write", [as_csv, as_json_lines, as_json_list, as_parquet, as_feather, as_stream, as_shards])
def test_every_text_is_found_whatever_it_is_stored_as(tmp_path: Path, write: Writer) -> None:
    """All of a small data set's, letter by letter, without the cells that are missing or empty."""
    table = read_one(write(tmp_path, [*TEXTS, None, ""]))

    found = sampled_texts(table, "body", most_bytes=40 << 20)

    assert sorted(found) == sorted(TEXTS)


def test_text_files_are_read_whole(tmp_path: Path) -> None:
    """One text a file; an empty one is none."""
    for at, text in enumerate([*TEXTS[:50], " "]):
        (tmp_path / f"{at}.txt").write_text(text, encoding="utf-8", newline="")

    found = sampled_texts(read_one(tmp_path), "text", most_bytes=40 << 20)

    assert sorted(found) == sorted(TEXTS[:50])


@pytest.mark.parametrize("write", [as_parquet, as_feather, as_stream])
def test_a_sample_stays_within_its_bound_and_is_spread(tmp_path: Path, write: Writer) -> None:
    """A tenth of the texts, or little more; of what can be entered anywhere not the first ones alone."""
    table = read_one(write(tmp_path, list(TEXTS)))

    found = sampled_texts(table, "body", most_bytes=sum(map(len, TEXTS)) // 100)

    assert 0 < len(found) < len(TEXTS)
    if write is not as_stream:
        assert TEXTS.index(found[-1]) > len(TEXTS) // 2


def test_text_files_stay_within_their_bound(tmp_path: Path) -> None:
    """Evenly by name, as many as have room."""
    for at in range(100):
        (tmp_path / f"{at:03}.txt").write_text("x" * 1000)

    found = sampled_texts(read_one(tmp_path), "text", most_bytes=10_500)

    assert len(found) == 10


@pytest.mark.parametrize("write", [as_parquet, as_feather])
def test_a_column_of_numbers_has_no_texts(tmp_path: Path, write: Writer) -> None:
    """Said, with the type that it has."""
    table = read_one(write(tmp_path, list(TEXTS)))

    with pytest.raises(MemfitError, match="int64"):
        sampled_texts(table, "id", most_bytes=1 << 20)


def test_a_broken_shard_does_not_hide_the_others(tmp_path: Path) -> None:
    """The texts of those that can be read."""
    path = as_shards(tmp_path, list(TEXTS))
    table = read_one(path)
    (tmp_path / "2" / "texts.jsonl").write_bytes(b"\0" * 1000)

    found = sampled_texts(table, "body", most_bytes=sampling._FILES << 20)

    assert len(found) == len(TEXTS) * 4 // 5
