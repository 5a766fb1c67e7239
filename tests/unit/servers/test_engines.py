"""vLLM's and SGLang's plans: what more of a thing does, what a version changes, and when the engine refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.engines import page
from benchmarks.engines.predict import logs, model, said

from memfit.api.by_engine import card_of
from memfit.errors import UsageError
from memfit.machines import find
from memfit.servers import wishes
from memfit.servers.plan import refusal
from memfit.servers.starting import job_of, plan_of
from memfit.servers.version import engine

LLAMA = "meta-llama/Llama-3.1-8B"


def planned(words="", *, name=LLAMA, on="h100-80gb", tensor=1, text="vllm==0.11.0"):
    settings = wishes.read(["--engine", text, "--context", "8k", *words.split()], "memfit estimate x")
    job = job_of(model(name), settings, tensor=tensor, name=name)
    return job, plan_of(job, card_of(find(on), tensor * settings.stages))


def cache(*arguments, **more):
    return planned(*arguments, **more)[1].cache


def test_parts_and_cache_are_the_share_that_was_asked_for():
    _, plan = planned()
    parts = plan.weights.expected + plan.activations.expected + plan.beside.expected + plan.cache.expected
    assert parts == plan.requested_bytes
    assert plan.cache.low < plan.cache.expected < plan.cache.high


@pytest.mark.parametrize("text", ["vllm==0.6.4", "vllm==0.8.5", "vllm==0.11", "vllm==0.27", "sglang==0.4.6", "sglang"])
def test_more_leaves_less_or_more_for_the_cache(text):
    """In every version: a larger share, more ranks, quantised weights and fewer tokens at once leave more."""
    plain = cache(text=text).expected
    assert cache("--utilization 0.95", text=text).expected > plain > cache("--utilization 0.6", text=text).expected
    assert cache(text=text, tensor=2).expected > plain
    assert cache("--prefill 65536", text=text).expected <= plain
    assert cache("--cpu-offload 4GiB", text=text).expected == plain + (4 << 30)
    assert cache("--lora-rank 16 --max-loras 4", text=text).expected < plain
    draft = planned("--draft eagle --utilization 0.9", text=text)[1], planned("--utilization 0.9", text=text)[1]
    if "sglang" in text:  # loaded when the pool has been sized: beside it
        assert draft[0].beside.expected > draft[1].beside.expected
    else:
        assert draft[0].cache.expected < draft[1].cache.expected
    assert cache(name="Qwen/Qwen3-8B-FP8", text=text).expected > cache(name="Qwen/Qwen3-8B", text=text).expected


def test_a_cache_in_a_byte_holds_twice_the_tokens():
    (job, plain), (_, narrow) = planned(), planned("--cache-dtype fp8")
    size = plain.cache.expected
    assert narrow.pool.tokens(size, job.context) == pytest.approx(2 * plain.pool.tokens(size, job.context), abs=16)


def test_what_versions_change():
    """Graphs lie beyond the share until 0.21; the share is 0.92 since 0.20; the first generation ended with 0.11."""
    (_, before), (_, after) = planned(text="vllm==0.19"), planned(text="vllm==0.21")
    assert (before.fraction, after.fraction) == (0.9, 0.92)
    found = after.weights, after.activations, after.beside, after.graphs, after.cache
    assert sum(each.expected for each in found) == after.requested_bytes
    assert "beyond" in " ".join(before.rules)
    assert "beyond" not in " ".join(after.rules)
    (_, old), (_, new) = planned(on="t4", text="vllm==0.8.5"), planned(on="t4", text="vllm==0.11")
    assert (old.batched, new.batched) == (8192, 2048)
    assert planned("--eager")[1].graphs.high == 0


def test_the_first_generation_measures_a_whole_context_and_long_ones_in_chunks():
    (_, short), (_, long) = planned(text="vllm==0.6.4"), planned("--context 64k", text="vllm==0.6.4")
    assert (short.batched, long.batched) == (8192, 512)
    assert short.activations.expected > long.activations.expected


def test_shares_of_sglang_by_version_card_and_ranks():
    def share(text, on="h100-80gb", tensor=1):
        return planned(text=text, on=on, tensor=tensor)[1].fraction

    assert (share("sglang==0.4.6"), share("sglang==0.4.6", tensor=4)) == (0.88, 0.85)
    assert share("sglang==0.4.9", on="rtx4090-24gb") == pytest.approx(0.88, abs=0.005)
    assert share("sglang==0.5.5") == pytest.approx(0.84, abs=0.01)
    assert share("sglang==0.5.5", tensor=8) <= share("sglang==0.5.5")


def test_an_engine_that_would_not_start_says_what_to_set():
    job, plan = planned("--context 29000", on="rtx3090-24gb", text="vllm==0.6.4")
    said = refusal(plan, job)
    assert "29,000 tokens needs 3.54 GiB" in said
    assert "--context" in said
    shorter = replace(job, context=plan.pool.longest(plan.cache.expected, job.context))
    assert refusal(plan, shorter) == ""
    assert "nothing is left" in refusal(*reversed(planned(name="Qwen/Qwen3-32B", on="rtx4090-24gb")))
    assert refusal(*reversed(planned("--context 128k", on="rtx4090-24gb", text="sglang"))) == ""


def test_ranks_that_do_not_divide():
    for words, tensor in (("", 3), ("--mesh tp=1,pp=64", 1)):
        with pytest.raises(UsageError):
            planned(words, tensor=tensor)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--engine", "tgi"], "'tgi' are not known"),
        (["--engine", "vllm==banana"], "no version of vLLM"),
        (["--engine", "vllm==0.11", "--engine-version", "0.10"], "two versions"),
        (["--engine-version", "0.11"], "of an --engine"),
        (["--engine", "vllm", "--utilization", "1.4"], "share above 0"),
        (["--engine", "vllm", "--mesh", "dp=2"], "share every layer"),
        (["--engine", "vllm", "--max-loras", "4"], "their rank is needed"),
        (["--engine", "vllm", "--train", "full"], "unrecognized"),
    ],
)
def test_wrong_words(words, what):
    with pytest.raises(UsageError, match=what):
        wishes.read(words, "memfit estimate x")


def test_versions():
    assert engine("vllm==v0.8.5.post1".replace("v0", "0")).number == (0, 8, 5)
    assert "newer" in engine("vllm==7.0").beyond
    assert "older" in engine("sglang==0.1.26").beyond
    assert engine("vllm==0.11.0").beyond == engine("vllm").beyond == ""


def test_the_page_is_what_the_data_say():
    """A change of the rules, of the data or of the page alone shows here."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text()


def test_logs_of_the_judging_half_leave_no_less_cache_than_low():
    rows = [row for row in logs() if row["half"] == "judging" and "cache" in row["printed"]]
    told = [(row, said(row)) for row in rows]
    assert [row["name"] for row, its in told if its.get("cache low", 0) > row["printed"]["cache"] + 0.006] == []
