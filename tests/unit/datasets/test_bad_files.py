"""Broken, lying, hostile and odd files: each is answered in a sentence, in bounded memory, and nothing in them runs."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import sqlite3
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from memfit import api
from memfit.datasets import read_shape
from memfit.errors import MemfitError

LIMIT_BYTES = 400 << 20  # of address space for a reader of a bomb; the interpreter with NumPy takes some 150 MiB


def refusal(path: Path | str) -> str:
    """What memfit says to a file that it cannot read."""
    with pytest.raises(MemfitError) as caught:
        read_shape(path)
    return caught.value.message


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def npy(header: str, body: bytes = b"", version: int = 1) -> bytes:
    raw = header.encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw + body


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n\n", "no line with text"),
        ("binary.csv", bytes(range(256)) * 40, "no text|no table|binary"),
        ("zeros.csv", b"\0" * 5000, "zero bytes"),
        ("cut.parquet", b"PAR1" + b"x" * 100, "cut short"),
        ("outside.parquet", b"PAR1" + b"x" * 20 + struct.pack("<I", 1 << 30) + b"PAR1", "lies outside"),
        ("noise.parquet", b"PAR1" + b"\xff" * 40 + struct.pack("<I", 30) + b"PAR1", "broken"),
        ("locked.parquet", b"PARE" + b"x" * 30 + b"PARE", "encrypted"),
        ("huge.safetensors", struct.pack("<Q", 10 << 30) + b"{}", "lies outside"),
        ("list.safetensors", struct.pack("<Q", 2) + b"[]", "no object"),
        ("word.npy", b"\x93NUMPZ" + b"x" * 50, "no npy|no format|no text|zero bytes"),
        (
            "code.npy",
            npy("{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}"),
            "broken header",
        ),
        ("deep.npy", npy("(" * 30000), "broken header"),
        ("long.npy", npy("", version=2)[:8] + struct.pack("<I", 1 << 31), "header of"),
        ("minus.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,)}"), "no list of sizes"),
        ("no.npz", b"PK\x03\x04 nothing more", "no directory"),
        ("old.pt", pickle.dumps([1, 2]), "pickle"),
        ("bad.sqlite", b"SQLite format 3\x00" + b"\xff" * 2000, "broken SQLite"),
        ("bad.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 500, "HDF5"),
        ("bad.arrow", b"ARROW1\0\0" + b"\xff" * 500, "Arrow|broken"),
        ("broken.csv.gz", gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:6] + b"\xff" * 60, "broken gzip"),
        ("bad.jsonl", b"{not json\n{neither\n", "no JSON records"),
        ("archive.zip", b"PK\x03\x04" + b"x" * 100, "zip file"),
    ],
)
def test_broken_file_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """The message says what was seen; there is no traceback."""
    path = tmp_path / name
    path.write_bytes(content)

    message = refusal(path)

    assert any(part in message for part in expected.split("|")), message


def test_missing_folder_pipe_and_device_are_told(tmp_path: Path) -> None:
    """What is no file is said to be none, without waiting for a pipe's writer."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    (tmp_path / "empty").mkdir()

    assert "a pipe" in refusal(pipe)
    assert "a device" in refusal("/dev/zero")
    assert "No such file" in refusal(tmp_path / "none.csv")
    assert "without files" in refusal(tmp_path / "empty")
    assert "no path" in refusal("nul\0byte.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_told(tmp_path: Path) -> None:
    """The hint says how to allow it."""
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    path.chmod(0)

    assert "Permission denied" in refusal(path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    """Object arrays in .npy and .npz and a pickle in a .pt are told of; the trap in them does not spring."""
    target = tmp_path / "sprung"
    trap = np.array([Trap(target)], dtype=object)
    np.save(tmp_path / "o.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "o.npz", x=trap)
    with zipfile.ZipFile(tmp_path / "o.pt", "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Trap(target)))
        archive.writestr("model/data/0", b"\0" * 4000)

    found = api.data(*(tmp_path / name for name in ("o.npy", "o.npz", "o.pt")))

    assert not target.exists()
    assert {table.form for table in found.tables} == {"npy", "npz", "torch"}
    assert any("pickled objects" in note for table in found.tables for note in table.notes)
    assert next(table for table in found.tables if table.form == "torch").weights[0].held.expected == 4000


def test_views_and_triggers_of_a_database_do_not_run(tmp_path: Path) -> None:
    """A view that never ends is not queried; the file is not written to."""
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as base:
        base.execute("create table t (a, b)")
        base.executemany("insert into t values (?, ?)", [(at, "x" * at) for at in range(50)])
        base.execute("create view v as with recursive n(i) as (select 1 union all select i + 1 from n) select * from n")
    before = path.read_bytes()

    shape = read_shape(path)

    assert (shape.rows, shape.columns) == (50, 2)
    assert path.read_bytes() == before


def test_lying_safetensors_is_refused(tmp_path: Path) -> None:
    """A tensor whose shape is not that of its bytes, or that lies outside the file, is a lie."""
    for name, told in (("a", {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 8]}),
                       ("b", {"dtype": "F32", "shape": [2], "data_offsets": [0, 8 << 30]}),
                       ("c", {"dtype": "F32", "shape": "wide", "data_offsets": [0, 8]})):  # fmt: skip
        raw = json.dumps({"w": told}).encode()
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * 8)

        assert "broken" in refusal(path)


def bombs(folder: Path) -> list[Path]:
    """Small files that swell to hundreds of megabytes."""
    packed = {"bomb.csv.gz": gzip.open, "bomb.csv.bz2": bz2.open, "bomb.csv.xz": lzma.open}
    quickly = {"bomb.csv.gz": {"compresslevel": 1}, "bomb.csv.bz2": {"compresslevel": 1}, "bomb.csv.xz": {"preset": 0}}
    for name, opened in packed.items():
        with opened(folder / name, "wb", **quickly[name]) as target:
            for _ in range(18):
                target.write(b"a,b\n" + b"0" * (1 << 24))
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        body = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (40000000,)}")
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(body)
            for _ in range(20):
                member.write(bytes(1 << 24))
    return [folder / name for name in (*packed, "bomb.npz")]


@pytest.mark.slow
def test_compression_bombs_cost_no_memory(tmp_path: Path) -> None:
    """A process of little address space looks at files of 300 MB each, packed to kilobytes."""
    script = (
        "import sys, resource\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({LIMIT_BYTES}, {LIMIT_BYTES}))\n"
        "from memfit.errors import MemfitError\n"
        "from memfit.datasets import read_shape\n"
        "for path in sys.argv[1:]:\n"
        "    try: print(read_shape(path).rows)\n"
        "    except MemfitError as error: print(error.message)\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )

    done = subprocess.run([sys.executable, "-c", script, *map(str, bombs(tmp_path))], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 150 << 10


def test_a_million_columns_are_a_page(tmp_path: Path) -> None:
    """A CSV of a million columns is told in groups."""
    path = tmp_path / "wide.csv"
    width = 1_000_000
    with path.open("w") as target:
        target.write(",".join(f"c{at}" for at in range(width)) + "\n")
        for _ in range(3):
            target.write(",".join(["1", "0.5"] * (width // 2)) + "\n")

    found = api.data(path).tables[0]

    assert found.width == width
    assert found.rows.expected == 3
    assert len(found.columns) <= 10
    assert found.weight("NumPy", "float64").held.expected == pytest.approx(3 * 8 * width, rel=0.02)


def test_ragged_mixed_quoted_and_mis_encoded_cells_are_noted(tmp_path: Path) -> None:
    """What readers would stumble over is said."""
    rows = ['1,"two\nlines, and a comma",é', "2,plain,x", "x3,plain", "4,NA,y"] * 50
    path = tmp_path / "odd.csv"
    path.write_bytes(("n,t,u\n" + "\n".join(rows) + "\n").encode("latin-1"))

    table = api.data(path).tables[0]

    assert table.rows.expected == 200
    assert [column.kind.value for column in table.columns] == ["text", "text", "text"]
    assert table.columns[0].mixed
    assert any("do not have the 3 cells" in note for note in table.notes)
    assert any('encoding="latin-1"' in note for note in table.notes)


def test_utf16_text_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    """A mark at the start names the encoding, and is no part of the first column's name."""
    for encoding in ("utf-16", "utf-8-sig"):
        path = tmp_path / f"{encoding}.csv"
        path.write_text("name,n\nÅse,1\nBo,2\n", encoding=encoding)

        shape = read_shape(path)

        assert (shape.rows, [name for name, *_ in shape.kinds]) == (2, ["name", "n"])


def test_strange_files_in_a_folder_do_not_hide_the_others(tmp_path: Path) -> None:
    """A folder of tables, junk, a pipe and a broken shard gives its tables and names the rest."""
    for at in range(3):
        (tmp_path / f"{at}.csv").write_text("a,b\n" + "1,2\n" * 100)
    (tmp_path / "junk.bin").write_bytes(os.urandom(500))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)

    found = api.data(tmp_path)

    assert found.tables[0].rows.expected == 300
    assert any("junk.bin" in problem for problem in found.problems)
    assert any("broken.npy" in problem for problem in found.problems)


def test_names_that_steer_a_terminal_do_not(tmp_path: Path) -> None:
    """Escape sequences in a header are shown as what they are: unprintable."""
    from memfit.reports import data as report

    path = tmp_path / "t.csv"
    path.write_text("\x1b[2Jgone,b\n1,2\n")
    stream = io.StringIO()

    report.write(api.data(path), stream)

    assert "\x1b" not in stream.getvalue()
