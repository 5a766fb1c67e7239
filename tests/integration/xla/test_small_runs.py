"""Jobs of TensorFlow, Keras and JAX: run small, and held against the job itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.environments import XLA, interpreter_with

import memfit
from memfit.documents import Estimate
from memfit.errors import JobFailed, JobNeverTrained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(interpreter_with("tensorflow") is None, reason="make xla"),
]
KERAS = """
    import keras, numpy as np
    from keras import layers
    model = keras.Sequential([keras.Input((64, 64, 3))])
    for layer in (layers.Conv2D(48, 3), layers.Conv2D(48, 3), layers.GlobalAveragePooling2D(), layers.Dense(4)):
        model.add(layer)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.rand(512, 64, 64, 3).astype("float32")
    y = np.random.randint(0, 4, 512)
    model.fit(x, y, batch_size=64, epochs=2, validation_split=0.25, verbose=0)
    print("ended")
"""
LOOP = """
    import tensorflow as tf
    weight = tf.Variable(tf.random.normal((512, 512)))
    data = tf.data.Dataset.from_tensor_slices(tf.random.normal((64, 512))).repeat().batch(8192)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            for _ in range(8):
                x = tf.nn.relu(x @ weight)
            loss = tf.reduce_mean(x)
        weight.assign_sub(0.01 * tape.gradient(loss, weight))
        return loss

    for x in data:
        step(x)
"""

JAX = """
    import jax, jax.numpy as jnp
    import numpy as np
    BATCH_SIZE = 8192
    weights = jnp.ones((256, 8192)) / 100
    data = np.random.rand(16384, 256).astype("float32")

    @jax.jit
    def step(weights, x):
        return weights - 0.1 * jax.grad(lambda w: jnp.mean(jnp.tanh(x @ w) ** 2))(weights)

    for at in range(10_000):
        begin = at % 2 * BATCH_SIZE
        weights = step(weights, data[begin : begin + BATCH_SIZE])
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


def script(folder: Path, code: str) -> str:
    path = folder / "train.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return str(path)


def estimate(folder: Path, code: str) -> Estimate:
    return memfit.estimate(script(folder, code), on="cpu", python=str(XLA))


def measured_bytes(path: str) -> int:
    """The high-water mark of the script as plain python runs it; a small process starts it."""
    code = (
        "import os, subprocess, sys; child = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.DEVNULL)"
        "; print(os.wait4(child.pid, 0)[2].ru_maxrss * 1024)"
    )
    told = subprocess.run(
        [str(XLA), "-c", code, path], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    return int(told.stdout)


def test_fit_is_run_small_and_followed_to_the_whole_batch(tmp_path: Path) -> None:
    """Two batches, the data held whole, the optimizer's slots; the job itself stays below high and near expected."""
    found = estimate(tmp_path, KERAS)

    pool = found.pool("host")
    told = {each.slug: each.text for each in found.assumptions}
    assert "batches of 8 and 32 instead of 64" in told["ran-small"]
    assert pool.breakdown_bytes["dataset"] == 512 * 64 * 64 * 3 * 4 + 512 * 8
    assert pool.breakdown_bytes["activations"] > 64 * 62 * 62 * 48 * 4
    real = measured_bytes(str(tmp_path / "train.py"))
    assert real <= pool.peak_bytes.high
    assert pool.peak_bytes.expected == pytest.approx(real, rel=0.2)  # TensorFlow's runs differ by a tenth


def test_a_loop_of_its_own_is_ended_after_its_steps(tmp_path: Path) -> None:
    """An endless loop over tf.data: sixteen calls of the function that trains are enough."""
    found = estimate(tmp_path, LOOP)

    told = {each.slug: each.text for each in found.assumptions}["ran-small"]
    assert "batches of 1024 and 4096 instead of 8192" in told
    assert found.pool("host").breakdown_bytes["activations"] >= 8 * 8192 * 512 * 4


def test_a_batch_that_is_made_by_hand_is_turned_by_its_name(tmp_path: Path) -> None:
    """JAX has no loader of its own: the script's constant is another one; the script is as it was."""
    found = estimate(tmp_path, JAX)

    told = {each.slug: each.text for each in found.assumptions}["ran-small"]
    assert "batches of 1024 and 4096 instead of 8192" in told
    assert "BATCH_SIZE was taken for the batch" in told
    assert found.pool("host").breakdown_bytes["activations"] >= 8192 * 8192 * 4
    assert "BATCH_SIZE = 8192" in (tmp_path / "train.py").read_text(encoding="utf-8")


def test_a_first_step_that_takes_long_is_waited_for(tmp_path: Path) -> None:
    """Its share of the time is over before the first step: the answer rests on one run, with a wide range."""
    slow = JAX.replace("import numpy as np", "import numpy as np\n    __import__('time').sleep(20)")
    found = memfit.estimate(script(tmp_path, slow), on="cpu", python=str(XLA), timeout_s=42)

    told = {each.slug for each in found.assumptions}
    peak = found.pool("host").peak_bytes
    assert {"one-small-run", "stopped-by-time"} <= told
    assert peak.low < 0.7 * peak.high


def test_what_fails_or_never_trains_says_so(tmp_path: Path) -> None:
    """The script's own error, with its line; a script without a step."""
    with pytest.raises(JobFailed, match=r"ValueError: no data.*train.py:3"):
        estimate(tmp_path, "import tensorflow\n\nraise ValueError('no data')\n")
    with pytest.raises(JobNeverTrained):
        estimate(tmp_path, "import tensorflow\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by Linux")
def test_an_interrupted_estimate_leaves_no_job_behind(tmp_path: Path) -> None:
    """Ctrl-C, as a terminal sends it to memfit: the script that runs small is gone soon after."""
    path = script(tmp_path, "import tensorflow, time\n\ntime.sleep(600)\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(memfit.__path__[0]).parent)}
    command = [str(XLA), "-m", "memfit", "estimate", "--quiet", path]
    child = subprocess.Popen(
        command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=heeds_interrupts
    )
    assert wanted(lambda: len(running("memfit.jobs.anchoring", tmp_path)) == 2, 120), "it never ran small"

    child.send_signal(signal.SIGINT)

    assert child.wait(timeout=60) == 130  # a busy machine takes its time; what the script sleeps is ten times that
    assert wanted(lambda: not running("memfit.jobs.anchoring", tmp_path))


def heeds_interrupts() -> None:
    """As from a terminal: what a shell starts in the background ignores Ctrl-C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def running(module: str, folder: Path) -> list[int]:
    """The processes of a module, forks among them, whose arguments lead to a script in a folder."""
    found = []
    for each in psutil.process_iter(["pid", "cmdline"]):
        words = each.info["cmdline"] or []
        if module in words and str(folder) in (Path(words[-1]) / "request.json").read_text(encoding="utf-8"):
            found.append(each.info["pid"])
    return found


def wanted(true: Callable[[], bool], seconds: float = 40) -> bool:
    """Whether something comes to be within a time; a folder that goes meanwhile is a process that goes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if true():
                return True
        time.sleep(0.2)
    return False


def test_without_a_run_a_plan_answers(tmp_path: Path) -> None:
    """run=False: XLA's plan of the whole batch, with a wide range."""
    found = memfit.estimate(script(tmp_path, JAX), on="cpu", python=str(XLA), run=False)

    pool = found.pool("host")
    assert "not-run" in {each.slug for each in found.assumptions}
    assert pool.breakdown_bytes["activations"] >= 8192 * 8192 * 4
    assert pool.peak_bytes.high > 1.2 * pool.peak_bytes.expected


def test_advice_on_the_batch_takes_the_one_estimate(tmp_path: Path) -> None:
    """Smaller and larger batches by the line through the small runs; what to type names the script's number."""
    path = tmp_path / "train.py"
    path.write_text(textwrap.dedent(JAX), encoding="utf-8")
    within = 1 << 40

    advice = memfit.advise(path, on="cpu", within_bytes=within, only=["smaller-batch"], python=str(XLA))

    found = advice.largest_batch
    assert found is not None and (found.name, found.now) == ("BATCH_SIZE", 8192) and found.batch > 8192
    assert advice.cost["estimates"] == 1 and advice.fits_now
    assert "donated-arguments" in {hint.slug for hint in advice.hints}
