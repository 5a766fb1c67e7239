"""What scripts do with PyTorch beyond layers and losses: each runs on a simulated GPU and on the simulated CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402

pytestmark = pytest.mark.torch
nn, F = torch.nn, torch.nn.functional


def orthogonal(device: str) -> None:
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(32, 32)).to(device)
    layer(torch.randn(8, 32, device=device)).sum().backward()


def jacobian(device: str) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)).to(device)
    found = torch.func.jacrev(model)(torch.randn(8, device=device))
    assert found.shape == (4, 8)
    assert torch.autograd.functional.jacobian(model, torch.randn(8, device=device)).shape == (4, 8)


def lazy(device: str) -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten(), nn.LazyLinear(4)).to(device)
    model(torch.randn(2, 3, 8, 8, device=device)).sum().backward()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    assert all(weight.device.type == device and weight.grad is not None for weight in model.parameters())


def aligned(device: str) -> None:
    scores = nn.Linear(32, 20).to(device)(torch.randn(50, 16, 32, device=device)).log_softmax(2)
    targets = torch.randint(1, 20, (16, 30), device=device)
    F.ctc_loss(scores, targets, torch.full((16,), 50), torch.randint(10, 30, (16,))).backward()


def jagged(device: str) -> None:
    pieces = [torch.randn(5, 16), torch.randn(9, 16)]
    together = torch.nested.nested_tensor(pieces, layout=torch.jagged, device=device)
    assert nn.Linear(16, 16).to(device)(together).device.type == device


def flexible(device: str) -> None:
    attention = pytest.importorskip("torch.nn.attention.flex_attention")
    mask = attention.create_block_mask(lambda b, h, q, k: q >= k, None, None, 256, 256, device=device)
    query, key = torch.randn(2, 2, 4, 256, 32, device=device, requires_grad=device == "cuda")  # no backward on the CPU
    out = torch.compile(attention.flex_attention)(query, key, key, block_mask=mask)
    assert out.shape == query.shape
    if device == "cuda":
        out.sum().backward()


def compressed(device: str) -> None:
    matrix = torch.sparse_coo_tensor(torch.randint(0, 50, (2, 200)), torch.ones(200), (50, 50)).to(device)
    assert (matrix.coalesce().to_sparse_csr() @ torch.randn(50, 4, device=device)).shape == (50, 4)


IDIOMS: list[Callable[[str], Any]] = [orthogonal, jacobian, lazy, aligned, jagged, flexible, compressed]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("machine", ["cpu", "rtx4090-24gb"])
@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.__name__)
def test_it_runs(idiom: Callable[[str], Any], machine: str) -> None:
    """To its end, with the shapes and the device of a real run."""
    with simulate(machine):
        idiom("cpu" if machine == "cpu" else "cuda")


def test_flexible_attention_makes_no_scores() -> None:
    """Its kernel keeps the result and two numbers a query; the estimate says that it was taken so."""
    attention = pytest.importorskip("torch.nn.attention.flex_attention")
    with simulate("h100-80gb") as sim:
        query = torch.empty(4, 8, 4096, 64, device="cuda", dtype=torch.bfloat16)
        before = torch.cuda.memory_allocated()
        out = torch.compile(attention.flex_attention)(query, query, query)
        made = torch.cuda.max_memory_allocated() - before

    result_bytes, number_bytes = 4 * 8 * 4096 * 64 * 2, 4 * 8 * 4096 * 4
    assert out.shape == query.shape
    assert result_bytes + 2 * number_bytes <= made <= result_bytes + 2 * number_bytes + 4096  # and an empty mask
    assert "flex-fused" in sim.assumptions


def peak_bytes(job: Callable[[], Any]) -> int:
    """What a job takes on the device beyond what it started with."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    job()
    return int(torch.cuda.max_memory_allocated()) - before


def test_kernels_of_the_device_take_what_they_do_inside() -> None:
    """From the sources: counts of truth values read eight bytes each, sums into rows sort the row numbers."""
    with simulate("h100-80gb"):
        mask = torch.ones(1 << 20, dtype=torch.bool, device="cuda")
        assert peak_bytes(mask.sum) >= 8 << 20
        assert peak_bytes(lambda: mask.cumsum(0)) == 2 * (8 << 20)
        assert peak_bytes(lambda: mask.long().cumsum(0)) == 2 * (8 << 20)  # of its own type nothing is copied

        rows = torch.zeros(1 << 20, dtype=torch.long, device="cuda")
        table = torch.zeros(100, 4, device="cuda")
        values = torch.zeros(1 << 20, 4, device="cuda")
        assert peak_bytes(lambda: table.index_put_((rows,), values, accumulate=True)) == 6 * (8 << 20)
        assert peak_bytes(lambda: table.index_put_((rows,), values)) == 0
