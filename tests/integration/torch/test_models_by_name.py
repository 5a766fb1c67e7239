"""Models by name: built from a configuration by the library that builds them, and put to work as a recipe says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("transformers")

from memfit import advise, estimate
from memfit.errors import UsageError
from memfit.quantities import Category
from memfit.recipes import naming
from memfit.recipes.language import built
from memfit.recipes.wishes import read

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("warm")]

CARD = "rtx4090-24gb"
SMALL = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096, "dtype": "bfloat16",
    "tie_word_embeddings": False,
}  # fmt: skip
LAYER = 2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 512
WEIGHTS = 4 * (LAYER + 2 * 256) + 256 + 2 * 4096 * 256


@pytest.fixture
def small(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    return str(tmp_path)


def part(found, category, pool="cuda:0"):
    return sum(each.range.expected for each in found.pool(pool).components if each.category is category)


@pytest.mark.parametrize("name", sorted(naming.known()))
def test_what_comes_along_has_the_published_number_of_parameters(name):
    wishes = read([str(naming.find(f"hf:{name}").folder), "--seq", "128"], "test")
    assert sum(weight.numel() for weight in built(wishes).parameters()) == naming.known()[name]["parameters"]


def test_a_fork_tells_of_the_devices_what_a_fresh_process_does(small, monkeypatch):
    """The other tests here estimate in forks of a process that has loaded the libraries, as `advise` does."""
    words = ["--train", "qlora", "--seq", "64"]
    forked = estimate(small, words, on=CARD)
    monkeypatch.undo()
    fresh = estimate(small, words, on=CARD)

    assert fresh.cost["process_peak_bytes"] != forked.cost["process_peak_bytes"]
    assert fresh.pool("cuda:0") == forked.pool("cuda:0")
    assert fresh.assumptions == forked.assumptions


def test_full_training_holds_weights_gradients_and_two_moments(small):
    found = estimate(small, ["--train", "full", "--seq", "64", "--on", CARD])
    assert found.target["kind"] == "model"
    assert WEIGHTS * 2 <= part(found, Category.PARAMETERS) <= WEIGHTS * 2 * 1.01  # each rounded up to 512 B
    assert 2 * WEIGHTS * 2 <= part(found, Category.OPTIMIZER_STATE) <= 2 * WEIGHTS * 2 * 1.01
    assert "model-by-name" in {each.slug for each in found.assumptions}


@pytest.mark.parametrize("words", ["--seq 16 --generate 120 --batch 8", "--seq 128 --generate 60 --batch 8"])
def test_text_in_strides_takes_what_it_takes_token_by_token(small, words):
    whole = estimate(small, [*words.split(), "--every-token"], on=CARD, passes=200).pool("cuda:0")
    short = estimate(small, words.split(), on=CARD).pool("cuda:0")
    assert short.allocated_peak_bytes == pytest.approx(whole.allocated_peak_bytes, rel=0.005)
    assert short.reserved_peak_bytes == pytest.approx(whole.reserved_peak_bytes, rel=0.05, abs=2 << 20)  # a segment


def test_a_cache_that_outgrows_the_prompt_is_seen(small):
    cache = 2 * 2 * 4 * 2 * 32 * 16  # bytes of a token of 16 sequences: keys and values of 4 layers, 2 heads of 32
    peaks = [estimate(small, ["--seq", "64", "--generate", n, "--batch", "16"], on=CARD).pool("cuda:0")
             for n in ("2000", "3000")]  # fmt: skip
    assert peaks[1].allocated_peak_bytes - peaks[0].allocated_peak_bytes >= 1000 * cache


def test_adapters_in_the_type_of_the_weights_take_half(small):
    pytest.importorskip("peft")
    words = ["--train", "qlora", "--seq", "64", "--lora-rank", "64"]
    of_a_layer = 64 * (2 * (256 + 256) + 2 * (256 + 64) + 3 * (256 + 512))
    found = estimate(small, [*words, "--lora-dtype", "weights"], on=CARD)
    assert 4 * of_a_layer * 2 * 2 <= part(found, Category.OPTIMIZER_STATE) <= 4 * of_a_layer * 2 * 2 * 1.05
    assert part(found, Category.PARAMETERS) < part(estimate(small, words, on=CARD), Category.PARAMETERS)


def test_adapters_are_on_the_device_with_their_optimizer(small):
    pytest.importorskip("peft")
    found = estimate(small, ["--train", "lora", "--seq", "64", "--lora-rank", "64"], on=CARD)
    of_a_layer = 64 * (2 * (256 + 256) + 2 * (256 + 64) + 3 * (256 + 512))
    adapters = 4 * 4 * of_a_layer
    assert adapters * 2 <= part(found, Category.OPTIMIZER_STATE) <= adapters * 2.05
    assert part(found, Category.OPTIMIZER_STATE, "host") == 0
    assert part(found, Category.PARAMETERS) >= WEIGHTS * 2 + adapters


def test_weights_of_four_bits(small):
    pytest.importorskip("peft")
    found = estimate(small, ["--train", "qlora", "--seq", "64"], on=CARD)
    packed = 4 * LAYER // 2
    rest = (WEIGHTS - 4 * LAYER) * 4  # not quantised: float32, as peft prepares them
    adapters = 4 * 4 * 16 * (2 * (256 + 256) + 2 * (256 + 64) + 3 * (256 + 512))
    assert packed + rest + adapters <= part(found, Category.PARAMETERS) <= (packed + rest + adapters) * 1.02


def test_caches_of_all_requests_are_held(small):
    words = ["--serve", "--context", "8k", "--concurrent", "16"]
    found = estimate(small, words, on=CARD)
    caches = 16 * 8192 * 4 * 2 * 2 * 32 * 2  # requests, tokens, layers, keys and values, heads, width, bytes
    fewer = estimate(small, [*words[:-1], "8"], on=CARD)
    more = found.pool("cuda:0").allocated_peak_bytes - fewer.pool("cuda:0").allocated_peak_bytes
    assert more == caches // 2


def test_ranks_share_the_weights(small):
    one = estimate(small, ["--train", "full", "--seq", "64", "--on", CARD])
    four = estimate(small, ["--train", "full", "--seq", "64", "--on", f"4x{CARD}"])
    assert four.target["ranks_per_node"] == 4
    assert part(four, Category.OPTIMIZER_STATE) == pytest.approx(part(one, Category.OPTIMIZER_STATE) / 4, rel=0.02)


@pytest.mark.parametrize("kind", ["lora", "qlora"])
def test_flat_units_share_frozen_and_trained_weights_among_ranks(small, kind):
    pytest.importorskip("peft")
    words = ["--train", kind, "--seq", "64", "--lora-rank", "64", "--lora-dtype", "weights"]
    one = estimate(small, words, on=CARD)
    two = estimate(small, [*words, "--parallel", "fsdp1"], on=f"2x{CARD}")
    assert part(two, Category.OPTIMIZER_STATE) == pytest.approx(part(one, Category.OPTIMIZER_STATE) / 2, rel=0.05)
    assert part(two, Category.PARAMETERS) < 0.65 * part(one, Category.PARAMETERS)  # a gathered unit comes to it


def test_frozen_weights_in_a_unit_with_adapters_get_gradients_that_waiting_keeps_whole(small):
    pytest.importorskip("peft")
    words = ["--train", "lora", "--seq", "8", "--lora-dtype", "weights", "--parallel", "fsdp1", "--accumulate", "2"]
    apart, together, waiting = (
        estimate(small, [*words, *more], on=f"2x{CARD}")
        for more in ([], ["--fsdp-units", "layers"], ["--fsdp-units", "layers", "--no-sync"])
    )
    peaks = [each.pools[0].allocated_peak_bytes for each in (apart, together, waiting)]  # of the fullest rank
    a_rank = 4 * LAYER * 2 // 2  # bytes of its gradients, where frozen weights have them
    assert peaks[1] - peaks[0] >= 0.9 * a_rank
    assert peaks[2] - peaks[1] >= 0.9 * a_rank
    assert "gradients-exchanged" in {each.slug for each in together.assumptions}
    assert "gradients-exchanged" not in {each.slug for each in waiting.assumptions}


@pytest.mark.parametrize(
    ("told", "words", "said"),
    [
        ({"model_type": "unheard-of"}, [], "unheard-of"),
        ({"model_type": "gpt2", "n_positions": 128}, ["--seq", "4096"], "128 positions"),
        ({"model_type": "vit"}, [], "ViTConfig"),
    ],
)
def test_what_cannot_be_built_is_told_in_a_sentence(tmp_path, told, words, said):
    (tmp_path / "config.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match=said):
        estimate(str(tmp_path), words, on=CARD)


def test_several_devices_share_every_layer_to_serve(small):
    words = ["--serve", "--context", "8k", "--concurrent", "16"]
    one, two = estimate(small, words, on=CARD), estimate(small, words, on=f"2x{CARD}")
    assert part(two, Category.PARAMETERS) == pytest.approx(part(one, Category.PARAMETERS) / 2, rel=0.02)
    assert part(two, Category.CACHE) == pytest.approx(part(one, Category.CACHE) / 2, rel=0.02)
    assert part(two, Category.PARAMETERS, "host") == 0


def test_a_mesh_shares_layers_and_weights(small):
    words = ["--train", "full", "--seq", "64"]
    one = estimate(small, [*words, "--on", CARD])
    eight = estimate(small, [*words, "--mesh", "tp=2,fsdp=4", "--on", CARD])
    assert eight.target["ranks_per_node"] == 8
    assert part(eight, Category.OPTIMIZER_STATE) == pytest.approx(part(one, Category.OPTIMIZER_STATE) / 8, rel=0.1)
    assert part(eight, Category.OPTIMIZER_STATE, "host") < 1 << 20


def test_pairs_hold_the_model_as_it_was_too(small):
    words = ["--train", "full", "--seq", "64", "--dtype", "bfloat16"]
    alone, pairs = (estimate(small, [*words, *more], on=CARD) for more in ([], ["--objective", "dpo"]))
    assert part(pairs, Category.PARAMETERS) == pytest.approx(2 * part(alone, Category.PARAMETERS), rel=0.01)
    assert part(pairs, Category.OPTIMIZER_STATE) == pytest.approx(part(alone, Category.OPTIMIZER_STATE), rel=0.01)


def test_own_answers_are_written_and_learnt_from(small):
    words = ["--train", "full", "--seq", "64", "--objective", "grpo", "--completion", "32", "--batch", "2"]
    one, four = (estimate(small, [*words, *more], on=CARD) for more in ([], ["--accumulate", "4"]))
    assert part(one, Category.OPTIMIZER_STATE) == part(four, Category.OPTIMIZER_STATE)
    assert {each.phase.value for each in (one.pool("cuda:0").peak_at, four.pool("cuda:0").peak_at)} <= {
        "backward", "forward", "optimizer", "evaluation",
    }  # fmt: skip


def test_a_model_that_gives_rewards_stands_beside(small):
    words = ["--train", "full", "--seq", "64", "--objective", "grpo", "--completion", "16"]
    alone, judged = (estimate(small, [*words, *more], on=CARD) for more in ([], ["--reward", small]))
    added = part(judged, Category.PARAMETERS) - part(alone, Category.PARAMETERS)
    assert added == pytest.approx((WEIGHTS - 4096 * 256) * 2, rel=0.02)  # one score in the place of the vocabulary
    assert part(judged, Category.OPTIMIZER_STATE) == part(alone, Category.OPTIMIZER_STATE)
    assert "rewards by" in judged.assumptions[0].text


def test_adapters_are_shared_with_the_layers_they_stand_on(small):
    pytest.importorskip("peft")
    words = ["--train", "lora", "--seq", "64", "--lora-rank", "64"]
    one, four = (estimate(small, [*words, *more, "--on", CARD]) for more in ([], ["--mesh", "tp=2,fsdp=2"]))
    assert part(four, Category.OPTIMIZER_STATE) < 0.6 * part(one, Category.OPTIMIZER_STATE)
    assert part(four, Category.PARAMETERS) < 0.4 * part(one, Category.PARAMETERS)


def test_advice_is_about_the_model(small):
    found = advise(
        small, ["--train", "full", "--seq", "64", "--batch", "4"], on=CARD, only=("lighter-optimizer",), seconds=30
    )
    assert (found.target["kind"], found.target["name"]) == ("model", small)


def test_an_optimizer_of_eight_bits_keeps_a_byte_for_each_state(small):
    words = ["--train", "full", "--seq", "64", "--dtype", "bfloat16", "--on", CARD]
    whole, eight = (part(estimate(small, [*words, *more]), Category.OPTIMIZER_STATE)
                    for more in ([], ["--optimizer", "adamw8bit"]))  # fmt: skip
    assert eight == pytest.approx(whole / 2, rel=0.05)
    paged = estimate(small, [*words, "--optimizer", "paged-adamw8bit"])
    assert part(paged, Category.OPTIMIZER_STATE) < eight / 4
    assert part(paged, Category.OPTIMIZER_STATE, "host") > eight / 2


def test_stages_share_the_layers_and_every_layer_is_shared(small):
    words = ["--train", "full", "--seq", "64", "--accumulate", "2", "--mesh", "pp=2,tp=2", "--on", CARD]
    found = estimate(small, words)
    assert [role.ranks for role in found.roles] == ["0-1", "2-3"]
    held = [sum(each.range.expected for each in role.pools[0].components if each.category is Category.PARAMETERS)
            for role in found.roles]  # fmt: skip
    assert sum(held) == pytest.approx(WEIGHTS * 2 / 2, rel=0.05)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--serve", "--mesh", "tp=2", "--ranks", "4"], "2 ranks, and the job 4"),
        (["--serve", "--mesh", "ep=2,tp=2"], "cannot be spread"),
    ],
)
def test_a_mesh_that_cannot_be_is_told_in_a_sentence(small, words, said):
    with pytest.raises(UsageError, match=said):
        estimate(small, words, on=CARD)


def test_large_shares_of_a_weight_stay_with_their_device(tmp_path):
    """A share above the size at which the host's tensors are simulated: it was put on the host once."""
    (tmp_path / "config.json").write_text(json.dumps({**SMALL, "vocab_size": 600_000, "num_hidden_layers": 1}))
    found = estimate(str(tmp_path), ["--train", "full", "--seq", "64", "--on", f"2x{CARD}"])
    assert part(found, Category.PARAMETERS, "host") == 0
    assert part(found, Category.PARAMETERS) > 600_000 * 256 * 2


def test_the_recipe_runs_for_real(small):
    """As a module, and every way that it can be asked for in a process that loads the libraries once."""
    command = [small, "--seq", "16", "--steps", "1"]
    trainings = [["--train", "full", "--objective", each, "--completion", "4"] for each in ("sft", "dpo", "grpo")]
    ways = [[*command, *words] for words in (*trainings, ["--generate", "2"], ["--serve", "--context", "32"])]
    each = (
        "import json, sys\nfrom memfit.recipes.language import main\nfor words in json.loads(sys.argv[1]): main(words)"
    )
    for started in (["-m", "memfit.recipes.language", *command], ["-c", each, json.dumps(ways)]):
        done = subprocess.run([sys.executable, *started], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-500:]


def test_changing_lengths_reserve_more_than_their_longest_alone(small):
    words = ["--train", "full", "--checkpointing", "--batch", "16"]
    alike = estimate(small, [*words, "--seq", "512"], on=CARD).pool("cuda:0")
    found = estimate(small, [*words, "--lengths", "32..512"], on=CARD)
    assert found.pool("cuda:0").allocated_peak_bytes == pytest.approx(alike.allocated_peak_bytes, rel=0.02)
    assert found.pool("cuda:0").reserved_peak_bytes > 1.2 * alike.reserved_peak_bytes
    beyond = found.pool("cuda:0").reserved_peak_bytes - found.pool("cuda:0").allocated_peak_bytes
    spread = found.pool("cuda:0").peak_bytes.high - found.pool("cuda:0").peak_bytes.expected
    assert spread > 0.5 * beyond, "another order may leave half as much again"
    assert "lengths-drawn" in {each.slug for each in found.assumptions}


def test_a_version_of_torch_decides_what_its_context_takes(small):
    words = ["--train", "full", "--seq", "64"]
    now = estimate(small, words, on=CARD)
    then = estimate(small, [*words, "--software", "torch==1.10,cuda==11.3"], on=CARD)
    assert part(then, Category.FRAMEWORK) > 1.5 * part(now, Category.FRAMEWORK)
    assert "filled with zeros" in next(each.text for each in then.assumptions if each.slug == "other-software")


def test_adapters_without_autocast_copy_their_inputs_and_dropout_keeps_a_mask(small):
    pytest.importorskip("peft")
    words = ["--train", "lora", "--seq", "512", "--batch", "8", "--lora-targets", "down_proj"]
    plain, bare, dropped = (
        estimate(small, [*words, *more], on=CARD).pool("cuda:0").allocated_peak_bytes
        for more in ((), ("--autocast", "none"), ("--lora-dropout", "0.05"))
    )
    kept = 4 * 512 * 8 * 512  # numbers before the adapters of all four layers
    assert bare - plain > kept * 2  # float32 beside bfloat16
    assert 0.7 * kept <= dropped - plain <= 1.1 * kept  # a mask of a byte each; its copy stands for the input
