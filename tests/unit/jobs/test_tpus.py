"""TPUs are for jobs whose programs a compiler plans; nothing is simulated there by rules made for GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

import memfit
from memfit.errors import UsageError
from memfit.jobs.machine import simulated_machine
from memfit.jobs.planned import memory_fraction


def test_a_tpu_is_not_simulated() -> None:
    """What would be a GPU's context, allocator and kernels is no TPU's."""
    with pytest.raises(UsageError, match="tpu-v5e-16gb is a TPU"):
        simulated_machine("v5e", "2.13.0", None)


def test_jax_is_not_run_in_ranks(tmp_path: Path) -> None:
    """One process with several devices is what is planned."""
    script = tmp_path / "train.py"
    script.write_text("import jax\n", encoding="utf-8")

    with pytest.raises(UsageError, match="several ranks of it are not planned"):
        memfit.estimate(str(script), on="v5e", ranks=4)


@pytest.mark.parametrize(("said", "share"), [({}, 0.75), ({"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.5"}, 0.5)])
def test_jax_takes_its_share_of_a_gpu(said: dict[str, str], share: float) -> None:
    """Three quarters, or what the environment says."""
    assert memory_fraction(said) == share
    assert memory_fraction({**said, "XLA_CLIENT_MEM_FRACTION": "x"}) == 0.75
