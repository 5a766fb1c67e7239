"""Each format is told by its header and samples: rows, columns, kinds and bytes are those that its own library says."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from memfit import api
from memfit.datasets import read_shape
from memfit.datasets.formats.images import pixels
from memfit.errors import MemfitError


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    comment = b"\xff\xfe" + struct.pack(">H", 4002) + b"c" * 4000
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + comment + frame + b"\xff\xd9"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool", "complex64", ">i4", "U7", "S5"])
@pytest.mark.parametrize("shape", [(), (7,), (1000, 3), (10, 4, 5), (0, 3)])
def test_npy_weighs_what_numpy_says(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    """The bytes of any array are those of NumPy."""
    values = np.zeros(shape, dtype)
    np.save(tmp_path / "a.npy", values)

    table = api.data(tmp_path / "a.npy").tables[0]

    assert table.shape == shape
    assert table.weights[0].held.expected == values.nbytes


def test_structured_array_weighs_what_numpy_says(tmp_path: Path) -> None:
    """A record array is its fields together."""
    values = np.zeros(100, dtype=[("a", "f8"), ("b", "i2", (3,)), ("c", "U4")])
    np.save(tmp_path / "s.npy", values)

    assert api.data(tmp_path / "s.npy").tables[0].weights[0].held.expected == values.nbytes


def test_npz_gives_each_array_and_where_it_is_sparse(tmp_path: Path) -> None:
    """A compressed archive is told array by array; a sample says how many values are zero."""
    thin = np.zeros((500, 40))
    thin[:, 0] = 1
    np.savez_compressed(tmp_path / "z.npz", thin=thin, ids=np.arange(9))

    tables = {table.name: table for table in api.data(tmp_path / "z.npz").tables}

    assert set(tables) == {"z.npz/thin", "z.npz/ids"}
    assert tables["z.npz/thin"].zero_share == pytest.approx(39 / 40, abs=0.01)
    assert tables["z.npz/thin"].weights[0].held.expected == thin.nbytes


def test_json_lines_have_columns_kinds_and_gaps(tmp_path: Path) -> None:
    """Keys are columns; a key that some records lack is missing there; lists are nested."""
    dice = random.Random(2)
    records = [{"n": at, "x": dice.random(), "tag": "ab"[at % 2], **({"seen": True} if at % 4 else {}), "list": [1, 2]}
               for at in range(2000)]  # fmt: skip
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(map(json.dumps, records)) + "\n")

    table = api.data(path).tables[0]

    assert table.rows.expected == 2000
    kinds = {column.name: column.kind.value for column in table.columns}
    assert kinds == {"n": "integer", "x": "float", "tag": "text", "seen": "boolean", "list": "nested"}
    assert table.columns[-1].name == "seen" or table.columns[3].missing_share == pytest.approx(0.25)


def test_json_list_of_records_is_read_at_its_head(tmp_path: Path) -> None:
    """A list of objects has as many rows as its size says."""
    path = tmp_path / "r.json"
    path.write_text(json.dumps([{"a": at % 10, "b": "x" * 20} for at in range(60_000)]))

    shape = read_shape(path)

    assert shape.rows_low <= 60_000 <= shape.rows_high
    assert shape.columns == 2


def test_sqlite_tables_have_rows_kinds_and_gaps(tmp_path: Path) -> None:
    """Each table is told; names that need quotes are no trouble."""
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as base:
        base.execute('create table "odd "" name" (id integer primary key, x real, t text, b blob)')
        rows = [(at, at / 3, None if at % 5 == 0 else f"t{at % 7}", b"\0" * 30) for at in range(5000)]
        base.executemany('insert into "odd "" name" values (?, ?, ?, ?)', rows)
        base.execute("create table small (a)")

    tables = {table.name: table for table in api.data(path).tables}

    odd = tables['t.db/odd " name']
    assert (odd.rows.low, odd.rows.high) == (5000, 5000)
    assert [column.kind.value for column in odd.columns] == ["integer", "float", "text", "binary"]
    assert odd.columns[2].missing_share == pytest.approx(0.2, abs=0.03)
    assert tables["t.db/small"].rows.expected == 0


def test_safetensors_weigh_what_their_header_says(tmp_path: Path) -> None:
    """Elements are summed by type."""
    header = {"a": {"dtype": "F16", "shape": [3, 4], "data_offsets": [0, 24]},
              "b": {"dtype": "F32", "shape": [5], "data_offsets": [24, 44]}, "__metadata__": {"k": "v"}}  # fmt: skip
    raw = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * 44)

    table = api.data(tmp_path / "m.safetensors").tables[0]

    assert table.weight("torch", "as stored").held.expected == 44
    assert table.weight("torch", "float32").held.expected == 4 * 17


@pytest.mark.parametrize(("name", "content"), [("a.png", png(640, 480)), ("a.jpg", jpeg(640, 480)),
    ("a.gif", b"GIF89a" + struct.pack("<HH", 640, 480) + b"\0" * 30),
    ("a.bmp", b"BM" + b"\0" * 16 + struct.pack("<ii", 640, -480) + b"\1\0\x18\0" + b"\0" * 20)])  # fmt: skip
def test_image_sizes_come_from_headers(tmp_path: Path, name: str, content: bytes) -> None:
    """Height, width and channels of each format."""
    path = tmp_path / name
    path.write_bytes(content)

    assert pixels(path) == (480, 640, 3)


def test_folder_of_images_is_one_array(tmp_path: Path) -> None:
    """Images of one size have a shape; of several sizes the report says so. A file that is none is counted out."""
    for at in range(30):
        (tmp_path / f"{at}.png").write_bytes(png(64, 32))
    same = api.data(tmp_path).tables[0]
    (tmp_path / "30.png").write_bytes(png(100, 100))
    (tmp_path / "31.png").write_bytes(b"not an image")

    mixed = api.data(tmp_path).tables[0]

    assert same.shape == (30, 32, 64, 3)
    assert same.weights[0].held.expected == 30 * 32 * 64 * 3
    assert mixed.shape == ()
    assert any("2 sizes" in note for note in mixed.notes)


def test_folder_of_texts_is_one_column(tmp_path: Path) -> None:
    """All sizes are counted; the weight as Python objects is theirs with a header each."""
    for at in range(50):
        (tmp_path / f"{at}.txt").write_text("some words " * (at + 1))

    table = api.data(tmp_path).tables[0]

    assert (table.form, table.rows.expected) == ("texts", 50)
    assert table.columns[0].text.mean_bytes == pytest.approx(11 * 25.5)


def test_gzip_says_its_own_size_and_lies_are_not_believed(tmp_path: Path) -> None:
    """The trailer's length is used where the sample allows it; a false one is not."""
    dice = random.Random(5)
    body = "".join(f"{dice.random()},{dice.random()}\n" for _ in range(300_000)).encode()
    honest = gzip.compress(b"a,b\n" + body, 1)
    (tmp_path / "honest.csv.gz").write_bytes(honest)
    (tmp_path / "lying.csv.gz").write_bytes(honest[:-4] + struct.pack("<I", 50))

    first, second = read_shape(tmp_path / "honest.csv.gz"), read_shape(tmp_path / "lying.csv.gz")

    assert first.rows == pytest.approx(300_000, rel=0.02)
    assert second.rows_low <= 300_000 <= second.rows_high


def test_parquet_and_feather_weigh_what_arrow_says(tmp_path: Path) -> None:
    """Rows, kinds, gaps and bytes from the footer and a sample."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    dice = random.Random(1)
    table = pa.table({
        "n": pa.array(range(20_000), pa.int32()), "x": [dice.random() if at % 10 else None for at in range(20_000)],
        "t": [f"name {dice.randrange(10**6)}" for _ in range(20_000)],
        "c": pa.array([dice.choice("abc") for _ in range(20_000)]).dictionary_encode(),
        "l": [[1, 2, 3]] * 20_000,
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=6000)
    feather.write_feather(table, tmp_path / "t.feather")

    for name in ("t.parquet", "t.feather"):
        found = api.data(tmp_path / name).tables[0]

        assert found.rows.expected == 20_000
        kinds = [column.kind.value for column in found.columns]
        assert kinds == ["integer", "float", "text", "text", "nested"]
        assert found.columns[1].missing_share == pytest.approx(0.1, abs=0.01)
        held = found.weight("pandas", "Arrow-backed").held
        assert held.expected == pytest.approx(table.nbytes, rel=0.1)


def test_damaged_parquet_breaks_no_more_than_itself(tmp_path: Path) -> None:
    """Bytes changed anywhere in the file give a table or a sentence, and the process lives on."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(
        pa.table({"a": list(range(3000)), "t": ["x" * (at % 50) for at in range(3000)]}), tmp_path / "t"
    )
    whole, dice = (tmp_path / "t").read_bytes(), random.Random(3)
    for at in range(8):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[dice.randrange(4, len(damaged) - 8)] = dice.randrange(256)
        (tmp_path / f"{at}.parquet").write_bytes(damaged)
    parquet.write_table(pa.table({"ok": [1, 2]}), tmp_path / "z.parquet")

    found = api.data(*sorted(tmp_path.glob("*.parquet")))

    assert any(table.name == "z.parquet" for table in found.tables)
    assert len(found.tables) + len(found.problems) >= 8


def test_hdf5_arrays_are_found_and_links_out_are_not_followed(tmp_path: Path) -> None:
    """Arrays in groups are told once; a link to another file is left alone."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.zeros(5)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("g/x", data=np.arange(6000.0).reshape(2000, 3), chunks=(100, 3), compression="gzip")
        file["again"] = file["g/x"]
        file["out"] = h5py.ExternalLink("other.h5", "/secret")

    tables = api.data(tmp_path / "t.h5").tables

    assert [(table.shape, table.weights[0].held.expected) for table in tables] == [((2000, 3), 48_000)]


def test_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow a Parquet file is answered by what to install; the other files are still read."""
    from memfit.datasets.formats import parquet

    monkeypatch.setattr(parquet.util, "find_spec", lambda name: None)
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 20 + struct.pack("<I", 8) + b"PAR1")

    with pytest.raises(MemfitError) as caught:
        parquet.read(path)

    assert caught.value.hint == "pip install pyarrow"


def test_torch_file_weighs_its_storages(tmp_path: Path) -> None:
    """The zip directory says how large the storages are; the pickle beside them is left alone."""
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", b"not even a pickle")
        archive.writestr("m/data/0", b"\0" * 1000)
        archive.writestr("m/data/1", b"\0" * 24)

    assert api.data(tmp_path / "m.pt").tables[0].weights[0].held.expected == 1024
