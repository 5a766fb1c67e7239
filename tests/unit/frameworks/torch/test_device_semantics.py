"""The simulated device decides as the device would, not as the CPU: kernels, casts, masks, optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402
from memfit.machines import workspaces_stay  # noqa: E402
from memfit.quantities import Category  # noqa: E402

pytestmark = pytest.mark.torch
F = torch.nn.functional
MIB = 1 << 20


def peak(job: Callable[[], Any], on: str = "a100-40gb") -> int:
    with simulate(on):
        job()
        return int(torch.cuda.max_memory_allocated())


def born(job: Callable[[], Any], on: str = "a100-40gb") -> list[Any]:
    with simulate(on) as sim:
        job()
    return [item for item in sim.trace.storages if item.pool == "cuda:0"]


def test_dropout_keeps_one_byte_per_element() -> None:
    """On a GPU dropout saves a mask of truth values, not a float noise tensor."""
    x = (1 << 18,)

    sizes = [item.size_bytes for item in born(lambda: F.dropout(torch.randn(x, device="cuda"), 0.1))]

    assert sizes == [4 << 18, 1 << 18, 4 << 18]


@pytest.mark.parametrize(("dtype", "copies"), [(torch.float16, 0), (torch.bfloat16, 1)])
def test_softmax_to_float_copies_only_bfloat16_first(dtype: Any, copies: int) -> None:
    """softmax(dtype=float32) of a float16 tensor is one kernel on a GPU; a bfloat16 one is converted before."""

    def job() -> None:
        F.softmax(torch.randn(256, 1024, device="cuda", dtype=dtype), -1, dtype=torch.float32)

    assert [item.size_bytes for item in born(job)] == [2 * 256 * 1024] + (1 + copies) * [4 * 256 * 1024]


@pytest.mark.parametrize(
    ("on", "dtype", "mask", "kernel"),
    [
        ("a100-40gb", torch.bfloat16, False, "flash"),
        ("a100-40gb", torch.float32, False, "efficient"),
        ("a100-40gb", torch.bfloat16, True, "efficient"),
        ("t4", torch.float16, False, "efficient"),
        ("t4", torch.bfloat16, False, "math"),
    ],
)
def test_attention_kernel_follows_device_type_and_mask(on: str, dtype: Any, mask: bool, kernel: str) -> None:
    """Flash needs half precision, no mask and capability 8.0; the plain kernel keeps the score matrix."""

    def job() -> None:
        q = torch.randn(2, 8, 512, 64, device="cuda", dtype=dtype, requires_grad=True)
        bias = torch.zeros(2, 8, 512, 512, device="cuda", dtype=dtype) if mask else None
        F.scaled_dot_product_attention(q, q, q, attn_mask=bias)

    operators = {str(item.operator) for item in born(job, on)}

    found = {name for name in ("flash", "efficient") if any(f"_{name}_attention" in item for item in operators)}
    assert found == ({kernel} if kernel != "math" else set())
    assert any("softmax" in item for item in operators) == (kernel == "math")


def test_autocast_casts_what_the_device_casts() -> None:
    """Matrix products in half precision, losses and softmax in float32, additions as they come."""
    seen = {}

    def job() -> None:
        x = torch.randn(8, 16, device="cuda")
        layer, norm = torch.nn.Linear(16, 16).cuda(), torch.nn.LayerNorm(16).cuda()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            seen["linear"] = layer(x).dtype
            seen["einsum"] = torch.einsum("ij,kj->ik", x, x).dtype
            seen["norm"] = norm(layer(x)).dtype
            seen["softmax"] = layer(x).softmax(-1).dtype
            seen["loss"] = F.mse_loss(layer(x), x).dtype
            seen["add"] = (layer(x) + layer(x)).dtype
            with torch.autocast("cuda", enabled=False):
                seen["outside"] = layer(x).dtype

    peak(job)

    half, full = torch.bfloat16, torch.float32
    assert seen == {
        "linear": half,
        "einsum": half,
        "norm": full,
        "softmax": full,
        "loss": full,
        "add": half,
        "outside": full,
    }


def test_autocast_casts_a_weight_once_per_region() -> None:
    """The weight cache: two bytes per parameter for the whole region, however often the layer is used."""

    def job(times: int) -> Callable[[], Any]:
        def run() -> None:
            layer = torch.nn.Linear(1024, 1024, bias=False).cuda()
            with torch.autocast("cuda", dtype=torch.float16):
                for _ in range(times):
                    layer(torch.randn(1, 1024, device="cuda"))

        return run

    casts = [[item.size_bytes for item in born(job(times)) if item.category is Category.CAST_CACHE] for times in (1, 3)]

    assert casts == [[2 * MIB], [2 * MIB]]


def test_foreach_adam_peaks_near_twenty_bytes_per_parameter_and_fused_near_sixteen() -> None:
    """The default on a GPU is foreach, with a parameter-sized temporary that fused does without."""

    def job(fused: bool) -> Callable[[], Any]:
        def run() -> None:
            model = torch.nn.Sequential(*[torch.nn.Linear(1024, 1024, bias=False) for _ in range(8)]).cuda()
            optimizer = torch.optim.Adam(model.parameters(), fused=fused or None)
            for _ in range(2):
                model(torch.randn(1, 1024, device="cuda")).sum().backward()
                optimizer.step()

        return run

    parameters = 8 * 1024 * 1024
    workspaces = 2 * 8519680 if workspaces_stay(torch.__version__) else 0

    per_parameter = [(peak(job(fused)) - workspaces) / parameters for fused in (False, True)]

    assert per_parameter[0] == pytest.approx(20, abs=0.3)
    assert per_parameter[1] == pytest.approx(16, abs=0.6)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_frees_activations_and_recomputes_them(reentrant: bool) -> None:
    """Both modes keep the inputs of the segments only, and need less than plain training."""
    from torch.utils.checkpoint import checkpoint

    def job(checkpointed: bool) -> Callable[[], Any]:
        def run() -> None:
            blocks = [
                torch.nn.Sequential(torch.nn.Linear(256, 1024), torch.nn.GELU(), torch.nn.Linear(1024, 256)).cuda()
                for _ in range(6)
            ]
            x = torch.randn(4096, 256, device="cuda", requires_grad=True)
            for block in blocks:
                x = checkpoint(block, x, use_reentrant=reentrant) if checkpointed else block(x)
            x.sum().backward()

        return run

    plain, saved = peak(job(False)), peak(job(True))

    assert saved < 0.45 * plain


def test_gradients_kept_as_zeros_overlap_the_next_forward() -> None:
    """set_to_none=False keeps the gradients alive through the next forward pass."""

    def job(to_none: bool) -> Callable[[], Any]:
        def run() -> None:
            model = torch.nn.Linear(2048, 2048, bias=False).cuda()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(2):
                optimizer.zero_grad(set_to_none=to_none)
                wide = model(torch.randn(2048, 2048, device="cuda")).relu().exp()
                wide.sum().backward()
                del wide
                optimizer.step()

        return run

    assert peak(job(False)) > peak(job(True))


def test_optimizer_state_appears_with_the_first_step() -> None:
    """Nothing before the first step; two values per parameter after it."""
    seen = []

    def job() -> None:
        model = torch.nn.Linear(1024, 1024, bias=False).cuda()
        optimizer = torch.optim.AdamW(model.parameters())
        for _ in range(3):
            model(torch.randn(1, 1024, device="cuda")).sum().backward()
            before = torch.cuda.memory_allocated()
            optimizer.step()
            seen.append(torch.cuda.memory_allocated() - before)
            optimizer.zero_grad()

    peak(job)

    assert seen[0] == pytest.approx(2 * 4 * MIB, abs=4096)
    assert seen[1:] == [0, 0]


def test_inference_mode_keeps_no_graph() -> None:
    """Without gradients a chain of layers holds two activations at a time."""

    def job(grad: bool) -> Callable[[], Any]:
        def run() -> None:
            x = torch.randn(1024, 1024, device="cuda")
            layers = [torch.nn.Linear(1024, 1024, device="cuda") for _ in range(8)]
            with torch.inference_mode(not grad):
                for layer in layers:
                    x = layer(x).relu()

        return run

    assert peak(job(False)) < peak(job(True)) - 8 * MIB


def test_a_recurrent_layer_keeps_a_reserve_only_in_training() -> None:
    """cuDNN's reserve is held for the backward pass and absent in evaluation."""

    def job(train: bool) -> Callable[[], Any]:
        def run() -> None:
            layer = torch.nn.LSTM(256, 256, num_layers=2, batch_first=True).cuda().train(train)
            with torch.set_grad_enabled(train):
                out, _ = layer(torch.randn(16, 64, 256, device="cuda"))
                if train:
                    out.sum().backward()

        return run

    assert peak(job(True)) > peak(job(False)) + 4 * MIB


def test_two_devices_have_two_pools() -> None:
    """Layers on two devices: each holds its own, the copy between them is differentiable."""
    with simulate("2xa100-40gb") as sim:
        first, second = torch.nn.Linear(512, 512).to("cuda:0"), torch.nn.Linear(512, 512).to("cuda:1")
        out = second(first(torch.randn(4, 512, device="cuda:0")).to("cuda:1"))
        out.sum().backward()
        grads = [first.weight.grad.device.index, second.weight.grad.device.index]

    assert grads == [0, 1]
    assert {"cuda:0", "cuda:1"} <= set(sim.trace.pools())


def test_a_device_that_is_not_there_is_refused_as_cuda_would() -> None:
    """The message says how to simulate more."""
    with simulate("t4"), pytest.raises(RuntimeError, match=r"invalid device ordinal.*--on 2x"):
        torch.zeros(1, device="cuda:1")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_goes_to_meta_leaves_its_memory(device: str) -> None:
    """Tensor.to("meta") and Module.to("meta") give shapes that nobody holds, wherever they come from."""
    with simulate("a100-40gb"):
        moved = torch.zeros(1000, 1000, device=device).to("meta", torch.bfloat16)
        module = torch.nn.Linear(512, 512, device=device).to("meta")
        held = torch.cuda.memory_allocated()
        assert (moved.device.type, moved.dtype) == ("meta", torch.bfloat16)
        assert module.weight.device.type == "meta"
    assert held == 0


@pytest.mark.parametrize(
    "mistake",
    [
        lambda here, there: here + there,
        lambda here, there: there.mul_(here),
        lambda here, there: here @ there,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: torch.where(here > 0, there, there),
        lambda here, there: F.linear(there, here),
        lambda here, there: F.mse_loss(there, here),
        lambda here, there: F.embedding(torch.zeros(3, dtype=torch.int64), there),
        lambda here, there: torch.nn.Linear(4, 4)(there),
        lambda here, there: torch.nn.Conv2d(1, 1, 2).cuda()(here[None, None]),
        lambda here, there: there + there.to("cuda:1"),
        lambda here, there: here + there.sum(),
    ],
)
def test_tensors_of_two_devices_are_refused(mistake: Any) -> None:
    """A forgotten `.to(device)` ends as it would on the device, not in an estimate."""
    with simulate("2xt4"):
        here, there = torch.ones(4, 4), torch.ones(4, 4, device="cuda")

        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            mistake(here, there)


def test_numbers_and_indices_from_the_host_go_with_any_device() -> None:
    """What PyTorch takes from the host is taken: tensors without dimensions, indices, copies, and what comes back."""
    with simulate("t4"):
        there = torch.ones(4, 4, device="cuda", requires_grad=True)
        made = [
            there * torch.tensor(2.0),
            torch.tensor(2.0) - there,
            torch.where(there > 0, there, torch.tensor(0.0)),
            there[torch.tensor([0, 1])],
            torch.addcmul(there, there, torch.tensor(3.0)),
        ]
        copied = torch.empty(4, 4).copy_(there.detach()) + torch.ones(4, 4)
        sum(item.sum() for item in made).backward()

        assert {item.device.type for item in made} == {"cuda"}
        assert copied.device.type == "cpu"
        assert there.grad is not None
        assert there.grad.is_cuda
