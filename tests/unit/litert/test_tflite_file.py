"""What a .tflite file says, and what broken ones are answered with."""

from __future__ import annotations

import random
import struct

import pytest
from tests.unit.litert.building import (
    CONV,
    CUSTOM,
    INT8,
    SOFTMAX,
    WHILE,
    model,
    operator,
    table,
    tensor,
    written,
)

from memfit.datasets.opening import UnreadableData
from memfit.litert import host, micro
from memfit.litert.arena import buffers_of
from memfit.litert.model import in_eight_bits, read_model


def small(**more):
    """One convolution of a picture, and a softmax; the number of pictures is left open."""
    tensors = [
        tensor((1, 8, 8, 3), signature=(-1, 8, 8, 3)),
        tensor((4, 3, 3, 3), buffer=1),
        tensor((4,), buffer=2),
        tensor((1, 6, 6, 4), signature=(-1, 6, 6, 4)),
        tensor((1, 6, 6, 4), signature=(-1, 6, 6, 4)),
    ]
    operators = [operator(0, (0, 1, 2), (3,)), operator(1, (3,), (4,))]
    return model(
        tensors, operators, (0,), (4,), codes=(CONV, SOFTMAX), buffers=(b"", bytes(4 * 108), bytes(16)), **more
    )


def test_tensors_operators_and_weights_are_read(tmp_path):
    found = read_model(written(tmp_path, small()))
    (graph,) = found.graphs
    assert [each.shape for each in graph.tensors] == [(1, 8, 8, 3), (4, 3, 3, 3), (4,), (1, 6, 6, 4), (1, 6, 6, 4)]
    assert [each.code for each in graph.operators] == [CONV, SOFTMAX]
    assert graph.operators[0].inputs == (0, 1, 2)
    assert graph.inputs == (0,)
    assert graph.outputs == (4,)
    assert found.stored_bytes == 4 * 108 + 16
    assert found.open_batch


def test_a_batch_that_the_file_leaves_open_is_taken_from_the_user(tmp_path):
    path = written(tmp_path, small())
    one, four = (read_model(path, batch).graphs[0].tensors for batch in (1, 4))
    assert four[0].shape == (4, 8, 8, 3)
    assert four[3].bytes == 4 * one[3].bytes
    assert four[1].bytes == one[1].bytes


def test_eight_bits_take_a_quarter_of_floats(tmp_path):
    found = read_model(written(tmp_path, small()))
    smaller = in_eight_bits(found)
    assert {each.kind for each in smaller.graphs[0].tensors} == {INT8}
    assert smaller.stored_bytes == found.stored_bytes // 4
    assert found.file_bytes - smaller.file_bytes == found.stored_bytes - smaller.stored_bytes


def test_custom_operators_and_planned_places_are_read(tmp_path):
    plan = struct.pack("<8i", 1, 0, 5, 0, -1, -1, 768, -1)
    data = model(
        [tensor((1, 8)), tensor((8, 8), buffer=1), tensor((8,), buffer=1), tensor((1, 8)), tensor((1, 8))],
        [operator(0, (0,), (3,)), operator(1, (3, -1), (4,))],
        (0,),
        (4,),
        codes=("Filter", SOFTMAX),
        buffers=(b"", bytes(256), plan),
        metadata=(("OfflineMemoryAllocation", 2),),
    )
    graph = read_model(written(tmp_path, data)).graphs[0]
    assert [each.offset for each in graph.tensors] == [0, None, None, 768, None]
    assert (graph.operators[0].name, graph.operators[0].is_custom) == ("Filter", True)
    assert graph.operators[0].code == CUSTOM


def test_graphs_that_run_each_other_end_in_a_word(tmp_path):
    loop = table(f0=("<i", 0), f1=("<i", 0))
    data = model([tensor((4,))], [operator(0, (0,), (0,), loop)], (0,), (0,), codes=(WHILE,))
    found = read_model(written(tmp_path, data))
    with pytest.raises(UnreadableData, match="each other without an end"):
        buffers_of(found, alignment=16, scratch=lambda graph, each: ())


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "no TensorFlow Lite model"),
        (b"PK\x03\x04 a zip file, much longer than a mark", "no TensorFlow Lite model"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(64), "points outside itself"),
        (model([tensor((4,), buffer=7)], [], (0,), (0,), codes=()), "a tensor of shape"),
        (model([tensor((1 << 30, 1 << 30))], [], (0,), (0,), codes=()), "a tensor of shape"),
        (model([tensor((4,))], [operator(3, (0,), (0,))], (0,), (0,), codes=(CONV,)), "operator of kind 3"),
        (model([tensor((4,))], [operator(0, (9,), (0,))], (0,), (0,), codes=(CONV,)), "tensor 9 of 1"),
    ],
)
def test_what_is_no_model_is_said(tmp_path, data, word):
    with pytest.raises(UnreadableData, match=word):
        read_model(written(tmp_path, data))


def test_what_is_not_there_or_no_file_is_said(tmp_path):
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(UnreadableData, match=str(tmp_path)):
            read_model(path)


def test_a_broken_file_ends_in_a_word_wherever_it_is_broken(tmp_path):
    """Cut anywhere, or with any byte changed: it is read, or refused as a file, and nothing else happens."""
    whole, chosen = small(), random.Random(0)
    for end in range(0, len(whole), 7):
        _read(tmp_path, whole[:end])
    for _ in range(500):
        broken = bytearray(whole)
        for _ in range(chosen.randint(1, 4)):
            broken[chosen.randrange(8, len(broken))] = chosen.choice((0, 1, 0x7F, 0x80, 0xFF, chosen.randrange(256)))
        _read(tmp_path, bytes(broken))


def _read(folder, data):
    try:
        found = read_model(written(folder, data))
        buffers_of(found, alignment=16, scratch=lambda graph, each: ())
        micro.arena(found, micro.BITS_32, optimised=True)
        host.held(found)
    except UnreadableData as error:
        assert "model.tflite" in error.message or "the model" in error.message
