"""Changes that are made within a job's process: each holds in a real run, and the patches leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from memfit.advice.rules import parameter_offload
from memfit.documents import JobFacts, LayerFacts, OptimizerFacts
from memfit.errors import UsageError
from memfit.frameworks.torch.changes import CHANGES, install
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import MIB

pytestmark = pytest.mark.torch


class Block(torch.nn.Module):
    """Counts its forward passes."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        Block.calls += 1
        return x + torch.relu(self.linear(x))


@pytest.fixture
def patches() -> Iterator[Patches]:
    """Undone after each test, an autocast that was switched on included."""
    found = Patches()
    Block.calls = 0
    yield found
    found.undo()
    torch.set_autocast_enabled("cpu", False)


def trained(steps: int = 3, prepare: Callable[[Any], None] = id, **options: Any) -> tuple[Any, Any, list[float]]:
    """A small model after some steps: itself, its optimizer, its losses."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(*(Block() for _ in range(4)), torch.nn.Linear(8, 1))
    prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, **options)
    given, losses = torch.randn(16, 8), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(given).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, optimizer, losses


@pytest.mark.parametrize(("share", "again"), [(1.0, 4), (0.5, 2)])
def test_recomputed_layers_give_the_same_results(patches: Patches, share: float, again: int) -> None:
    """Every chosen layer runs once more in the backward pass; losses are the same."""
    _, _, before = trained(2)
    Block.calls = 0
    install({"checkpoint": {"kind": "Block", "share": share}}, patches)

    _, _, after = trained(2)

    assert after == before
    assert Block.calls == 2 * (4 + again)


def test_steps_within_the_backward_pass_train_alike(patches: Patches) -> None:
    """The same losses as stepping at the end; no gradient is left."""
    _, _, before = trained()
    install({"optimizer_in_backward": True}, patches)

    model, _, after = trained()

    assert after == pytest.approx(before)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "states"), [("SGD", 0), ("SGD with momentum", 1), ("Lion", 1), ("Adafactor", None), ("Adam", None)]
)
def test_an_optimizer_becomes_another(patches: Patches, name: str, states: int | None) -> None:
    """What it holds for each parameter is what the other holds; it still trains."""
    if name == "Adam":
        with pytest.raises(KeyError):
            install({"optimizer": name}, patches)
        return
    install({"optimizer": name}, patches)

    model, optimizer, losses = trained(30)

    sizes = [value.numel() for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)]
    whole = sum(parameter.numel() for parameter in model.parameters())
    if states is None:
        assert sum(sizes) < whole
    else:
        assert sum(sizes) == states * whole
    assert losses[-1] < losses[0]


def test_accumulation_steps_every_other_time(patches: Patches) -> None:
    """Gradients live through to the second micro-step; a scheduler still works with the optimizer."""
    install({"accumulate": 2}, patches)

    _, optimizer, losses = trained(4)

    assert losses[0] == losses[1] != losses[2] == losses[3]
    assert torch.optim.lr_scheduler.StepLR(optimizer, 1).get_last_lr() == [0.01]
    assert next(iter(optimizer.state.values()))["step"] == 2


def test_kernels_freezing_and_adapters(patches: Patches) -> None:
    """What is trained, and how it is stepped."""
    install({"optimizer_kernel": "for-loop"}, patches)
    _, optimizer, _ = trained(1)
    assert optimizer.param_groups[0]["foreach"] is False
    patches.undo()

    install({"freeze": {"share": 0.5}}, patches)
    model, _, _ = trained(1)
    assert 0 < sum(p.requires_grad for p in model.parameters()) < len(list(model.parameters()))
    patches.undo()

    install({"adapters": {"rank": 2}}, patches)
    model, optimizer, losses = trained(20)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {tuple(p.shape) for p in optimizer.param_groups[0]["params"]} == {(2, 8), (8, 2), (1, 2)}
    assert losses[-1] < losses[0]


def test_mixed_precision_covers_the_forward_pass_alone(patches: Patches) -> None:
    """Products are half as wide in the forward pass; gradients and steps are whole."""
    seen = []
    install({"autocast": {"device": "cpu", "dtype": "bfloat16"}}, patches)
    hook = torch.nn.modules.module.register_module_forward_hook(lambda module, given, out: seen.append(out.dtype))

    model, _, _ = trained(1)

    hook.remove()
    assert torch.bfloat16 in seen
    assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}


def test_evaluations_keep_no_graph(patches: Patches) -> None:
    """A model in evaluation mode, called without no_grad."""
    install({"no_grad_evaluation": True}, patches)
    model = torch.nn.Linear(2, 2)

    assert model(torch.ones(1, 2)).requires_grad
    assert not model.eval()(torch.ones(1, 2)).requires_grad


def test_evaluations_in_parts_give_the_same_results(patches: Patches) -> None:
    """The model sees halves of the batch; training is left alone."""
    seen: list[int] = []
    install({"split_evaluation": 2}, patches)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2))
    model[0].register_forward_hook(lambda module, given, out: seen.append(len(out)))
    given = torch.randn(8, 3)

    whole, parts = model(given), model.eval()(given)

    assert seen == [8, 4, 4]
    assert torch.allclose(whole, parts)


def test_activations_wait_elsewhere(patches: Patches) -> None:
    """Saved tensors go through the host, results are the same."""
    _, _, before = trained()
    install({"offload_activations": True}, patches)

    assert trained()[2] == before


@pytest.fixture
def no_group() -> Iterator[None]:
    """No group of processes outlives a test."""
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_parameters_wait_elsewhere(patches: Patches, no_group: None) -> None:
    """The losses are the same; the optimizer steps what waits, and every block is wrapped."""
    _, _, before = trained()
    install({"offload_parameters": {"kind": "Block", "device": "cpu", "trains": True}}, patches)

    model, optimizer, losses = trained()

    assert losses == pytest.approx(before)
    assert [type(part).__name__ for part in model] == ["FSDPBlock"] * 4 + ["Linear"]
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
    assert all(each.device_mesh.size() == 1 for each in model.parameters())


def test_what_the_rule_says_to_type_for_waiting_parameters_runs(no_group: None) -> None:
    """The code as it is told, but for pinned memory and NCCL, which need a device: the same losses."""
    facts = JobFacts(
        framework="torch", pool="cuda:0", on_device=True, breakdown={"parameters": MIB}, device_count=1,
        blocks=LayerFacts(kind="Block", count=4, bytes=MIB),
        optimizers=(OptimizerFacts(kind="AdamW", trained_bytes=MIB),),
    )  # fmt: skip
    (proposal,) = parameter_offload.proposals(facts)
    _, _, before = trained()

    code = proposal.how.replace("CPUOffloadPolicy()", "CPUOffloadPolicy(pin_memory=False)")
    code = code.replace(",cuda:nccl", "")
    model, _, losses = trained(prepare=lambda model: exec(code, {"torch": torch, "model": model}))

    assert losses == pytest.approx(before) and type(model[0]).__name__ == "FSDPBlock"


def test_gradients_are_given_back_after_the_step(patches: Patches) -> None:
    """None is left for the next forward pass."""
    install({"zero_grad_early": True}, patches)

    model, _, _ = trained(1)

    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_loader_makes_other_batches(patches: Patches) -> None:
    """Of the size that was asked for, where it had the other."""
    install({"loader_batch": {"old": 8, "new": 2}}, patches)
    data = torch.utils.data.TensorDataset(torch.zeros(16, 1))

    assert torch.utils.data.DataLoader(data, batch_size=8).batch_size == 2
    assert torch.utils.data.DataLoader(data, batch_size=4).batch_size == 4


def test_patches_leave_nothing_behind(patches: Patches) -> None:
    """Every change is undone."""
    before = (torch.nn.Module.__call__, torch.optim.Optimizer.__init__, torch.nn.Linear.forward)
    values: dict[str, Any] = {
        "accumulate": 2, "optimizer": "SGD", "optimizer_kernel": "fused", "freeze": {"share": 0.5},
        "adapters": {"rank": 2}, "autocast": {"device": "cpu", "dtype": "bfloat16"},
        "checkpoint": {"kind": "Block"}, "attention": "sdpa", "loader_batch": {"old": 1, "new": 2},
        "leave_out": {"kind": "Block"}, "factorize": {"share": 0.25},
        "offload_parameters": {"kind": "Block", "device": "cpu", "trains": True},
    }  # fmt: skip

    install({name: values.get(name, True) for name in CHANGES}, patches)
    patches.undo()

    assert before == (torch.nn.Module.__call__, torch.optim.Optimizer.__init__, torch.nn.Linear.forward)


def test_every_second_layer_is_left_out(patches: Patches) -> None:
    """Half of the blocks are called, their parameters are the only ones that are held and trained."""
    install({"leave_out": {"kind": "Block"}}, patches)

    model, optimizer, losses = trained()

    assert Block.calls == 3 * 2 and losses[-1] < losses[0]
    assert [model[at].linear.weight.numel() for at in range(4)] == [64, 0, 64, 0]
    assert len(optimizer.param_groups[0]["params"]) == 2 * 2 + 2


def test_linear_layers_become_thin(patches: Patches) -> None:
    """Two matrices of the rank are trained instead of one; what would not be smaller stays."""
    install({"factorize": {"share": 0.25}}, patches)
    wide, narrow = torch.nn.Linear(64, 64), torch.nn.Linear(8, 8)

    optimizer = torch.optim.SGD([*wide.parameters(), *narrow.parameters()], lr=0.01)
    wide(torch.randn(4, 64)).square().mean().backward()
    optimizer.step()

    shapes = [tuple(each.shape) for each in optimizer.param_groups[0]["params"]]
    assert shapes == [(16, 64), (64, 16), (64,), (8, 8), (8,)]
    assert wide.weight.numel() == 0
    assert all(each.grad is not None for each in optimizer.param_groups[0]["params"][:3])


def test_a_layer_that_changes_the_shape_cannot_be_left_out(patches: Patches) -> None:
    """It is said, instead of a model that computes something else."""
    install({"leave_out": {"kind": "Linear"}}, patches)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 4))
    torch.optim.SGD(model.parameters(), lr=0.1)

    with pytest.raises(UsageError, match="cannot be left out"):
        model(torch.randn(2, 4))
