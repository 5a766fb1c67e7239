"""Small jobs on the CPU: the simulated peak of live bytes is that of the profiler's allocation events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from benchmarks.operators.measure import measured, traced_bytes  # noqa: E402

from memfit.engine.allocators import PlainAllocator  # noqa: E402
from memfit.engine.replay import replay  # noqa: E402
from memfit.frameworks.torch.simulation import Simulation  # noqa: E402

nn, F = torch.nn, torch.nn.functional


def train(make: Callable[[], Any], loss_of: Callable[[Any], Any]) -> Callable[[], None]:
    def job() -> None:
        model = make()
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(2):
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()

    return job


def image(model: Any) -> Any:
    return model(torch.randn(8, 3, 64, 64)).square().mean()


def residual(model: Any) -> Any:
    x = torch.randn(512, 256)
    hidden = model[0](x).tanh()
    return F.mse_loss(hidden + model[1](hidden).relu(), torch.randn(512, 256))


def attend(model: Any) -> Any:
    x = model(torch.randn(4, 128, 96)).view(4, 128, 3, 4, 24).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(x[0], x[1], x[2], is_causal=True).sum()


def checkpointed(model: Any) -> Any:
    x = torch.randn(512, 256, requires_grad=True)
    return torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False).sum()


def looked_up(model: Any) -> Any:
    return model(torch.randint(0, 2000, (256, 20))).square().sum()


def penalised(model: Any) -> Any:
    penalty = torch.zeros(1, device="cpu")
    for weight in model.parameters():
        penalty += 1e-3 * weight.square().sum()
    return model(torch.randn(512, 256)).sum() + penalty


def step_by_step(model: Any) -> Any:
    x, out, state = torch.randn(12, 256, 64), torch.zeros(12, 256, 128), torch.zeros(256, 128)
    for step in range(12):
        state = model(x[step], state)
        out[step] = state
    return out.square().mean()


def in_part(model: Any) -> Any:
    x, out = torch.randn(12, 256, 64), torch.zeros(12, 256, 128)
    for step in range(12):
        out[step, :, :64] += model(x[step])
    last = torch.zeros(256, 256)
    half = last[:, 128:192]
    half.copy_(model(x[0]))
    return out.square().mean() + last.sum() + half.tanh().sum()


def penalised_gradient(model: Any) -> Any:
    x = torch.randn(256, 256).requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(x), x, torch.ones(256, 512), create_graph=True)
    return (gradient.norm(2, dim=1) - 1).square().mean()


def aligned(model: Any) -> Any:
    scores = model(torch.randn(100, 8, 64)).log_softmax(2)
    return F.ctc_loss(scores, torch.randint(1, 40, (8, 30)), torch.full((8,), 100), torch.full((8,), 30))


def spectrum(model: Any) -> Any:
    wave = model(torch.randn(8, 512))
    return torch.stft(wave, 64, 16, window=torch.hann_window(64), return_complex=True).abs().mean()


def counted(model: Any) -> Any:
    x = model(torch.randn(512, 256))
    return (x * (x > 0)).square().mean() * (x.detach() > 0).sum()


def unkept() -> None:
    weight, whole = nn.Parameter(torch.randn(512, 512)), torch.ones(512, 512, dtype=torch.int32)
    with torch.no_grad():
        (weight + whole).sum()


def shown(model: Any) -> Any:
    model[1].eval()
    patches = F.fold(F.unfold(model[0](torch.randn(4, 3, 32, 32)), 3, padding=1), 32, 3, padding=1)
    with torch.no_grad():
        tokens = patches.flatten(2).transpose(1, 2)
        model[1](tokens)
        model[1](tokens, src_key_padding_mask=torch.arange(1024).expand(4, -1) > 1022)
    return patches.square().mean()


def quasi_newton(search: str | None = None) -> None:
    model, inputs, targets = nn.Linear(256, 64), torch.randn(128, 256), torch.randn(128, 64)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=12, history_size=8, line_search_fn=search)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(model(inputs).tanh(), targets)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)


JOBS: dict[str, Callable[[], None]] = {
    "linear": train(
        lambda: nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.Linear(512, 256)),
        lambda m: m(torch.randn(512, 256)).sum(),
    ),
    "residual and mean squared error": train(
        lambda: nn.ModuleList([nn.Linear(256, 256), nn.Linear(256, 256)]), residual
    ),
    "dropout": train(
        lambda: nn.Sequential(nn.Linear(256, 512), nn.Dropout(0.1)), lambda m: m(torch.randn(512, 256)).sum()
    ),
    "convolution": train(
        lambda: nn.Sequential(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 32, 3, padding=1)), image
    ),
    "strided and transposed convolution": train(
        lambda: nn.Sequential(nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1)), image
    ),
    "channels last": train(
        lambda: nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3)).to(
            memory_format=torch.channels_last
        ),
        image,
    ),
    "small convolutions of volumes": train(
        lambda: nn.Sequential(nn.Conv3d(16, 32, 3, padding=1), nn.SiLU(), nn.Conv3d(32, 8, 3, 2), nn.Conv3d(8, 8, 1)),
        lambda m: m(torch.randn(1, 16, 4, 16, 64)).square().mean(),
    ),
    "attention": train(lambda: nn.Linear(96, 288), attend),
    "lstm": train(lambda: nn.LSTM(96, 80, batch_first=True), lambda m: m(torch.randn(12, 60, 96))[0].sum()),
    "gru": train(lambda: nn.GRU(96, 80, batch_first=True), lambda m: m(torch.randn(12, 60, 96))[0].sum()),
    "embedding bag": train(lambda: nn.EmbeddingBag(2000, 128), looked_up),
    "sum in a tensor made before": train(lambda: nn.Linear(256, 512), penalised),
    "results in a tensor made before": train(lambda: nn.GRUCell(64, 128), step_by_step),
    "results in parts of a tensor": train(lambda: nn.Linear(64, 64), in_part),
    "penalty on a gradient": train(lambda: nn.Linear(256, 512), penalised_gradient),
    "layers that learn their sizes": train(
        lambda: nn.Sequential(nn.LazyLinear(512), nn.Mish(), nn.LazyLinear(256)),
        lambda m: m(torch.randn(512, 256)).square().mean(),
    ),
    "temporal classification": train(lambda: nn.Linear(64, 40), aligned),
    "complex spectrum": train(lambda: nn.Linear(512, 512), spectrum),
    "products with truth values, and their number": train(lambda: nn.Linear(256, 512), counted),
    "sums with integers, their gradients not kept": unkept,
    "bilinear layer": train(
        lambda: nn.Bilinear(64, 64, 8),
        lambda m: m(*torch.randn(2, 256, 64, requires_grad=True)).square().mean(),
    ),
    "patches, and a transformer that only infers": train(
        lambda: nn.ModuleList(
            [
                nn.Conv2d(3, 16, 1),
                nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 16, batch_first=True), 1),
            ]
        ),
        shown,
    ),
    "checkpoint": train(lambda: nn.Sequential(nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 256)), checkpointed),
}


@pytest.mark.parametrize("name", JOBS)
def test_simulated_peak_is_the_allocators(name: str) -> None:
    """Within half a percent of the allocator's own account: small jobs, where a few KiB of scratch count."""
    job = JOBS[name]
    real, simulated = measured(job)["measured_bytes"], traced_bytes(job)

    assert simulated == pytest.approx(real, rel=0.005)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_quasi_newton_steps_are_somewhat_more_than_their_job_takes(search: str | None) -> None:
    """How often a search along the line looks depends on values: it is taken to hold both ends of its bracket."""

    def job() -> None:
        quasi_newton(search)

    real, simulated = measured(job)["measured_bytes"], traced_bytes(job)

    assert real <= simulated <= 1.1 * real


def test_one_step_of_many_iterations_fills_the_history() -> None:
    """Of a job that makes no other step, too."""
    simulation = Simulation(device_count=0)
    with simulation:
        weight = torch.nn.Parameter(torch.randn(100_000))
        optimizer = torch.optim.LBFGS([weight], max_iter=5_000, history_size=20)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        assert optimizer.param_groups[0]["max_iter"] == 5_000

    assert replay(simulation.trace, "host", PlainAllocator()).requested.size_bytes > 2 * 20 * 400_000
    assert "lbfgs-history" in simulation.assumptions


# input, weights and options of convolutions that PyTorch computes by windows of its input
WINDOWS: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...], dict[str, Any], Any]] = {
    "images": (F.conv2d, (4, 8, 32, 32), (16, 8, 3, 3), {}, torch.float64),
    "points": (F.conv2d, (4, 8, 32, 32), (16, 8, 1, 1), {}, torch.float64),
    "groups": (F.conv2d, (4, 8, 32, 32), (16, 4, 3, 3), {"groups": 2}, torch.float64),
    "dilated": (F.conv2d, (4, 8, 32, 32), (16, 4, 3, 3), {"groups": 2, "dilation": 2}, torch.float64),
    "transposed": (F.conv_transpose2d, (4, 8, 32, 32), (8, 16, 3, 3), {"stride": 2}, torch.float64),
    "series": (F.conv1d, (4, 8, 2000), (16, 8, 5), {"padding": 2}, torch.float64),
    "volumes": (F.conv3d, (2, 8, 8, 16, 16), (16, 8, 3, 3, 3), {}, torch.float64),
    "transposed volumes": (F.conv_transpose3d, (2, 8, 8, 16, 16), (8, 16, 3, 3, 3), {}, torch.float64),
    "halves": (F.conv2d, (4, 8, 32, 32), (16, 8, 3, 3), {}, torch.float16),
    "a small image": (F.conv2d, (1, 4, 40, 60), (32, 4, 3, 3), {}, torch.float32),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_convolutions_by_windows_are_exact(name: str) -> None:
    """Those of one or two images at a time, of all at once, and of groups that are joined."""
    convolve, image_shape, weight_shape, options, dtype = WINDOWS[name]

    def job() -> None:
        weight = nn.Parameter(torch.randn(weight_shape, dtype=dtype))
        x = nn.Parameter(torch.randn(image_shape, dtype=dtype))
        convolve(x, weight, **options).square().sum().backward()

    real, simulated = measured(job)["measured_bytes"], traced_bytes(job)

    assert simulated == pytest.approx(real, rel=0.005)
