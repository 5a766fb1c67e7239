"""Files that lie, swell, hide or are something else: a clear answer within bounded memory and time."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from memfit import api
from memfit.datasets import read_shape
from memfit.errors import MemfitError

SECONDS = 60  # generous: most take one
PEAK_BYTES = 300 << 20  # of memfit and the reader that it starts
NOBODY = 65534

# Runs `memfit data` and tells the highest resident size of it and what it started: of a small process's children.
_LAUNCHER = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "memfit", "data", *sys.argv[1:]], capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps([done.returncode, peak, done.stdout, done.stderr]))
"""


class Answer(NamedTuple):
    """What the program said, and the most that it held."""

    code: int
    peak_bytes: int
    told: str
    refused: str


def asked(*paths: Path) -> Answer:
    """`memfit data PATH…` in a process of its own, within the time that any file may take."""
    words = [sys.executable, "-c", _LAUNCHER, *map(str, paths)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=True)
    return Answer(*json.loads(done.stdout))


def zipped(members: dict[str, bytes], *, locked: bool = False) -> bytes:
    """A zip file; of a locked one the flags say that its members want a password."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    raw = bytearray(target.getvalue())
    if locked:
        raw[6] |= 1
        raw[raw.find(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def npy(shape: str) -> bytes:
    raw = ("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + "}").encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(raw)) + raw


@pytest.mark.parametrize(
    ("name", "content", "seen", "to_type"),
    [
        ("locked.zip", zipped({"a.csv": b"a,b\n1,2\n"}, locked=True), "with a password", "unzip"),
        ("plain.zip", zipped({"a.csv": b"a,b\n1,2\n"}), "holds a.csv: unpack it first", "unzip"),
        ("locked.npz", zipped({"x.npy": npy("(5,)") + bytes(40)}, locked=True), "password required", ""),
        ("book.xlsx", zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "Excel", "read_excel"),
        ("page.csv", b"<!DOCTYPE html><html>Sign in</html>" * 9, "is a web page", "login"),
        ("feed.xml", b'<?xml version="1.0"?><rows/>', "is XML", "read_xml"),
        ("pointer.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
        ("frame.pkl", b"\x80\x04\x95\0\0\0\0\0\0\0\0.", "is a pickle", "to_parquet"),
        ("all.tar", b"a.csv" + bytes(252) + b"ustar\x0000" + bytes(300), "tar archive", "tar -xf"),
        ("rows.avro", b"Obj\x01" + bytes(200), "an Avro file", "docs/data.md"),
        ("rows.orc", b"ORC" + bytes(200), "an ORC file", "docs/data.md"),
        ("locked.db", bytes(range(256)) * 32, "is encrypted, or of another program", "sqlcipher_export"),
        ("mark.csv", "a,b\n1,2\n".encode("utf-32"), "UTF-32", "iconv -f UTF-32LE"),
        ("unmarked.csv", "a,b\n1,2\n".encode("utf-16-le") * 900, "zero bytes", "iconv -f UTF-16LE"),
        ("count.npy", npy("(9" + "0" * 25 + ",)"), "more values than NumPy can count", ""),
        ("object.json", json.dumps({"rows": [{"a": 1}] * 200_000}).encode(), "no JSON records", "json.dump"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_named(tmp_path: Path, name: str, content: bytes, seen: str, to_type: str) -> None:
    """The message says what was seen, the hint what to type."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(MemfitError) as caught:
        read_shape(path)

    assert seen in caught.value.message
    assert to_type in caught.value.hint


def parquet_with(tmp_path: Path, before: int, after: int) -> Path:
    """A Parquet file of 50,000 rows in five groups whose footer says another number than it counted."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "lying.parquet"
    parquet.write_table(pa.table({"a": np.arange(50_000)}), path, row_group_size=10_000)
    raw = path.read_bytes()
    length = int.from_bytes(raw[-8:-4], "little")
    footer = raw[-8 - length : -8]
    lying = footer.replace(thrift(before), thrift(after))
    assert lying != footer
    path.write_bytes(raw[: -8 - length] + lying + struct.pack("<I", len(lying)) + b"PAR1")
    return path


def thrift(number: int) -> bytes:
    """A 64-bit field that follows its neighbour, as Thrift's compact protocol writes it."""
    left, found = number << 1, b"\x16"
    while left >= 128:
        left, found = left >> 7, found + bytes([left & 127 | 128])
    return found + bytes([left])


@pytest.mark.parametrize(("before", "after"), [(50_000, 1 << 45), (10_000, 1 << 40)])
def test_parquet_that_claims_rows_which_its_groups_lack_is_refused(tmp_path: Path, before: int, after: int) -> None:
    """A footer whose parts contradict each other is no ground for a figure."""
    answer = asked(parquet_with(tmp_path, before, after))

    assert answer.code == 1
    assert "its row groups have" in answer.refused
    assert answer.peak_bytes < PEAK_BYTES


@pytest.mark.slow
def test_compressed_batches_and_pages_swell_within_bounds(tmp_path: Path) -> None:
    """Kilobytes of Arrow and Parquet that come out as 2 GiB: no more than a reader is allowed, and an answer."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    batch = pa.record_batch({"z": np.zeros(1 << 28)})
    options = ipc.IpcWriteOptions(compression="zstd")
    with ipc.new_file(tmp_path / "bomb.arrow", batch.schema, options=options) as target:
        target.write_batch(batch)
    parquet.write_table(
        pa.table({"z": np.zeros(1 << 26)}), tmp_path / "bomb.parquet", use_dictionary=False, compression="zstd",
        data_page_size=1 << 30, row_group_size=1 << 26,
    )  # fmt: skip
    del batch

    arrow, other = asked(tmp_path / "bomb.arrow"), asked(tmp_path / "bomb.parquet")

    assert "too large to be sampled" in arrow.refused
    assert "chunksize" in arrow.refused
    assert other.code in (0, 3)
    assert f"{1 << 26:,} rows" in other.told
    assert max(arrow.peak_bytes, other.peak_bytes) < 1200 << 20


def test_arrow_stream_is_read(tmp_path: Path) -> None:
    """A stream has no footer: its batches are counted."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import ipc

    table = pa.table({"a": np.arange(30_000), "s": [f"x{at % 7}" for at in range(30_000)]})
    with ipc.new_stream(tmp_path / "cache.arrow", table.schema) as target:
        target.write_table(table, max_chunksize=1000)

    shape = read_shape(tmp_path / "cache.arrow")

    assert (shape.rows, shape.columns, shape.cardinalities) == (30_000, 2, {"s": 7})


def test_json_list_on_one_line_is_read_at_its_head(tmp_path: Path) -> None:
    """Of 60 MB two are read, and it is said that this is a sample."""
    path = tmp_path / "list.json"
    record = json.dumps({"id": 123_456, "name": "some name", "value": 0.25})
    path.write_text("[" + ",".join([record] * 1_000_000) + "]")

    answer = asked(path)

    assert answer.code == 0
    assert "a sample:" in answer.told
    assert "at its start" in answer.told
    assert answer.peak_bytes < 120 << 20
    assert read_shape(path).rows == pytest.approx(1_000_000, rel=0.02)


def test_long_values_of_a_database_are_weighed_and_not_read(tmp_path: Path) -> None:
    """Of a blob of 200 MB the length counts; a text of 100 MB is told to be missing from the figures."""
    path = tmp_path / "long.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("create table b (n, blob)")
        base.execute("insert into b values (1, zeroblob(200000000))")
        base.execute("create table t (n, text)")
        base.execute("insert into t values (1, cast(zeroblob(100000000) as text))")

    answer = asked(path)

    assert answer.code == 0
    assert "200,000,000 bytes" in answer.told
    assert answer.peak_bytes < PEAK_BYTES
    if sys.version_info >= (3, 11):
        assert "texts of more than 64 MiB were not read" in answer.told


@pytest.mark.slow
def test_very_many_files_take_bounded_time_and_memory(tmp_path: Path) -> None:
    """Of 100,000 empty files the one that is not is found; of 3,000 endings 2,000 are opened, and it is said."""
    many, kinds = tmp_path / "many", tmp_path / "kinds"
    many.mkdir()
    kinds.mkdir()
    for at in range(100_000):
        os.close(os.open(many / f"{at}.csv", os.O_CREAT | os.O_WRONLY))
    (many / "last.csv").write_text("a,b\n1,2\n")
    for at in range(3_000):
        (kinds / f"x.e{at}").write_text("x,y\n1,2\n")

    empty, different = asked(many), asked(kinds)

    assert "1 rows" in empty.told
    assert "99,999 more files are empty" in empty.told
    assert "1,000 more files were not opened" in different.told
    assert max(empty.peak_bytes, different.peak_bytes) < PEAK_BYTES


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_parts_that_may_not_be_read_are_told(tmp_path: Path) -> None:
    """A folder with a locked folder and a locked file gives the rest, and names both."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)  # pytest's are its user's alone, and it makes them so again
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 10)
    api.data(tmp_path)  # loads what nobody may not
    (tmp_path / "locked.npy").write_bytes(npy("(1,)") + bytes(8))
    (tmp_path / "locked.npy").chmod(0)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)

    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        try:  # whatever happens, it must not go on with the other tests as somebody else
            os.setuid(NOBODY)
            found = api.data(tmp_path)
            os.write(target, json.dumps([found.tables[0].rows.expected, *found.problems]).encode())
        except BaseException as error:
            os.write(target, json.dumps([None, f"{type(error).__name__}: {error}"]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    rows, *problems = json.loads(os.read(source, 1 << 16))

    assert rows == 10, problems
    for name in ("locked.npy", "closed"):
        assert any(f"{name}: Permission denied" in problem for problem in problems)


def test_sample_is_said_to_be_one(tmp_path: Path) -> None:
    """A text that the sample missed makes the column text: the report says that it saw a sample."""
    path = tmp_path / "late.csv"
    path.write_text("a,b\n" + "1,2\n" * 600_000 + "oops,2\n" + "1,2\n" * 600_000)

    (table,) = api.data(path).tables

    assert table.sampled.startswith("a sample:")
