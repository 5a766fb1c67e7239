"""Batches of changing lengths."""

from __future__ import annotations

import pytest

from memfit.errors import UsageError
from memfit.recipes.wishes import read


def lengths(text, count=12, rows=1):
    return read(["folder", "--train", "full", "--lengths", text], "test").lengths.of_batches(count, rows)


def test_all_lengths_between_two_come_once_and_the_longest_late_as_well():
    drawn = lengths("100..1300", 24)
    assert drawn == lengths("100..1300", 24)
    assert drawn[-1] == drawn[12] == max(drawn) == 1300
    assert 100 < min(drawn) < 200
    assert drawn != sorted(drawn)


def test_a_list_is_drawn_as_often_as_its_lengths_stand_there():
    drawn = lengths("512,512,2k", 12)
    assert set(drawn) == {512, 2048}
    assert 4 <= drawn.count(2048) <= 6  # a third, and the two that are the longest in any case


def test_a_batch_is_as_long_as_its_longest_sequence():
    assert sum(lengths("100..1300", 24, rows=8)) > 1.3 * sum(lengths("100..1300", 24))


def test_there_are_steps_enough_for_them():
    found = read(["folder", "--train", "lora", "--lengths", "91..2048", "--accumulate", "2"], "test")
    assert (found.seq, found.steps) == (2048, 12)
    assert read(["folder", "--train", "lora", "--seq", "2048"], "test").steps == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "full", "--lengths", "2048..128"], "shortest"),
        (["--train", "full", "--lengths", "1..2..3"], "shortest"),
        (["--train", "full", "--lengths", "many"], "whole number"),
        (["--train", "full", "--lengths", "1..9", "--seq", "8"], "two answers"),
        (["--train", "full", "--lengths", "1..9", "--mesh", "tp=2"], "without a mesh"),
        (["--generate", "9", "--lengths", "1..9"], "is of training"),
    ],
)
def test_wrong_lengths_are_told(words, said):
    with pytest.raises(UsageError, match=said):
        read(["folder", *words], "test")
