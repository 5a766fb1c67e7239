"""Scripts in a process of their own: what runs is estimated, what fails ends in a sentence and the right exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from memfit import estimate
from memfit.errors import CannotSimulate, JobFailed, JobNeverTrained, JobTimedOut, UsageError

pytestmark = [pytest.mark.torch, pytest.mark.slow]

TRAIN = """
    import torch, sys
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 1)).to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(1000):
        loss = model(torch.randn(128, 64, device=device)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print("step", step, loss.item())
"""


def script(folder: Path, code: str) -> str:
    path = folder / "train.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return str(path)


def memfit(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memfit", *words], capture_output=True, text=True, cwd=cwd, timeout=200, check=False
    )


def test_a_training_script_is_stopped_after_the_steps_asked_for(tmp_path: Path) -> None:
    """A thousand steps in the script, three simulated, the peak's line in the user's file."""
    result = estimate(script(tmp_path, TRAIN), on="rtx4090", steps=3)

    pool = result.pool("cuda:0")
    assert [step.step for step in pool.steps] == [1, 2, 3]
    assert pool.peak_at.where is not None
    assert pool.peak_at.where.startswith("train.py:")
    assert result.target == {"kind": "script", "name": str(tmp_path / "train.py"), "arguments": []}
    assert pool.breakdown_bytes["parameters"] > 0


def test_without_a_device_the_job_is_a_host_job(tmp_path: Path) -> None:
    """No --on: only the host pool, which holds the optimizer's state too."""
    result = estimate(script(tmp_path, TRAIN))

    assert [pool.pool for pool in result.pools] == ["host"]
    assert "optimizer_state" in result.pool("host").breakdown_bytes


def test_an_epoch_is_cut_and_the_evaluation_and_checkpoint_are_seen(tmp_path: Path) -> None:
    """The evaluation after the epoch needs more than training: the peak falls there, and nothing is written."""
    code = """
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        model = torch.nn.Linear(256, 256).cuda()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        small = DataLoader(TensorDataset(torch.randn(4096, 256)), batch_size=16, num_workers=2)
        large = DataLoader(TensorDataset(torch.randn(65536, 256)), batch_size=32768)
        for epoch in range(100):
            for (x,) in small:
                optimizer.zero_grad()
                model(x.cuda()).sum().backward()
                optimizer.step()
            with torch.no_grad():
                for (x,) in large:
                    model(x.cuda())
            torch.save(model.state_dict(), "model.pt")
            open("log.csv", "w").write("epoch")
    """

    result = estimate(script(tmp_path, code), on="t4")

    pool = result.pool("cuda:0")
    assert pool.peak_at.phase is not None
    assert pool.peak_at.phase.value in ("evaluation", "data")
    assert pool.allocated_peak_bytes is not None
    assert pool.allocated_peak_bytes > 2 * 4 * 256 * 32768
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]
    assert {"loader", "checkpoint"} <= set(result.pool("host").breakdown_bytes)


def test_batches_counted_in_an_evaluation_before_training_are_all_there(tmp_path: Path) -> None:
    """The loader of the evaluation would have been cut after three batches, and the script ended without a step."""
    code = """
        import os
        import torch
        from torch.utils.data import DataLoader, IterableDataset
        class Endless(IterableDataset):
            def __iter__(self):
                while True:
                    yield torch.randn(64)
        def batches():
            for x in DataLoader(Endless(), batch_size=32):
                yield x.cuda()
        model = torch.nn.Linear(64, 4096).cuda()
        optimizer = torch.optim.AdamW(model.parameters())
        os.chdir("/")
        with torch.no_grad():
            evaluated = batches()
            for _ in range(20):
                model(next(evaluated))
        trained = batches()
        while True:
            model(next(trained)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    """

    result = estimate(script(tmp_path, code), on="t4")

    pool = result.pool("cuda:0")
    assert [step.step for step in pool.steps] == [1, 2, 3]
    assert "optimizer_state" in pool.breakdown_bytes
    assert "no-optimizer-step" not in {item.slug for item in result.assumptions}


def test_transforms_of_images_are_no_passes_of_the_model(tmp_path: Path) -> None:
    """Modules without weights, called for each image of a large batch: the job is not over before its model ran."""
    code = """
        import torch
        crop = torch.nn.Identity()
        model = torch.nn.Linear(256, 256).cuda().eval()
        with torch.no_grad():
            images = torch.stack([crop(torch.randn(256)) for _ in range(6000)])
            model(images.cuda())
    """

    pool = estimate(script(tmp_path, code), on="t4").pool("cuda:0")

    assert pool.allocated_peak_bytes is not None
    assert pool.allocated_peak_bytes > 2 * 6000 * 256 * 4


def test_a_script_that_fails_before_its_first_step_has_no_estimate(tmp_path: Path) -> None:
    """It has an optimizer and has evaluated already: what it needed until then is not what it needs."""
    evaluated = "    for _ in range(2): model(torch.ones(1, 64, device=device))\n"
    code = TRAIN.replace("    for step", f"{evaluated}    for step").replace("loss.backward()", "loss.data[0]")

    with pytest.raises(JobFailed, match="0-dim"):
        estimate(script(tmp_path, code), on="t4")


def test_what_a_compiler_could_save_is_bounded(tmp_path: Path) -> None:
    """A compiled job is traced as eager: the low end leaves out what fusion could at most do without."""
    compiled = TRAIN.replace("    optimizer =", "    model = torch.compile(model)\n    optimizer =")

    eager_pool = estimate(script(tmp_path, TRAIN), on="t4").pool("cuda:0")
    result = estimate(script(tmp_path, compiled), on="t4")

    pool = result.pool("cuda:0")
    (assumed,) = [item for item in result.assumptions if item.slug == "compiled-as-eager"]
    assert pool.peak_bytes.expected == eager_pool.peak_bytes.expected
    assert pool.peak_bytes.low < eager_pool.peak_bytes.low
    assert assumed.effect_bytes == eager_pool.peak_bytes.low - pool.peak_bytes.low


def test_both_optimizers_of_a_gan_are_seen(tmp_path: Path) -> None:
    """The second network steps every fifth time only; the job goes on until it has stepped."""
    code = """
        import torch
        g, d = torch.nn.Linear(64, 1024).cuda(), torch.nn.Linear(1024, 1).cuda()
        og, od = torch.optim.Adam(g.parameters()), torch.optim.Adam(d.parameters())
        for i in range(1000):
            z = torch.randn(8, 64, device="cuda")
            od.zero_grad(); d(g(z).detach()).mean().backward(); od.step()
            if i % 5 == 4:
                og.zero_grad(); (-d(g(z)).mean()).backward(); og.step()
    """

    result = estimate(script(tmp_path, code), on="t4")

    state = result.pool("cuda:0").breakdown_bytes["optimizer_state"]
    assert state >= 2 * 4 * (64 * 1024 + 1024)


def test_arguments_and_the_module_form_reach_the_job(tmp_path: Path) -> None:
    """`-m package.train --width 512` behaves as with python."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "train.py").write_text(
        textwrap.dedent("""
            import argparse, torch
            parser = argparse.ArgumentParser()
            parser.add_argument("--width", type=int)
            width = parser.parse_args().width
            if __name__ == "__main__":
                model = torch.nn.Linear(width, width, bias=False).cuda()
                model(torch.randn(1, width, device="cuda")).sum().backward()
        """)
    )

    done = memfit("estimate", "--on", "t4", "--json", "-m", "package.train", "--width", "512", cwd=tmp_path)

    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["target"] == {"kind": "module", "name": "package.train", "arguments": ["--width", "512"]}
    assert document["pools"][0]["breakdown_bytes"]["parameters"] == 512 * 512 * 4


def test_a_job_that_does_not_fit_ends_with_three(tmp_path: Path) -> None:
    """Seventy billion bytes of weights on a small card."""
    code = """
        import torch
        layers = [torch.nn.Linear(50_000, 50_000, device="cuda") for _ in range(7)]
        x = torch.randn(4, 50_000, device="cuda")
        for layer in layers:
            x = layer(x)
        x.sum().backward()
    """

    done = memfit("estimate", "--on", "t4", "--json", script(tmp_path, code), cwd=tmp_path)

    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "does_not_fit"


FAILURES: list[tuple[str, str, type[Exception], str]] = [
    ("crash", "raise ValueError('no such column')", JobFailed, "no such column"),
    ("syntax", "def f(:", JobFailed, "SyntaxError"),
    ("exit", "import sys; print('need --data'); sys.exit(2)", JobFailed, r"sys\.exit\(2\).*need --data"),
    ("nothing", "print('hello')", JobNeverTrained, "without a step"),
    ("missing package", "import no_such_package_at_all", JobFailed, "no_such_package_at_all"),
    ("hard exit", "import os; os._exit(7)", JobFailed, "exit code 7"),
    ("killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", JobFailed, "signal 9"),
    (
        "wrong shape",
        "import torch; torch.nn.Linear(4, 2).cuda()(torch.randn(3, 5, device='cuda'))",
        JobFailed,
        r"train\.py:1",
    ),
    (
        "no shape rule",
        "import torch; torch.nn.Linear(4, 2).cuda()(torch.randn(3, 4, device='cuda')).to_mkldnn()",
        CannotSimulate,
        r"(?i)mkldnn.*train\.py:1",
    ),
]


@pytest.mark.parametrize(("code", "kind", "text"), [item[1:] for item in FAILURES], ids=[item[0] for item in FAILURES])
def test_a_failing_script_ends_in_a_sentence(tmp_path: Path, code: str, kind: type[Exception], text: str) -> None:
    """The error says what happened and where, and carries a hint."""
    with pytest.raises(kind, match=text) as caught:
        estimate(script(tmp_path, code), on="t4", timeout_s=60)

    assert getattr(caught.value, "hint", "")


def test_an_endless_loop_before_the_first_step_is_ended(tmp_path: Path) -> None:
    """The time limit holds, with a message that says what to do."""
    with pytest.raises(JobTimedOut, match="0 optimizer steps") as caught:
        estimate(script(tmp_path, "import torch\nwhile True: pass"), on="t4", timeout_s=3)

    assert "--timeout" in caught.value.hint


def test_a_slow_job_ends_with_what_was_seen(tmp_path: Path) -> None:
    """Time runs out after some steps: an estimate of those, and the assumption says so."""
    result = estimate(script(tmp_path, TRAIN + "        __import__('time').sleep(2)\n"), on="t4", steps=50, timeout_s=6)

    assert "stopped-by-time" in {item.slug for item in result.assumptions}


def test_a_script_that_fails_late_is_estimated_with_a_warning(tmp_path: Path) -> None:
    """Two good steps, then an error of its own."""
    code = TRAIN.replace("range(1000)", "range(2)") + "    raise RuntimeError('late')\n"

    result = estimate(script(tmp_path, code), on="t4", steps=5)

    assert any(item.slug == "job-failed-later" and "late" in item.text for item in result.assumptions)


def test_no_script_and_no_device_are_usage_errors(tmp_path: Path) -> None:
    """Nothing is started for a wrong name."""
    with pytest.raises(JobFailed, match="no script"):
        estimate(str(tmp_path / "absent.py"))
    with pytest.raises(UsageError, match="4091"):
        estimate(script(tmp_path, TRAIN), on="rtx4091")


def test_the_command_line_shows_no_traceback(tmp_path: Path) -> None:
    """An error of the script is one line on stderr and exit code 1."""
    done = memfit("estimate", "--on", "t4", script(tmp_path, "1/0"), cwd=tmp_path)

    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_network_is_off(tmp_path: Path) -> None:
    """A tracker that phones home is refused; the job goes on if it copes."""
    code = """
        import socket
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=0.2)
        except OSError as error:
            assert "network is off" in str(error), error
    """

    result: Any = estimate(script(tmp_path, code + textwrap.indent(textwrap.dedent(TRAIN), "        ")), on="t4")

    assert result.pool("cuda:0").steps


def test_an_operator_without_a_shape_rule_is_run_on_zeros(tmp_path: Path) -> None:
    """Small enough, its result is taken from real zeros, and the estimate says so."""
    code = """
        import torch
        x = torch.nn.Linear(8, 8).cuda()(torch.randn(32, 8, device="cuda"))
        counts, edges = torch.histogram(x.detach().flatten(), bins=7)
        assert counts.shape == (7,) and edges.shape == (8,) and counts.is_cuda
    """

    result = estimate(script(tmp_path, code), on="t4")

    assert "operator-run-on-zeros" in {item.slug for item in result.assumptions}
