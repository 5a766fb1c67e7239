"""How the runtimes place tensors, and what LiteRT and TFLite Micro hold of a model by that."""

from __future__ import annotations

import random

import pytest
from tests.unit.litert.building import CONV, INT8, model, operator, tensor, written
from tests.unit.litert.test_tflite_file import small

from memfit.litert import host, micro
from memfit.litert.arena import Buffer, first_gap, smallest_gap
from memfit.litert.model import read_model


def buffer(size, first, last, offset=None):
    return Buffer(bytes=size, first=first, last=last, offset=offset)


def test_buffers_that_never_meet_share_a_place():
    chain = [buffer(100, 0, 1), buffer(100, 1, 2), buffer(100, 2, 3), buffer(100, 3, 4)]
    assert first_gap(chain) == smallest_gap(chain) == 200


def test_a_gap_is_filled_and_micro_takes_the_first_that_holds_it():
    # the last one lies in the 32 bytes between the one of 64 and that of 80
    lying = [buffer(96, 4, 6), buffer(80, 0, 9), buffer(64, 1, 3), buffer(48, 0, 9), buffer(32, 0, 3)]
    assert first_gap(lying) == smallest_gap(lying) == 224
    # gaps of 50 and 40: the one of 40 takes the first, so that of those of 25 only one finds a place
    fixed = [buffer(10, 0, 9, offset=50), buffer(10, 0, 9, offset=100)]
    assert first_gap([*fixed, buffer(40, 0, 9), buffer(25, 0, 9), buffer(25, 0, 9)]) == 135


@pytest.mark.parametrize("place", [first_gap, smallest_gap])
def test_a_plan_is_no_smaller_than_what_lives_at_once_and_no_larger_than_all(place):
    chosen = random.Random(1)
    for _ in range(50):
        made = []
        for _ in range(chosen.randint(1, 30)):
            first = chosen.randrange(20)
            made.append(buffer(16 * chosen.randint(1, 40), first, first + chosen.randint(0, 5)))
        at_once = max(sum(each.bytes for each in made if each.first <= now <= each.last) for now in range(26))
        assert at_once <= place(made) <= sum(each.bytes for each in made)


def test_the_arena_is_the_plan_and_the_records(tmp_path):
    found = read_model(written(tmp_path, small()))
    arena = micro.arena(found, micro.BITS_64)
    assert arena.plan == 4 * 8 * 8 * 3 + 4 * 6 * 6 * 4  # the softmax lies where the picture was
    assert arena.bytes == arena.plan + arena.tail
    assert micro.arena(found, micro.BITS_32).tail < arena.tail


def test_making_the_plan_counts_where_tensors_are_small(tmp_path):
    tensors = [tensor((1,)) for _ in range(60)]
    operators = [operator(0, (each,), (each + 1,)) for each in range(59)]
    found = read_model(written(tmp_path, model(tensors, operators, (0,), (59,), codes=(22,))))
    arena = micro.arena(found, micro.BITS_32)
    assert arena.making > arena.plan
    assert arena.bytes == arena.making + arena.tail


def test_variables_stay_and_arms_kernels_ask_for_more(tmp_path):
    tensors = [
        tensor((1, 16, 16, 8), kind=INT8, scales=1),
        tensor((8, 3, 3, 8), kind=INT8, buffer=1, scales=8),
        tensor((1, 16, 16, 8), kind=INT8, scales=1),
        tensor((1, 100), kind=INT8, variable=True),
    ]
    data = model(tensors, [operator(0, (0, 1, -1, 3), (2,))], (0,), (2,), codes=(CONV,), buffers=(b"", bytes(576)))
    found = read_model(written(tmp_path, data))
    arena = micro.arena(found, micro.BITS_32)
    assert arena.variables == 112
    assert micro.arena(found, micro.BITS_32, optimised=True).plan == arena.plan + 2 * 2 * 9 * 8


def test_litert_packs_weights_and_lists_inputs(tmp_path):
    held = host.held(read_model(written(tmp_path, small())))
    assert held.packed == 16 * (4 * 27 + 4)  # four channels, packed as sixteen, each with its bias
    assert held.tables.low == 6 * 6 * 9 * 8
    assert held.tables.low < held.tables.expected < held.tables.high
    assert held.plan == 4 * 8 * 8 * 3 + 4 * 6 * 6 * 4
