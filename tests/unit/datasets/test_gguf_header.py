"""GGUF headers: what is read of them, and what is refused."""

from __future__ import annotations

import struct

import pytest

from memfit.datasets.formats.gguf_header import Length, read_header
from memfit.datasets.opening import UnreadableData


def text(word):
    return struct.pack("<Q", len(word)) + word.encode()


def value(key, kind, data):
    return text(key) + struct.pack("<I", kind) + data


def tensor(name="t", shape=(256, 4), kind=12):
    return text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", kind, 0)


def file(values=(), tensors=(), *, version=3, magic=b"GGUF", claims=None):
    told = claims or (len(tensors), len(values))
    return magic + struct.pack("<IQQ", version, *told) + b"".join(values) + b"".join(tensors)


def read(data):
    return read_header(lambda start, count: data[start : start + count], "x.gguf")


WORDS = value("words", 9, struct.pack("<IQ", 8, 3) + text("a") + text("b") + text("c"))
NUMBERS = value("numbers", 9, struct.pack("<IQ3i", 5, 3, 4, 5, 6))


def test_values_lists_and_tensors():
    found = read(
        file([value("a.b", 4, struct.pack("<I", 7)), value("s", 8, text("qwen3")), WORDS, NUMBERS], [tensor()])
    )

    assert found.values == {"a.b": 7, "s": "qwen3", "words": 3, "numbers": [4, 5, 6]}
    assert isinstance(found.values["words"], Length)
    assert found.tensors["t"] == ("Q4_K", (256, 4), 4 * 144)


def test_a_long_header_is_read_in_pieces():
    many = value("words", 9, struct.pack("<IQ", 8, 400_000) + text("token") * 400_000)
    asked = []

    def part(start, count):
        asked.append((start, count))
        data = file([many], [tensor()])
        return data[start : start + count]

    assert read_header(part, "x.gguf").values["words"] == 400_000
    assert len(asked) == 3 and asked[0] == (0, 1 << 20)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + b"\0" * 40, "no GGUF"),
        (b"GG", "ends within"),
        (file(version=1), "version 1"),
        (file(claims=(1 << 40, 0)), "tensors"),
        (file(claims=(0, 1 << 40)), "values"),
        (file(claims=(5, 0)), "ends within"),
        (file([value("k", 99, b"\0" * 8)]), "type 99"),
        (file([value("k", 9, struct.pack("<IQ", 4, 1 << 60))]), "in a list"),
        (file([value("k", 8, struct.pack("<Q", 1 << 50))]), "bytes"),
        (file([text("k")[:4]], claims=(0, 1)), "ends within"),
        (file(tensors=[tensor(shape=(7, 4))]), "7 x 4"),
        (file(tensors=[tensor(shape=(1 << 40, 1 << 40))]), "the tensor"),
        (file(tensors=[tensor(shape=(0, 4))]), "the tensor"),
        (file(tensors=[tensor(kind=77)]), "type 77"),
        (file(tensors=[tensor(shape=(2,) * 9, kind=0)]), "9 dimensions"),
    ],
)
def test_headers_that_lie(data, said):
    with pytest.raises(UnreadableData, match=said):
        read(data)
