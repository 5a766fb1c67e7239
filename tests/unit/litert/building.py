"""Writes small models in TensorFlow Lite's format, table by table, for tests of what reads them."""

from __future__ import annotations

import struct
from pathlib import Path

FLOAT, INT8 = 0, 9
CONV, DEPTHWISE, FULL, RESHAPE, SOFTMAX, CUSTOM, WHILE = 3, 4, 9, 22, 25, 32, 119


def table(**fields):
    """A table by its fields' places: numbers as ("<i", 3), strings, bytes, lists of whole numbers or of tables."""
    return {int(name[1:]): value for name, value in fields.items()}


def tensor(shape, *, kind=FLOAT, buffer=0, variable=False, scales=0, signature=None):
    made = table(f0=list(shape), f1=("<b", kind), f2=("<I", buffer), f3="t")
    if scales:
        made[4] = table(f2=[0] * scales, f3=[0] * scales)
    if variable:
        made[5] = ("<b", 1)
    if signature is not None:
        made[7] = list(signature)
    return made


def operator(kind, inputs, outputs, options=None):
    made = table(f0=("<I", kind), f1=list(inputs), f2=list(outputs))
    if options is not None:
        made[3], made[4] = ("<B", 1), options
    return made


def model(tensors, operators, inputs, outputs, *, codes, buffers=(b"",), metadata=(), others=()):
    """The bytes of a model; ``others`` are graphs beside the first, ``codes`` the kinds, a string for a custom one."""
    graphs = [table(f0=tensors, f1=list(inputs), f2=list(outputs), f3=operators), *others]
    kinds = [
        table(f0=("<b", CUSTOM), f1=code, f3=("<i", CUSTOM))
        if isinstance(code, str)
        else table(f0=("<b", min(code, 127)), f3=("<i", code))
        for code in codes
    ]
    root = table(f0=("<I", 3), f1=kinds, f2=graphs, f4=[table(f0=data) if data else {} for data in buffers])
    if metadata:
        root[6] = [table(f0=name, f1=("<I", buffer)) for name, buffer in metadata]
    out = bytearray(8)
    out[4:8] = b"TFL3"
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def written(folder: Path, data: bytes, name: str = "model.tflite") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _table(out, fields):
    """Write a table and what it leads to behind it; where it begins."""
    _align(out)
    most = max(fields, default=-1) + 1
    listed = len(out)
    out += bytes(4 + 2 * most)
    _align(out)
    at = len(out)
    out += struct.pack("<i", at - listed)
    places = {}
    for field, value in fields.items():
        form = value[0] if isinstance(value, tuple) else "<I"
        while (len(out) - at) % struct.calcsize(form):
            out.append(0)
        places[field] = len(out)
        out += struct.pack(form, value[1] if isinstance(value, tuple) else 0)
    struct.pack_into("<HH", out, listed, 4 + 2 * most, len(out) - at)
    for field, place in places.items():
        struct.pack_into("<H", out, listed + 4 + 2 * field, place - at)
    for field, value in fields.items():
        if not isinstance(value, tuple):
            struct.pack_into("<I", out, places[field], _reached(out, value) - places[field])
    return at


def _reached(out, value):
    if isinstance(value, dict):
        return _table(out, value)
    _align(out)
    at = len(out)
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        out += struct.pack("<I", len(data)) + data + b"\0"
    elif value and isinstance(value[0], dict):
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, each in enumerate(value):
            place = at + 4 + 4 * index
            struct.pack_into("<I", out, place, _table(out, each) - place)
    else:
        out += struct.pack(f"<I{len(value)}i", len(value), *value)
    return at


def _align(out):
    while len(out) % 8:
        out.append(0)
