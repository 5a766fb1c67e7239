"""Scripts for several processes, unmodified, one rank simulated: what it holds is what the wrapper keeps on it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")

from memfit import advise, estimate
from memfit.errors import UsageError

pytestmark = [pytest.mark.torch, pytest.mark.slow]

START = """
    import os, torch, torch.distributed as dist
    from torch import nn
    from torch.distributed.device_mesh import init_device_mesh
    dist.init_process_group("nccl")
    local = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(local)
    layers = [nn.Sequential(nn.Linear(1024, 4096), nn.GELU(), nn.Linear(4096, 1024)) for _ in range(4)]
"""
TRAIN = """
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(4):
        model(torch.randn(8, 1024, device=local)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    dist.destroy_process_group()
"""
WORKSPACES_BYTES = 80 << 20
WEIGHTS_BYTES = 4 * 4 * (2 * 1024 * 4096 + 4096 + 1024)


def script(folder: Path, body: str) -> Path:
    path = folder / "train.py"
    path.write_text(textwrap.dedent(START) + textwrap.dedent(body) + textwrap.dedent(TRAIN), encoding="utf-8")
    return path


def test_data_parallel_ranks_hold_the_weights_and_buckets_as_large(tmp_path: Path) -> None:
    """DistributedDataParallel copies no weights; its buckets take what the gradients take."""
    path = script(
        tmp_path,
        """
        model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers).to(local), device_ids=[local])
        """,
    )

    found = estimate(path, on="a100-40gb", ranks=4).pool("cuda:0")

    sizes = found.breakdown_bytes
    assert abs(sizes["parameters"] - WEIGHTS_BYTES) < 0.01 * WEIGHTS_BYTES
    assert abs(sizes["optimizer_state"] - 2 * WEIGHTS_BYTES) < 0.01 * WEIGHTS_BYTES
    buffers = [size for size, category, _ in found.top if category == "collectives"]
    assert abs(sum(buffers) - WEIGHTS_BYTES) < 0.01 * WEIGHTS_BYTES


def test_sharded_ranks_hold_their_share(tmp_path: Path) -> None:
    """FSDP over eight ranks: an eighth of the optimizer's state, and one block's weights gathered."""
    path = script(
        tmp_path,
        """
        from torch.distributed.fsdp import fully_shard
        model = nn.Sequential(*layers).to(local)
        for layer in model:
            fully_shard(layer)
        fully_shard(model)
        """,
    )

    result = estimate(path, on="a100-40gb", ranks="2x4")

    kept = 4 * WEIGHTS_BYTES / 8  # an eighth of the weights, of their gradients, and of the optimizer's state
    assert kept <= result.pool("cuda:0").steps[-1].end_bytes < kept + WORKSPACES_BYTES
    assert [role.ranks for role in result.roles] == ["0-7"]
    assert result.pool("host").peak_bytes.expected > 3 * result.roles[0].pools[-1].peak_bytes.expected


def test_tensor_parallel_ranks_hold_their_columns_and_rows(tmp_path: Path) -> None:
    """Two ranks: half of the weights each."""
    path = script(
        tmp_path,
        """
        from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
        mesh = init_device_mesh("cuda", (dist.get_world_size(),))
        model = nn.Sequential(*layers).to(local)
        for layer in model:
            parallelize_module(layer, mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})
        """,
    )

    pool = estimate(path, on="a100-40gb", ranks=2).pool("cuda:0")

    kept = 4 * WEIGHTS_BYTES / 2  # half of the weights, of their gradients, and of the optimizer's state
    assert kept <= pool.steps[-1].end_bytes < kept + WORKSPACES_BYTES


def test_what_a_script_makes_on_the_device_keeps_its_value_in_a_group(tmp_path: Path) -> None:
    """A loss that is summed over the ranks and read, and a meta tensor like one of the device: neither ends the job."""
    path = script(
        tmp_path,
        """
        model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers).to(local), device_ids=[local])
        total = torch.tensor([3.0], device=local)
        dist.all_reduce(total)
        assert total[0].item() == 3.0
        before = torch.cuda.memory_allocated()
        shape = torch.zeros_like(layers[0][0].weight, device="meta")
        assert torch.cuda.memory_allocated() == before
        """,
    )

    assert estimate(path, on="a100-40gb", ranks=2).pool("cuda:0").allocated_peak_bytes > 4 * WEIGHTS_BYTES


def test_a_launchers_command_line_is_taken_as_it_is(tmp_path: Path) -> None:
    """`memfit estimate torchrun …`: the ranks come from it, and the document tells every kind of rank."""
    path = script(
        tmp_path,
        """
        model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers).to(local), device_ids=[local])
        """,
    )
    words = ["estimate", "--json", "--on", "a100-40gb", "torchrun", "--nproc-per-node", "2", str(path)]

    done = subprocess.run(
        [sys.executable, "-m", "memfit", *words], capture_output=True, text=True, timeout=200, check=False
    )

    told = json.loads(done.stdout)
    assert told["target"]["ranks_per_node"] == 2
    assert [(role["ranks"], role["count"]) for role in told["roles"]] == [("0-1", 2)]


def test_what_functional_collectives_gather_is_held_once(tmp_path: Path) -> None:
    """PyTorch wraps what it gathered for autograd: another view of the same memory."""
    path = tmp_path / "job.py"
    path.write_text(
        textwrap.dedent("""
        import torch, torch.distributed as dist
        from torch.distributed import _functional_collectives as functional
        dist.init_process_group("nccl")
        part = torch.zeros(1 << 20, device="cuda", requires_grad=True)
        for _ in range(2):
            whole = functional.all_gather_tensor(part, 0, dist.group.WORLD)
            (whole * 1).sum().backward()
            part.grad = None
            del whole
        """),
        encoding="utf-8",
    )

    found = estimate(path, on="a100-40gb", ranks=2).pool("cuda:0")

    gathered = [label for size, _, label in found.top if size == 8 << 20 and "all_gather" in label]
    assert len(gathered) == 1
    assert not [label for *_, label in found.top if "_wrap_tensor" in label]


def test_advice_is_of_one_rank_among_several(tmp_path: Path) -> None:
    """The peak is that of the estimate; states are not offered to be divided that FSDP divides already."""
    path = script(
        tmp_path,
        """
        from torch.distributed.fsdp import fully_shard
        model = fully_shard(nn.Sequential(*[fully_shard(each.to(local)) for each in layers]))
        """,
    )
    wanted = ["expandable-segments", "sharded-optimizer"]

    found = advise(path, on="a100-40gb", ranks=2, within_bytes=700 << 20, only=wanted)

    assert found.now_bytes == estimate(path, on="a100-40gb", ranks=2).pool("cuda").peak_bytes
    assert "sharded-optimizer" not in {change.slug for plan in found.plans for change in plan.changes}
    assert any(each.slug == "fullest-rank" for each in found.assumptions)


def test_advice_on_ranks_without_a_device_is_refused(tmp_path: Path) -> None:
    """The host of one rank is not the node's: no wrong answer is given."""
    with pytest.raises(UsageError, match="none is named"):
        advise(script(tmp_path, "model = nn.Sequential(*layers)"), on="cpu", ranks=2)
