"""Scratch memory of device kernels, held against single calls measured on an H200 (torch 2.11, cuDNN 9.19)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402
from memfit.frameworks.torch.operators.convolutions import Convolution  # noqa: E402
from memfit.frameworks.torch.operators.reductions import Grid, staging_bytes  # noqa: E402
from memfit.quantities import MIB  # noqa: E402

pytestmark = pytest.mark.torch
H200 = Grid(multiprocessors=132, resident_threads=2048)


def held(job: Callable[[], Any]) -> int:
    """The peak of a call over what was there before."""
    before = torch.cuda.memory_stats()["requested_bytes.all.current"]
    torch.cuda.reset_peak_memory_stats()
    job()
    return int(torch.cuda.memory_stats()["requested_bytes.all.peak"]) - int(before)


@pytest.mark.parametrize(
    ("shape", "measured_mib"),
    [((2048, 512), 8), ((2048, 2048), 32), ((2048, 4096), 64), ((12288, 768), 72), ((12288, 3072), 132),
     ((12288, 2304), 132.75), ((512, 2048), 0)],
)  # fmt: skip
def test_sums_over_rows_stage_their_parts(shape: tuple[int, int], measured_mib: float) -> None:
    """A bias's gradient takes what was measured, to the byte."""
    assert staging_bytes(shape, (shape[1], 1), (0,), 4, H200) == measured_mib * MIB


def test_sums_along_rows_stage_little() -> None:
    """Where neighbours in memory belong to one sum, a block keeps one number for each."""
    assert staging_bytes((64, 1 << 20), (1 << 20, 1), (1,), 4, H200) < MIB


@pytest.mark.parametrize(
    ("image", "weight", "result", "half", "last", "forward_mib", "backward_mib"),
    [
        ((64, 64, 56, 56), (64, 64, 3, 3), (64, 64, 56, 56), False, False, 98.14, 100.11),
        ((64, 64, 56, 56), (64, 64, 3, 3), (64, 64, 56, 56), True, False, 49.07, 50.90),
        ((64, 64, 56, 56), (64, 64, 3, 3), (64, 64, 56, 56), True, True, 0.0, 1.83),
        ((64, 64, 56, 56), (256, 64, 1, 1), (64, 256, 56, 56), False, False, 0.0, 4.0),
        ((64, 512, 7, 7), (512, 512, 3, 3), (64, 512, 7, 7), False, False, 21.25, 29.5),
        ((8, 64, 256, 256), (64, 64, 3, 3), (8, 64, 256, 256), False, False, 256.14, 258.11),
    ],
)
def test_convolutions_take_the_measured_workspaces(
    image: Any, weight: Any, result: Any, half: bool, last: bool, forward_mib: float, backward_mib: float
) -> None:
    """On tensor cores: a channels-last copy of everything that is not channels-last yet, and some partial sums."""
    seen = Convolution(
        image=image, filter=weight, result=result, item_bytes=2 if half else 4, half=half, channels_last=last,
        stride=(1, 1), groups=1,
    )  # fmt: skip

    assert seen.forward_bytes() == pytest.approx(forward_mib * MIB, rel=0.01, abs=MIB / 8)
    assert seen.filter_gradient_bytes() == pytest.approx(backward_mib * MIB, rel=0.05, abs=4 * MIB)


def test_filter_gradients_of_small_float32_images_write_out_windows() -> None:
    """Measured: 1,008 MiB for 1,792 images of 32 channels and 16 x 16, where a copy would be 112."""
    image = (1792, 32, 16, 16)
    seen = Convolution(
        image=image, filter=(32, 32, 3, 3), result=image, item_bytes=4, half=False, channels_last=False,
        stride=(1, 1), groups=1,
    )  # fmt: skip

    assert seen.filter_gradient_bytes() == 1008 * MIB


def test_attention_in_half_precision_is_cudnns_on_hopper_from_torch_2_11() -> None:
    """And its backward pass takes a float32 accumulator of the queries' gradient: measured 20.125 MiB in all."""
    with simulate("h200-141gb"):
        q, k, v = (torch.randn(8, 8, 512, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in "qkv")
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        name = out.grad_fn.name()
        peak = held(lambda: out.backward(torch.empty_like(out)))

    assert "Cudnn" in name
    assert peak == pytest.approx(24.125 * MIB, rel=0.01)  # the gradient handed in is of this call, too


def test_attention_with_a_learnt_bias_is_not_cudnns() -> None:
    """T5's relative positions have a gradient, which cuDNN's attention does not give."""
    with simulate("h200-141gb"):
        q, k, v = (torch.randn(2, 8, 64, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in "qkv")
        bias = torch.zeros(1, 8, 64, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True)
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        out.backward(torch.empty_like(out))

    assert "Cudnn" not in out.grad_fn.name()
    assert bias.grad is not None


def test_a_bias_whose_heads_lie_innermost_takes_the_plain_kernel() -> None:
    """As T5 makes it, by an embedding of distances: no fused kernel reads a mask that is not laid out by rows."""
    with simulate("h200-141gb"):
        q, k, v = (torch.randn(2, 8, 64, 64, device="cuda", requires_grad=True) for _ in "qkv")
        bias = torch.nn.Embedding(32, 8).to("cuda")(torch.zeros(64, 64, dtype=torch.long, device="cuda"))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.permute(2, 0, 1)[None])

    assert "Efficient" not in out.grad_fn.name()


def test_an_lstm_keeps_five_values_a_unit_and_works_in_eight_mib_a_layer() -> None:
    """Measured for 64 steps of 64 sequences, 256 units: 24.125 MiB kept, 56.4 at the peak."""
    with simulate("h200-141gb"):
        layer = torch.nn.LSTM(128, 256).to("cuda")
        x = torch.randn(64, 64, 128, device="cuda", requires_grad=True)
        kept: list[Any] = []
        peak = held(lambda: kept.append(layer(x)[0]))

    assert peak == pytest.approx(56.376 * MIB, rel=0.01)


def test_cells_run_in_one_fused_kernel() -> None:
    """A GRU cell keeps five values for each unit, not its gates one by one."""
    with simulate("h200-141gb") as sim:
        cell = torch.nn.GRUCell(96, 384).to("cuda")
        cell(torch.randn(64, 96, device="cuda"), torch.zeros(64, 384, device="cuda"))
    fused = [item.size_bytes for item in sim.trace.storages if "fused_gru" in (item.operator or "")]

    assert fused == [64 * 384 * 5 * 4, 64 * 384 * 4]


def test_benchmarking_tries_large_workspaces_and_empties_the_cache() -> None:
    """With torch.backends.cudnn.benchmark the first call of a shape shows in the peak, and is said to be a guess."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        with simulate("h200-141gb") as sim:
            x = torch.randn(64, 32, 64, 64, device="cuda")
            torch.nn.Conv2d(32, 32, 3, padding=1).to("cuda")(x)
    finally:
        torch.backends.cudnn.benchmark = before

    assert "cudnn-benchmark" in sim.assumptions
    assert any(mark.kind == "empty_cache" for mark in sim.trace.marks)
