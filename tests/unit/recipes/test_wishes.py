"""The words behind a model's name."""

from __future__ import annotations

import pytest

from memfit.errors import UsageError
from memfit.recipes.wishes import read


def test_the_example_of_the_help():
    found = read(["folder", "--train", "lora", "--seq", "4k", "--batch", "2"], "memfit estimate hf:x")
    assert (found.train, found.seq, found.batch, found.dtype) == ("lora", 4096, 2, "auto")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "everything"], "everything"),
        (["--seq", "-5"], "whole number"),
        (["--seq", "0"], "whole number"),
        (["--batch", "99999999999999"], "whole number"),
        (["--train", "lora", "--serve"], "not allowed"),
        (["--train", "qlora", "--dtype", "float32"], "16 bit"),
        (["--lora-dropout", "1"], "below 1"),
        (["--lora-dropout", "some"], "below 1"),
        (["--context", "4k"], "--serve"),
        (["--json"], "unrecognized"),
        (["--objective", "dpo"], "is of training"),
        (["--objective", "grpo", "--train", "full", "--mesh", "tp=2"], "not known on this mesh"),
        (["--mesh", "tp=0"], "from 1"),
        (["--mesh", "tp=2,tp=4"], "once each"),
        (["--mesh", "rows=2"], "once each"),
        (["--mesh", "tp=2,ep=3"], "does not divide"),
        (["--mesh", "pp=2", "--train", "lora"], "not by this mesh"),
        (["--mesh", "tp=2", "--train", "qlora"], "not by this mesh"),
        (["--reward", "hf:org/name", "--train", "full"], "of --objective grpo"),
        (["--mesh", "pp=2", "--train", "full"], "2 pipeline stages"),
        (["--mesh", "dp=2", "--train", "full", "--parallel", "ddp"], "two layouts"),
        (["--no-sync"], "--no-sync is of training"),
        (["--no-sync", "--train", "full", "--parallel", "zero2"], "--no-sync is of training"),
    ],
)
def test_wrong_words_are_told_with_an_example(words, said):
    with pytest.raises(UsageError, match=said) as told:
        read(["folder", *words], "memfit estimate hf:x")
    assert told.value.hint


def test_a_mesh_counts_its_ranks():
    mesh = read(["folder", "--train", "full", "--mesh", "tp=4,fsdp=8,dp=2,ep=8"], "test").mesh
    assert (mesh.ranks, mesh.tp, mesh.ep) == (64, 4, 8)


@pytest.mark.parametrize(
    ("words", "by"),
    [
        ([], "fsdp"),
        (["--software", "torch==2.3.1"], "fsdp1"),
        (["--software", "torch==2.4"], "fsdp"),
        (["--software", "torch==2.2", "--parallel", "ddp"], "ddp"),
        (["--software", "torch==2.2", "--mesh", "fsdp=2"], "fsdp"),
    ],
)
def test_old_versions_share_weights_by_the_older_wrapper(words, by):
    assert read(["folder", "--train", "full", *words], "test").parallel == by
