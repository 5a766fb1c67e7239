"""ZeRO by DeepSpeed's rules: what a rank holds, beside the figures of DeepSpeed's own estimators of model states."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("transformers")

from tests.samples.small_llama import BUCKET, CARD, RANKS, SMALL, WEIGHTS

from memfit import estimate
from memfit.errors import UsageError
from memfit.quantities import Category

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("warm")]

WORDS = ["--train", "full", "--seq", "16", "--zero-bucket", str(BUCKET), "--on", f"{RANKS}x{CARD}"]


@pytest.fixture
def small(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    return str(tmp_path)


def part(found, category, pool="cuda:0"):
    return sum(each.range.expected for each in found.pool(pool).components if each.category is category)


def held(found):
    """Tensors between two steps, in bytes."""
    return found.pool("cuda:0").steps[-1].end_bytes


def test_states_are_shared_from_the_first_stage_on(small):
    """Two bytes for each weight, and twelve for a rank's part: its float32 copy and two moments."""
    found = estimate(small, [*WORDS, "--parallel", "zero1"])
    states = 2 * WEIGHTS + 12 * WEIGHTS / RANKS
    assert states <= held(found) < states * 1.02 + (80 << 20)  # the matrix products' workspaces


def test_two_stages_peak_as_deepspeeds_estimator_says(small):
    """estimate_zero2_model_states_mem_needs: 2 bytes for each weight, 18 for each of a rank's part, and no buffers."""
    found = estimate(small, [*WORDS, "--parallel", "zero2"]).pool("cuda:0")
    states = 2 * WEIGHTS + 18 * WEIGHTS // RANKS
    peak = found.allocated_peak_bytes
    assert 0.8 * states < peak
    beside = 80 << 20  # workspaces; activations of 16 tokens are small
    assert peak < states + 2 * 2 * BUCKET + 2 * 2 * 8192 * 512 + beside


def test_weights_are_shared_by_the_third(small):
    second, third = (estimate(small, [*WORDS, "--parallel", f"zero{stage}"]) for stage in (2, 3))
    shared = 2 * WEIGHTS - 2 * 2 * WEIGHTS / RANKS  # a rank keeps its part of the weights and of their gradients
    assert held(second) - held(third) == pytest.approx(shared - 2 * BUCKET, rel=0.05)  # and the buffer between steps
    assert third.target["ranks_per_node"] == RANKS


def test_offloaded_states_are_the_hosts(small):
    here, away = (
        estimate(small, [*WORDS, "--parallel", "zero2", *more]) for more in ([], ["--zero-offload", "optimizer"])
    )
    assert part(away, Category.OPTIMIZER_STATE) < part(here, Category.OPTIMIZER_STATE) / 10
    assert part(away, Category.OPTIMIZER_STATE, "host") >= 8 * WEIGHTS * 0.99  # of all eight ranks


def test_the_norm_of_offloaded_gradients_is_taken_on_the_device(small):
    """One slice after the other by a copy in float64; the embeddings fill the first rank's part."""
    found = estimate(small, [*WORDS, "--parallel", "zero2", "--zero-offload", "optimizer"])
    assert found.pool("cuda:0").allocated_peak_bytes > held(found) + 8 * WEIGHTS / RANKS


@pytest.mark.parametrize(
    "words",
    [["--parallel", "zero2", "--train", "lora"], ["--parallel", "zero3", "--checkpointing", "--accumulate", "2"]],
)
def test_other_ways_to_train_run_under_it(small, words):
    assert estimate(small, [*WORDS, *words]).pool("cuda:0").allocated_peak_bytes > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "qlora", "--parallel", "zero2"], "low-rank adapters"),
        (["--train", "full", "--parallel", "zero2", "--zero-offload", "all"], "zero3 alone"),
        (["--train", "full", "--zero-offload", "optimizer"], "of --parallel zero"),
        (["--train", "full", "--parallel", "zero2", "--mesh", "fsdp=8"], "two layouts"),
        (["--train", "full", "--parallel", "zero2", "--zero-bucket", "-5"], "like 5e8"),
    ],
)
def test_wrong_words_are_told(small, words, said):
    with pytest.raises(UsageError, match=said):
        estimate(small, words, on=CARD)
