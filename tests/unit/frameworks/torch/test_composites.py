"""Operators made of others in C++: what they make beside their operands is simulated where those are, and real tensors
among them do no harm; what the job asks for on meta stays its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from memfit.engine.allocators import PlainAllocator  # noqa: E402
from memfit.engine.replay import replay  # noqa: E402
from memfit.frameworks.torch.simulation import Simulation  # noqa: E402

F, linalg = torch.nn.functional, torch.linalg

# of a simulated matrix w and a small real one x, both 24 x 32
COMPOSITES: dict[str, Callable[[Any, Any], Any]] = {
    "cov": lambda w, x: torch.cov(w),
    "cov with weights": lambda w, x: torch.cov(w, aweights=w[0].abs() * 1),
    "corrcoef": lambda w, x: torch.corrcoef(w),
    "cdist": lambda w, x: torch.cdist(w, x),
    "pinverse": lambda w, x: torch.pinverse(w),
    "matrix_rank": lambda w, x: w * linalg.matrix_rank(w.detach()),
    "multi_dot": lambda w, x: linalg.multi_dot([x, w.T, w]),
    "inner": lambda w, x: torch.inner(w, x),
    "tensordot": lambda w, x: torch.tensordot(x, w, dims=([1], [1])),
    "einsum": lambda w, x: torch.einsum("ij,kj->ik", x, w),
    "meshgrid": lambda w, x: torch.stack(torch.meshgrid(x[0], w[0], indexing="ij")),
    "cartesian_prod": lambda w, x: torch.cartesian_prod(x[0], w[0]),
    "gradient": lambda w, x: torch.gradient(w, spacing=(torch.arange(24.0), torch.arange(32.0)))[0],
    "take_along_dim": lambda w, x: torch.take_along_dim(w, torch.zeros(24, 5, dtype=torch.long), 1),
    "tensor_split": lambda w, x: torch.tensor_split(w, torch.tensor([3, 7]))[1],
    "cosine_similarity": lambda w, x: F.cosine_similarity(w, x),
    "histogramdd": lambda w, x: w * torch.histogramdd(w.detach()[:, :2], bins=[3, 3])[0].sum(),
    "windows": lambda w, x: w.unfold(1, 5, 2),
    "overlapping strides": lambda w, x: w.flatten().as_strided((20, 20), (1, 1)),
    "nanmedian": lambda w, x: w.nanmedian(1)[0],
    "nanquantile": lambda w, x: w.nanquantile(0.3, dim=1),
    "gaussian_nll_loss": lambda w, x: F.gaussian_nll_loss(w, x, x.square()),
    "triplet_margin_loss": lambda w, x: F.triplet_margin_loss(w, x, x * 2),
    "multilabel_margin_loss": lambda w, x: F.multilabel_margin_loss(w, torch.zeros(24, 32, dtype=torch.long)),
    "embedding_bag": lambda w, x: F.embedding_bag(torch.zeros(6, 4, dtype=torch.long), w, mode="mean"),
    "fft": lambda w, x: torch.fft.ihfft(w).abs(),
    "stft": lambda w, x: torch.stft(w, 8, window=torch.hann_window(8), return_complex=True).abs(),
    "istft": lambda w, x: torch.istft(torch.stft(w, 8, window=torch.ones(8), return_complex=True), 8,
                                      window=torch.ones(8)),
    "packed": lambda w, x: torch.nn.utils.rnn.pad_packed_sequence(
        torch.nn.utils.rnn.pack_padded_sequence(w[:, :, None], torch.full((32,), 24)))[0],
    "polygamma": lambda w, x: torch.polygamma(1, w.abs() + 1),
    "logsumexp of both": lambda w, x: torch.logaddexp(w, x),
    "sparse and back": lambda w, x: w.to_sparse().to_dense(),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSITES)
def test_operators_made_of_others_run_forward_and_backward(name: str) -> None:
    """The result, and the gradient of the matrix, are on the simulated host."""
    with Simulation(device_count=0) as simulation:
        w, x = torch.nn.Parameter(torch.rand(24, 32) + 0.5), torch.rand(24, 32) + 0.5

        result = COMPOSITES[name](w, x)
        result.square().sum().backward()

        assert simulation.ledger.pool(result) == "host"
        assert w.grad is not None
        assert w.grad.shape == w.shape and w.grad.device.type == "cpu"


def test_what_cpp_makes_inside_counts_on_the_operands_device() -> None:
    """The row numbers of as_strided's backward pass, eight bytes for each element, are a factory's alone."""
    with Simulation(device_count=0) as simulation:
        w = torch.nn.Parameter(torch.rand(1000, 100))
        w.flatten().as_strided((50, 50), (1, 1)).square().sum().backward()
    peak_bytes = replay(simulation.trace, "host", PlainAllocator()).requested.size_bytes

    assert peak_bytes >= w.numel() * (4 + 4 + 8)


def test_what_the_job_asks_for_on_meta_stays_its_own() -> None:
    """By an argument, a context, an operator's own name, or of its own tensors: also beside simulated ones."""
    with Simulation(device_count=0) as simulation:
        w = torch.nn.Parameter(torch.rand(24, 32))
        with torch.device("meta"):
            layer = torch.nn.MultiheadAttention(32, 4)
            made = [
                torch.zeros(3),
                torch.tensor([1.0]),
                torch.hann_window(8),
                torch.scalar_tensor(2.0),
                layer.in_proj_weight,
            ]
        w.square().sum().backward()
        made += [torch.empty_strided((3, 4), (4, 1), device="meta"), torch.zeros_like(w, device="meta")]
        made += [torch.ops.aten.empty([3], device="meta"), torch.ops.aten.zeros.default([3], device="meta")]
        made += [made[0].new_ones(4), torch.block_diag(made[5] * 1, made[5])]

        assert [simulation.ledger.pool(item) for item in made] == [None] * len(made)
        assert all(item.is_meta for item in made)


class Halved(torch.autograd.Function):
    """A function of the job's own whose gradient is made on the host."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.shape = x.shape
        return x.sum() * y.sum()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return torch.full(ctx.shape, 0.5), None


def test_a_gradient_made_on_the_host_is_taken() -> None:
    """The engine would refuse a real one for a simulated tensor."""
    with Simulation(device_count=0) as simulation:
        w = torch.nn.Parameter(torch.rand(24, 32))
        Halved.apply(w * 2, torch.rand(3)).backward()

        assert w.grad is not None and simulation.ledger.pool(w.grad) == "host"
