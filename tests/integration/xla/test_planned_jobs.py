"""JAX jobs on devices that are not there: their programs are planned by a compiler, and nothing of them is computed."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from tests.environments import XLA, interpreter_with

import memfit
from memfit.documents import Advice, Estimate, PoolEstimate
from memfit.errors import JobFailed, JobNeverTrained, UsageError
from memfit.quantities import GIB, MIB

pytestmark = [pytest.mark.slow, pytest.mark.skipif(interpreter_with("jax") is None, reason="make xla")]
WIDTH, LAYERS, BATCH = 16384, 12, 1024
LAYER_BYTES = WIDTH * WIDTH * 4
# 12 GiB of weights with as much again for each of Adam's two moments: more than this machine has.
LARGE = f"""
    import jax, jax.numpy as jnp, optax
    keys = jax.random.split(jax.random.key(0), {LAYERS})
    weights = [jax.random.normal(key, ({WIDTH}, {WIDTH})) / 100 for key in keys]
    optimizer = optax.adam(1e-3)
    state = optimizer.init(weights)

    @jax.jit
    def step(weights, state, x):
        def loss(weights):
            y = x
            for each in weights:
                y = jnp.tanh(y @ each)
            return jnp.mean(y**2)
        value, gradients = jax.value_and_grad(loss)(weights)
        changes, state = optimizer.update(gradients, state)
        return optax.apply_updates(weights, changes), state, value

    for at in range(10_000):
        weights, state, value = step(weights, state, jnp.ones(({BATCH}, {WIDTH})))
        print(at, float(value), 1 / float(value))
"""
KERAS = """
    import os
    os.environ["KERAS_BACKEND"] = "jax"
    import keras, numpy as np
    from keras import layers
    model = keras.Sequential([keras.Input((1024,)), layers.Dense(4096, "relu"), layers.Dropout(0.5), layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x, y = np.random.rand(16384, 1024).astype("float32"), np.random.randint(0, 10, 16384)
    model.fit(x, y, batch_size=2048, epochs=3, validation_split=0.25)
"""
DONATED = LARGE.replace("@jax.jit", "@__import__('functools').partial(jax.jit, donate_argnums=(0, 1))")


SHARDED = """
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
    split = NamedSharding(Mesh(np.array(jax.devices()), ("d",)), P("d", None))
    keys = jax.random.split(jax.random.key(0), 8)
    weights = [jax.device_put(jax.random.normal(key, (16384, 16384)), split) for key in keys]
    x = jax.device_put(np.zeros((1024, 16384), "float32"), split)

    @jax.jit
    def step(weights, x):
        def loss(weights):
            y = x
            for each in weights:
                y = jnp.tanh(y @ each)
            return jnp.mean(y**2)
        return [old - 0.1 * new for old, new in zip(weights, jax.grad(loss)(weights))]

    while True:
        weights = step(weights, x)
"""
FORWARD = """
    import jax, jax.numpy as jnp
    weights = jax.random.normal(jax.random.key(0), (16384, 16384))
    while True:
        jax.jit(lambda w, x: jnp.tanh(x @ w))(weights, jnp.ones((1024, 16384))).block_until_ready()
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERAS_BACKEND", "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)


def estimate(folder: Path, code: str, on: str) -> Estimate:
    path = folder / "train.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return memfit.estimate(str(path), on=on, python=str(XLA))


def told(found: Estimate) -> dict[str, str]:
    return {each.slug: each.text for each in found.assumptions}


def device(found: Estimate) -> PoolEstimate:
    return found.pools[0]


def test_weights_that_no_memory_here_would_hold_are_planned(tmp_path: Path) -> None:
    """Parameters, both moments and their successors, to the byte; the process that planned it stays small."""
    found = estimate(tmp_path, LARGE, "h100-80gb")

    pool = device(found)
    state = 3 * LAYERS * LAYER_BYTES
    assert pool.pool == "cuda:0"
    assert state <= pool.breakdown_bytes["parameters"] <= state + MIB
    assert state <= pool.breakdown_bytes["buffers"] <= state + MIB
    assert pool.peak_bytes.low <= 2 * state <= pool.peak_bytes.expected
    assert pool.peak_at.operator == "step" and (pool.peak_at.where or "").startswith("train.py:")
    assert found.verdict.value == "does_not_fit"
    assert found.cost["process_peak_bytes"] < 2 * GIB


def test_what_is_donated_is_held_once(tmp_path: Path) -> None:
    """With donate_argnums results take their arguments' place."""
    pool = device(estimate(tmp_path, DONATED, "h100-80gb"))

    state = 3 * LAYERS * LAYER_BYTES
    assert pool.breakdown_bytes.get("buffers", 0) < MIB
    assert pool.peak_bytes.expected < 1.6 * state


def test_keras_on_jax_is_planned_from_its_fit(tmp_path: Path) -> None:
    """fit() is left after a few batches; weights and both moments are what a step takes."""
    found = estimate(tmp_path, KERAS, "v5e")

    pool = device(found)
    weights = (1024 * 4096 + 4096 + 4096 * 10 + 10) * 4
    assert pool.pool == "tpu:0" and pool.capacity_bytes == 16128 * MIB
    assert 3 * weights <= pool.peak_bytes.expected
    assert found.cost["steps"] == 3


def test_what_is_sharded_is_held_in_parts(tmp_path: Path) -> None:
    """Four devices, each with a quarter of the weights and of their successors."""
    pool = device(estimate(tmp_path, SHARDED, "4xh100-80gb"))

    part = 8 * 16384 * 16384 * 4 // 4
    assert part <= pool.breakdown_bytes["parameters"] <= part + MIB
    assert part <= pool.breakdown_bytes["buffers"] <= part + MIB
    assert pool.peak_at.operator == "step"


def test_an_endless_loop_without_a_gradient_is_left(tmp_path: Path) -> None:
    """What only infers is ended when its largest program comes again and again."""
    found = estimate(tmp_path, FORWARD, "h100-80gb")

    assert "no-optimizer-step" in told(found)
    assert device(found).peak_bytes.expected >= 16384 * 16384 * 4


def test_a_step_that_fails_gives_no_figure(tmp_path: Path) -> None:
    """The first step's own error: what was seen before it is not the job."""
    with pytest.raises(JobFailed, match="TypeError"):
        estimate(tmp_path, LARGE.replace("jnp.tanh(y @ each)", "jnp.tanh(y @ each[:3])"), "h100-80gb")


def advise(folder: Path, code: str, slug: str) -> Advice:
    path = folder / "train.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return memfit.advise(path, on="h100-80gb", within_bytes=64 * MIB, only=[slug], python=str(XLA))


def test_advice_to_donate_is_planned_as_the_job_that_donates(tmp_path: Path) -> None:
    """What the script with donate_argnums comes to, without an edit of the script; the hint makes way."""
    advice = advise(tmp_path, LARGE, "donated-arguments")

    (plan,) = advice.plans
    donates = device(estimate(tmp_path, DONATED, "h100-80gb"))
    assert plan.peak_bytes == donates.peak_bytes
    assert plan.changes[0].saves_bytes > 2 * LAYERS * LAYER_BYTES
    assert "donated-arguments" not in {hint.slug for hint in advice.hints}


@pytest.mark.skipif(interpreter_with("jax_cuda12_plugin") is None, reason="the CPU's compiler widens half types")
def test_advice_on_the_policy_of_keras_is_planned_as_the_job_that_sets_it(tmp_path: Path) -> None:
    """The policy is set as soon as Keras is imported: the figure of the script that sets it."""
    advice = advise(tmp_path, KERAS, "mixed-precision-policy")

    (plan,) = advice.plans
    line = "import keras, numpy as np"
    sets = KERAS.replace(line, f'{line}\n    keras.mixed_precision.set_global_policy("mixed_bfloat16")')
    assert plan.peak_bytes == device(estimate(tmp_path, sets, "h100-80gb")).peak_bytes
    assert plan.changes[0].saves_bytes > 16 * MIB


def test_a_stand_in_is_told_with_what_to_install(tmp_path: Path) -> None:
    """Without the device's compiler: the CPU's plan, a wide range, and the package that has the right one."""
    if interpreter_with("jax_cuda12_plugin") is not None:
        pytest.skip("the XLA environment has the compiler")
    found = estimate(tmp_path, LARGE, "a100-80gb")

    assert "jax-cuda12-plugin==" in told(found)["plan-of-the-cpu"]
    peak = device(found).peak_bytes
    assert peak.low < 0.7 * peak.expected and peak.high > 1.4 * peak.expected


def test_what_jax_takes_at_its_start_is_told_and_judged_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capacity is JAX's share of the device, three quarters unless the environment says otherwise."""
    usual = device(estimate(tmp_path, KERAS, "a100-80gb"))
    monkeypatch.setenv("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.9")
    more = estimate(tmp_path, KERAS, "a100-80gb")

    assert (usual.capacity_bytes or 0) / (device(more).capacity_bytes or 1) == pytest.approx(0.75 / 0.9, rel=1e-6)
    assert "90%" in told(more)["jax-preallocates"]


def test_what_fails_or_runs_no_program_says_so(tmp_path: Path) -> None:
    """The script's own error with its line; a script without a program; a device that nothing compiles for."""
    with pytest.raises(JobFailed, match=r"ValueError: no data.*train.py:3"):
        estimate(tmp_path, "import jax\n\nraise ValueError('no data')\n", "v5e")
    with pytest.raises(JobNeverTrained):
        estimate(tmp_path, "import jax\n", "v5e")
    with pytest.raises(UsageError, match="planned for TPUs and for NVIDIA GPUs"):
        estimate(tmp_path, KERAS, "apple-m4-max-64gb")


@pytest.mark.skipif(interpreter_with("libtpu") is None, reason="libtpu is not in the XLA environment")
def test_a_tpu_has_its_own_compilers_plan(tmp_path: Path) -> None:
    """libtpu plans without a TPU; a program that its memory cannot hold has the size that libtpu tells."""
    small = device(estimate(tmp_path, LARGE.replace(str(WIDTH), "2048"), "v5e"))
    large = estimate(tmp_path, LARGE, "v5e")

    assert small.breakdown_bytes["framework"] > 0 and small.verdict.value == "fits"
    assert device(large).peak_bytes.expected > 6 * LAYERS * LAYER_BYTES
    assert large.verdict.value == "does_not_fit"
    assert "plan-of-the-cpu" not in told(large)


@pytest.mark.skipif(interpreter_with("jax_cuda12_plugin") is None, reason="no CUDA plugin in the XLA environment")
def test_a_gpu_has_its_own_compilers_plan(tmp_path: Path) -> None:
    """The CUDA plugin plans without a GPU and without CUDA's libraries."""
    found = estimate(tmp_path, DONATED, "a100-80gb")

    assert "plan-of-the-cpu" not in told(found)
    assert device(found).breakdown_bytes["activations"] > LAYERS * BATCH * WIDTH * 4


def test_functions_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Two lambdas that take the same and give other shapes, each its own result."""
    code = """
        import jax, jax.numpy as jnp
        x = jax.random.normal(jax.random.key(0), (4096, 1024))
        first, second = jax.jit(lambda x: x[:2048] * 2), jax.jit(lambda x: x[2048:, :] * 2)
        third = jax.jit(lambda x: x.reshape(-1)[: 2048 * 1024] * 2)
        assert first(x).shape == second(x).shape == (2048, 1024)
        assert third(x).shape == (2048 * 1024,)
    """
    found = estimate(tmp_path, code, "h100-80gb")

    assert device(found).peak_bytes.expected >= 4096 * 1024 * 4


def test_a_job_of_small_values_is_planned_too(tmp_path: Path) -> None:
    """What is small enough to be computed has its programs planned all the same."""
    code = """
        import jax, jax.numpy as jnp
        weight = jnp.ones(8)

        @jax.jit
        def step(weight):
            return weight - jax.grad(lambda w: (w**2).sum())(weight)

        for _ in range(10):
            weight = step(weight)
    """
    found = estimate(tmp_path, code, "h100-80gb")

    assert found.cost["steps"] == 3
    assert device(found).peak_at.operator == "step"
