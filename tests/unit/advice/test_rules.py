"""Each rule of advice: when it applies, and the sentence of the mission's documents that it comes from.

RAM: "How Much RAM Is Needed For Machine Learning". GROWTH: "Does the memory usage of a model increase linearly with the
number of training iterations?". A rule is named with the heading and the tip, pitfall or factor that it acts on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memfit.advice import HINTS, RULES, Proposal, proposals
from memfit.advice.rules import batch_size, data_in_memory, host_allocator
from memfit.documents import CycleFacts, JobFacts, Knob, LayerFacts, LoaderFacts, OptimizerFacts
from memfit.quantities import GIB, MIB

JOB = JobFacts(
    framework="torch",
    pool="cuda:0",
    on_device=True,
    machine="rtx4090-24gb",
    script="train.py",
    breakdown={"activations": 4 * GIB, "optimizer_state": 2 * GIB, "parameters": GIB, "fragmentation": GIB},
    steps=3,
    micro_steps=1,
    optimizers=(OptimizerFacts(kind="AdamW", trained_bytes=GIB, matrix_bytes=GIB),),
    layers=(LayerFacts(kind="Block", count=12, bytes=3 * GIB),),
    activations_bytes=4 * GIB,
    linear_layers=48,
    weight_bytes=4,
    batch=Knob(name="--batch_size", kind="argument", value=12),
    capability=(8, 9),
    device_count=1,
)
ON_CPU = replace(JOB, pool="host", on_device=False, machine="cpu", capability=None)
BLOCKS = LayerFacts(kind="Block", count=12, bytes=GIB)
PLANNED = JobFacts(
    framework="jax", pool="cuda:0", on_device=True, text="import jax\nstep = jax.jit(step)", compiler="device",
    optimizers=(OptimizerFacts(kind="", trained_bytes=GIB),),
)  # fmt: skip
CYCLES = CycleFacts(
    waiting_bytes=GIB, step_bytes=64 * MIB, where="train.py:7", through="Result", steps_apart=50, seconds=0.12
)
FOREST = JobFacts(
    framework="sklearn", pool="host", on_device=False, target="RandomForestClassifier", dtype="float64",
    params={"n_jobs": 4, "max_depth": None, "max_samples": None, "bootstrap": True},
)  # fmt: skip


def slugs(facts: JobFacts) -> set[str]:
    return {proposal.slug for proposal in proposals(facts)}


def of(facts: JobFacts, slug: str) -> list[Proposal]:
    return [proposal for proposal in proposals(facts) if proposal.slug == slug]


SOURCES: list[tuple[str, str, JobFacts, JobFacts]] = [
    # slug, sentence, a job to which it applies, one to which it does not
    ("smaller-batch", "RAM, Tips 4 Batch size optimization; Pitfalls 4 Failing to optimize batch size; GROWTH, Batch "
     "Size and Gradient Accumulation", JOB, replace(JOB, batch=None)),
    ("mixed-precision", "RAM, Trends 4 Optimization techniques; Step 3 Estimate intermediate computations", JOB,
     replace(JOB, autocast="bfloat16")),
    ("activation-checkpointing", "GROWTH, Explanation: forward pass activations stored for the backward pass; "
     "Resource Recommendations: gradient checkpointing", JOB, replace(JOB, layers=())),
    ("activation-offload", "RAM, Trends 8 Advances in virtual memory and memory pooling", JOB, ON_CPU),
    ("lighter-optimizer", "GROWTH, Optimizer State", JOB,
     replace(JOB, optimizers=(OptimizerFacts(kind="SGD", trained_bytes=GIB),))),
    ("optimizer-offload", "GROWTH, Optimizer State; RAM, Trends 8", JOB, ON_CPU),
    ("parameter-offload", "RAM, Trends 8 Advances in virtual memory and memory pooling: data stored and accessed from "
     "secondary storage; Trends 2 Continued growth of deep learning", replace(JOB, blocks=BLOCKS), JOB),
    ("sharded-optimizer", "RAM, Factors: Parallel processing; Pitfalls 5 Underestimating RAM for parallel processing",
     replace(JOB, device_count=2), JOB),
    ("optimizer-kernels", "RAM, Tips 6 Memory management libraries", JOB,
     replace(JOB, optimizers=(OptimizerFacts(kind="AdamW", fused=True, trained_bytes=GIB),))),
    ("optimizer-in-backward", "GROWTH, Explanation: gradients accumulate during backpropagation", JOB,
     replace(JOB, micro_steps=4)),
    ("zero-grad-early", "RAM, Tips 8 Garbage collection; Pitfalls 3 Ignoring memory leaks",
     replace(JOB, gradients_in_forward=True), JOB),
    ("no-grad-evaluation", "RAM, Pitfalls 3: memory not released after use",
     replace(JOB, evaluates_with_gradients=True), JOB),
    ("smaller-evaluation-batch", "RAM, Tips 4 Batch size optimization; Pitfalls 4 Failing to optimize batch size",
     replace(JOB, phase_peaks={"backward": GIB, "evaluation": 2 * GIB}), JOB),
    ("fused-attention", "RAM, Tips 5 Model optimization; Trends 7 Integration of hardware and software optimizations",
     replace(JOB, attention="eager"), JOB),
    ("chunked-loss", "RAM, Step 3 Estimate intermediate computations",
     replace(JOB, logits={"numel": 400 * MIB, "where": "train.py:9"}), JOB),
    ("frozen-layers", "RAM, Tips 5 Model optimization: fewer layers, nodes or parameters", JOB,
     replace(JOB, optimizers=())),
    ("low-rank-adapters", "RAM, Tips 5 Model optimization: low-rank factorizations", JOB,
     replace(JOB, linear_layers=1)),
    ("fewer-layers", "RAM, Tips 5 Model optimization: fewer layers; pruning", JOB, replace(JOB, layers=())),
    ("low-rank-layers", "RAM, Tips 5 Model optimization: low-rank factorizations", JOB,
     replace(JOB, linear_layers=1)),
    ("quantised-base", "RAM, Trends 4 Optimization techniques: quantization; Tips 5 Model optimization",
     replace(JOB, linear_sizes=(64 * MIB,)), JOB),
    ("freed-results", "RAM, Tips 8 Garbage collection: release memory no longer in use; Pitfalls 3: memory not "
     "released after use", replace(JOB, outliving_bytes=GIB), JOB),
    ("gc-placement", "RAM, Tips 8 Garbage collection: periodically invoke garbage collection; Pitfalls 3: periodically "
     "invoking garbage collection", replace(JOB, cycles=CYCLES), JOB),
    ("loader-start-method", "GROWTH, Data Loading and Preprocessing; RAM, Factors: Parallel processing",
     replace(ON_CPU, loaders=(LoaderFacts(workers=4, prefetch=2, batch_bytes=MIB, start_method="spawn"),)),
     replace(ON_CPU, loaders=(LoaderFacts(workers=4, prefetch=2, batch_bytes=MIB, start_method="fork"),))),
    ("expandable-segments", "RAM, Tips 6 Memory management libraries: reduce memory fragmentation", JOB,
     replace(JOB, expandable=True)),
    ("malloc-threshold", "RAM, Tips 6 Memory management libraries; Tips 8: release memory no longer in use", ON_CPU,
     replace(ON_CPU, malloc_set=True)),
    ("loader-workers", "GROWTH, Data Loading and Preprocessing; RAM, Factors: Parallel processing",
     replace(ON_CPU, loaders=(LoaderFacts(workers=4, prefetch=2, batch_bytes=MIB),)), ON_CPU),
    ("donated-arguments", "RAM, Tips 8: release memory no longer in use", PLANNED, replace(PLANNED, compiler="")),
    ("mixed-precision-policy", "RAM, Trends 4 Optimization techniques; Step 3 Estimate intermediate computations",
     replace(PLANNED, text="import keras"), replace(PLANNED, text="import keras", compiler="stand-in")),
    ("float32-data", "RAM, Tips 1 Data preprocessing and feature scaling; Tips 3 Memory-efficient data structures",
     FOREST, replace(FOREST, dtype="float32")),
    ("narrower-weights", "RAM, Trends 4 Optimization techniques: compression techniques; Trends 6 Edge computing",
     replace(JOB, optimizers=()), JOB),
    ("fewer-jobs", "RAM, Factors: Parallel processing", FOREST, replace(FOREST, params={"n_jobs": 1})),
    ("shallower-trees", "RAM, Tips 5 Model optimization: fewer nodes", FOREST,
     replace(FOREST, params={"max_depth": 8})),
    ("smaller-samples", "RAM, Tips 3 Memory-efficient data structures", FOREST,
     replace(FOREST, params={"max_samples": 0.1})),
    ("fewer-bins", "RAM, Tips 3: compressed representations",
     replace(FOREST, framework="xgboost", params={}), replace(FOREST, framework="xgboost", params={"max_bin": 64})),
    ("histogram-pool", "RAM, Tips 6 Memory management libraries",
     replace(FOREST, framework="lightgbm", params={}),
     replace(FOREST, framework="lightgbm", params={"histogram_pool_size": 64})),
    ("fewer-leaves", "RAM, Tips 5 Model optimization: fewer nodes",
     replace(FOREST, framework="lightgbm", params={"num_leaves": 255}),
     replace(FOREST, framework="lightgbm", params={})),
    ("smaller-bin-sample", "RAM, Tips 1 Data preprocessing",
     replace(FOREST, framework="lightgbm", params={}),
     replace(FOREST, framework="lightgbm", params={"subsample_for_bin": 10_000})),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "sentence", "job", "other"), SOURCES, ids=[row[0] for row in SOURCES])
def test_rule_applies_where_its_sentence_does(slug: str, sentence: str, job: JobFacts, other: JobFacts) -> None:
    """A rule proposes its change for one job and leaves another alone; it says what to type and what it costs."""
    found = of(job, slug)

    assert sentence.startswith(("RAM", "GROWTH"))
    assert found and slug not in slugs(other)
    assert all(proposal.how and proposal.costs and proposal.title for proposal in found)


def test_every_rule_has_its_sentence() -> None:
    """No rule without a source: what any job of this file is advised is in the table above."""
    jobs = [row[2] for row in SOURCES]

    assert {slug for job in jobs for slug in slugs(job)} == {row[0] for row in SOURCES}
    assert len(RULES) >= 19


def test_smaller_batches_keep_the_effective_batch() -> None:
    """RAM, Tips 4: the optimizer sees as many samples a step as before, or it is said how many."""
    for proposal in of(JOB, "smaller-batch"):
        assert proposal.setting.batch is not None and proposal.setting.accumulation is not None
        samples = proposal.setting.batch * proposal.setting.accumulation

        assert samples == 12 or f"becomes {samples}" in proposal.costs


def test_old_devices_get_float16_and_a_scaler() -> None:
    """RAM, Pitfalls 7 Neglecting hardware considerations: bfloat16 needs compute capability 8.0."""
    (proposal,) = of(replace(JOB, capability=(7, 5)), "mixed-precision")

    assert proposal.setting.changes["autocast"]["dtype"] == "float16"
    assert "GradScaler" in proposal.how


OTHER_MODELS = ("frozen-layers", "low-rank-adapters", "fewer-layers", "low-rank-layers")


def test_what_is_tried_says_when_it_is_another_model() -> None:
    """RAM, Tips 5: "while maintaining acceptable model performance": what changes the model is marked."""
    assert {p.results for p in proposals(JOB) if p.slug in OTHER_MODELS} == {"model"}
    assert {p.results for p in proposals(JOB) if p.slug == "activation-checkpointing"} == {"same"}


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"data_ways": ({"table": "a.csv", "slug": "narrow-types", "text": "…", "code": "…", "saves_bytes": GIB,
                         "loses": ""},)}, "data-narrow-types"),
        ({"batch": None}, "batch-not-found"),
        ({"grows_bytes": MIB}, "detached-metrics"),
        ({"phase_peaks": {"backward": GIB, "checkpoint": 2 * GIB}}, "streamed-checkpoint"),
        ({"pool": "host", "on_device": False}, "other-allocator-jemalloc"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_is_said(changes: dict[str, Any], slug: str) -> None:
    """RAM, Tips 2 Use data generators or iterators, 3 data structures, 4 batch size, 6 libraries, 7 Store checkpoints
    on disk; Pitfalls 3 Ignoring memory leaks and GROWTH, Checkpointing and Logging: as hints."""
    facts = replace(JOB, **changes)

    assert slug in {hint.slug for rule in HINTS for hint in rule(facts)}
    assert {batch_size.hints, data_in_memory.hints, host_allocator.hints} <= set(HINTS)


def hinted(facts: JobFacts) -> dict[str, str]:
    return {hint.slug: hint.text for rule in HINTS for hint in rule(facts)}


def test_what_piles_up_beyond_the_simulated_steps_is_said() -> None:
    """RAM, Tips 8: until the collector runs of its own; for ever where it is off; not of a few bytes."""
    assert "50 steps" in hinted(replace(JOB, cycles=CYCLES))["gc-placement"]
    assert "3.12 GiB" in hinted(replace(JOB, cycles=CYCLES))["gc-placement"]
    assert "switched off" in hinted(replace(JOB, cycles=replace(CYCLES, collector_on=False)))["gc-placement"]
    assert "gc-placement" not in hinted(replace(JOB, cycles=replace(CYCLES, step_bytes=1024)))


def test_what_the_collector_gives_back_is_not_taken_for_what_is_kept() -> None:
    """RAM, Pitfalls 3: of a growth of 64 MiB a step all is in cycles, or half of it."""
    assert "detached-metrics" not in hinted(replace(JOB, cycles=CYCLES, grows_bytes=64 * MIB))
    assert "64.0 MiB more" in hinted(replace(JOB, cycles=CYCLES, grows_bytes=128 * MIB))["detached-metrics"]


JAX = JobFacts(framework="jax", pool="cuda:0", on_device=True, text="import jax\nstep = jax.jit(f)\n",
               breakdown={"parameters": GIB}, optimizers=(OptimizerFacts(kind=""),))  # fmt: skip
READS = "import keras, tensorflow as tf\ntf.data.Dataset.list_files(p).map(load).shuffle(10_000)\n"
KERAS = JobFacts(framework="tensorflow", pool="host", on_device=False, optimizers=JAX.optimizers, text=READS)


@pytest.mark.parametrize(
    ("slug", "job", "done"),
    [
        ("mixed-precision-policy", KERAS, 'keras.mixed_precision.set_global_policy("mixed_bfloat16")'),
        ("remat", JAX, "jax.checkpoint(f)"),
        ("donated-arguments", JAX, "donate_argnums"),
        ("dataset-buffers", KERAS, None),
        ("allocator-growth", JAX, None),
    ],
)
def test_settings_of_tensorflow_and_jax_are_told_where_they_are_missing(
    slug: str, job: JobFacts, done: str | None
) -> None:
    """RAM, Tips 2 Use data generators or iterators, 5 Model optimization, 6 Memory management libraries; Trends 4
    Optimization techniques: what to type, and silence where it is typed already."""

    def told(facts: JobFacts) -> dict[str, str]:
        return {hint.slug: hint.how for rule in HINTS for hint in rule(facts)}

    assert told(job)[slug]
    assert slug not in told(replace(job, text=job.text + (done or ""), on_device=False) if done else JOB)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("rows = []\nfor line in open(p):\n    rows.append(f(line))\nx = np.array(rows)\n", ["train.py:4"]),
        ("def load():\n    out = []\n    while more():\n        out.extend(g())\n    return torch.stack(out)\n",
         ["train.py:5"]),
        ("losses = []\nfor x in data:\n    losses.append(step(x))\nprint(sum(losses))\n", []),
        ("rows = [f(line) for line in open(p)]\nfor r in rows:\n    use(r)\n", []),
        ("def f(", []),
    ],
)  # fmt: skip
def test_lists_that_become_one_array_are_found(text: str, where: list[str]) -> None:
    """RAM, Tips 2 Use data generators or iterators; Tips 3 Memory-efficient data structures: arrays, not lists."""
    facts = replace(ON_CPU, text=text)

    assert [hint.where for rule in HINTS for hint in rule(facts) if hint.slug == "list-to-array"] == where
