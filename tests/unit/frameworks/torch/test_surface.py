"""What a script asks of a CUDA device is answered; what it would write or print does no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_device_says_what_it_is() -> None:
    """Name, capability, memory and count are those of the named device."""
    with simulate("2xh100-80gb"):
        seen = (torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.get_device_capability())
        name, total = torch.cuda.get_device_name(), torch.cuda.get_device_properties(0).total_memory
        free, total_again = torch.cuda.mem_get_info()

    assert seen == (True, 2, (9, 0))
    assert "H100" in name
    assert total == total_again > 78 << 30
    assert free < total


def test_a_machine_without_a_device_says_so() -> None:
    """`--on cpu` hides every GPU."""
    with simulate("cpu"):
        assert not torch.cuda.is_available()
        with pytest.raises(AssertionError, match="CUDA"):
            torch.zeros(1, device="cuda")


def test_everything_is_put_back() -> None:
    """After the simulation torch is as it was."""
    before = (torch.cuda.is_available, torch.tensor, torch.save, vars(torch.Tensor).get("device"), torch.Generator)

    with simulate("t4"):
        torch.ones(2, device="cuda")

    after = (torch.cuda.is_available, torch.tensor, torch.save, vars(torch.Tensor).get("device"), torch.Generator)
    assert after == before
    assert torch.ones(2).sum().item() == 2.0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype is torch.bfloat16


def test_printing_a_prediction() -> None:
    """Scripts that print memory figures print simulated ones."""
    with simulate("a100-40gb"):
        x = torch.empty(1 << 20, device="cuda")
        figures = (torch.cuda.memory_allocated(), torch.cuda.memory_reserved(), torch.cuda.max_memory_allocated())
        del x
        after = torch.cuda.memory_allocated()
        torch.cuda.empty_cache()

        assert figures == (4 << 20, 20 << 20, 4 << 20)
        assert (after, torch.cuda.memory_reserved()) == (0, 0)


def test_values_that_do_not_exist_have_stand_ins() -> None:
    """A loss is finite, a check for NaN is false, printing and formatting work."""
    with simulate("t4"):
        loss = torch.nn.Linear(8, 1).cuda()(torch.randn(4, 8, device="cuda")).mean()

        assert loss.item() == loss.item() < float("inf")
        assert not torch.isnan(loss)
        assert torch.isfinite(loss).all()
        assert "cuda:0" in repr(loss)
        assert f"{loss:.3f}"
        assert float(loss.cpu()) < float("inf")


def test_small_values_that_are_known_stay_exact() -> None:
    """Lengths, masks and counters made from real data keep their values on the device."""
    with simulate("t4"):
        lengths = torch.tensor([3, 1, 4]).cuda()
        mask = torch.arange(5, device="cuda")[None, :] < lengths[:, None]
        rows = torch.randn(3, 5, 7, device="cuda")[mask]

        assert lengths.max().item() == 4
        assert mask.sum().item() == 8
        assert rows.shape == (8, 7)


def test_unknown_lengths_are_taken_at_their_largest_and_said_so() -> None:
    """A selection by an unknown mask keeps everything, and the estimate says that it was assumed."""
    with simulate("t4") as sim:
        x = torch.randn(100, 50, device="cuda")
        kept = x[x[:, 0] > 0]

        assert kept.shape == (100, 50)
    assert "shape-from-values" in sim.assumptions


def test_a_loop_on_an_unknown_condition_ends() -> None:
    """`while not converged` does not run for ever."""
    with simulate("t4"):
        x = torch.randn(10_000, device="cuda")
        for turn in range(10_000):  # noqa: B007
            if (x.sum() > 0).item():
                break

    assert turn < 9_999


def test_an_assertion_on_an_unknown_value_holds() -> None:
    """What a script asserts of computed values is true in a run that works, over several lines as well."""
    with simulate("t4"):
        x = torch.randn(8, device="cuda")

        assert x.sum() > x.min()
        assert (
            x.mean() < 3.0  # a script's own formatting
        ), "too large"
        assert torch.isfinite(x.sum())
        assert not x.sum() < x.min()


def test_a_while_loop_on_an_unknown_condition_is_entered() -> None:
    """An adaptive solver's loop goes round, whichever way its condition is put, and its end is an assumption."""
    with simulate("t4") as sim:
        x, rounds, until = torch.randn(8, device="cuda"), 0, 0
        while x.sum() > 1e-3:
            rounds += 1
        while not x.sum() < 1e-3:
            until += 1
        either = 0
        while x.sum() > 1 or x.sum() < 0:
            either += 1

    assert (rounds, until, either) == (2, 2, 0)
    assert "test_surface.py" in sim.assumptions["loop-on-values"]


def test_tensors_made_in_another_s_likeness_are_where_it_is() -> None:
    """type_as, new, new_tensor and type follow the device of the tensor or the type that is named."""
    with simulate("t4"):
        on_device, on_host = torch.randn(4, device="cuda"), torch.ones(3, dtype=torch.float64)
        made = [
            on_host.type_as(on_device),
            on_device.new(3),
            on_device.new([1.0, 2.0, 3.0]),
            on_device.new_tensor([1.0, 2.0, 3.0]),
            on_host.type(torch.cuda.FloatTensor),
            on_host.type("torch.cuda.FloatTensor"),
        ]
        brought = [on_device.type_as(on_host), on_device.type(torch.FloatTensor), on_device.type("torch.DoubleTensor")]

        assert {(item.device.type, item.dtype, item.shape) for item in made} == {("cuda", torch.float32, (3,))}
        assert made[0].tolist() == [1.0, 1.0, 1.0]
        assert {item.device.type for item in brought} == {"cpu"}
        assert torch.cuda.memory_allocated() == 512 * (1 + len(made))


def test_numpy_of_a_device_tensor_is_refused_as_torch_would() -> None:
    """The usual mistake gives the usual error, and the usual remedy works."""
    with simulate("t4"):
        x = torch.randn(3, device="cuda")
        with pytest.raises(TypeError, match="cpu"):
            x.numpy()

        assert x.cpu().numpy().shape == (3,)
        assert x.detach().cpu().tolist()


def test_saving_writes_nothing_and_loading_finds_it(tmp_path: Path) -> None:
    """A checkpoint is remembered by its shapes."""
    with simulate("t4") as sim:
        model = torch.nn.Linear(1000, 1000).cuda()
        torch.save(model.state_dict(), tmp_path / "model.pt")
        loaded = torch.load(tmp_path / "model.pt", map_location="cuda")
        model.load_state_dict(loaded)

    assert not (tmp_path / "model.pt").exists()
    assert sim.host.checkpoint_total_bytes == 4 * 1000 * 1001


def test_grad_scaler_takes_every_step() -> None:
    """Gradients are found finite: the scale stays and the optimizer steps."""
    with simulate("t4") as sim:
        model = torch.nn.Linear(8, 8).cuda()
        optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cuda")
        for _ in range(3):
            with torch.autocast("cuda", dtype=torch.float16):
                loss = model(torch.randn(4, 8, device="cuda")).mean()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
        scale = scaler.get_scale()

    assert sim.total_steps == 3
    assert scale == 65536.0


def test_streams_events_generators_and_graphs_are_there() -> None:
    """Code around them runs."""
    with simulate("a100-40gb"):
        stream, start, end = torch.cuda.Stream(), torch.cuda.Event(True), torch.cuda.Event(True)
        with torch.cuda.stream(stream):
            start.record()
            generator = torch.Generator("cuda").manual_seed(1)
            x = torch.randn(4, device="cuda", generator=generator)
            end.record()
        torch.cuda.synchronize()

        assert start.elapsed_time(end) > 0
        assert generator.device.type == "cuda"
        assert x.is_cuda
        assert x.get_device() == 0
        assert x.type() == "torch.cuda.FloatTensor"


def test_large_host_tensors_are_simulated_too() -> None:
    """Weights and data of the job's size are not allocated on their way to the device."""
    with simulate("h100-80gb") as sim:
        weight = torch.nn.Linear(100_000, 100_000, bias=False)
        data = torch.randn(100_000, 10_000)

        assert weight.weight.device.type == data.device.type == "cpu"
        assert sim.ledger.peak_bytes["host"] >= 44_000_000_000


def test_loaders_make_batches_here_and_end_their_epoch_early() -> None:
    """Worker processes are not started; their needs are written down; an evaluation sees a few batches."""
    from torch.utils.data import DataLoader, TensorDataset

    with simulate("t4") as sim:
        data = TensorDataset(torch.randn(1000, 8), torch.randn(1000, 1))
        loader = DataLoader(data, batch_size=10, num_workers=4, pin_memory=True, prefetch_factor=3)
        model = torch.nn.Linear(8, 1).cuda()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        batches = 0
        for x, y in loader:
            batches += 1
            torch.nn.functional.mse_loss(model(x.cuda()), y.cuda()).backward()
            optimizer.step()
        seen = sum(1 for _ in loader)
        length = len(loader)

    (needs,) = sim.host.loaders.values()
    assert (batches, seen, length) == (3, 3, 100)
    assert (needs.workers, needs.prefetch, needs.batch_bytes, needs.pinned) == (4, 3, 10 * 9 * 4, True)


def test_compiled_models_run_eagerly_and_say_so() -> None:
    """torch.compile is traced as eager, as an assumption of the estimate."""
    with simulate("t4") as sim:
        model: Any = torch.compile(torch.nn.Linear(4, 4).cuda(), mode="max-autotune")
        model(torch.randn(2, 4, device="cuda")).sum().backward()

    assert "compiled-as-eager" in sim.assumptions


def test_a_default_device_holds_for_every_constructor() -> None:
    """`with torch.device("cuda")` and set_default_device put new tensors and modules there."""
    with simulate("t4"):
        with torch.device("cuda"):
            inside = [torch.zeros(2), torch.tensor([1]), torch.nn.Linear(2, 2).weight, torch.rand(2)]
        outside = [torch.zeros(2), torch.tensor([1]), torch.nn.Linear(2, 2).weight]

        assert {item.device.type for item in inside} == {"cuda"}
        assert {item.device.type for item in outside} == {"cpu"}


@pytest.mark.parametrize("kind", ["torch.cuda.FloatTensor", "class"])
def test_a_default_tensor_type_of_cuda_puts_tensors_there(kind: str) -> None:
    """`torch.set_default_tensor_type`, as older scripts call it, holds until a type of the host is set."""
    with simulate("t4"):
        torch.set_default_tensor_type(torch.cuda.FloatTensor if kind == "class" else kind)
        inside = [torch.zeros(2), torch.tensor([1.0]), torch.nn.Linear(2, 2).weight]
        torch.set_default_tensor_type("torch.DoubleTensor")
        outside = torch.zeros(2)
        torch.set_default_tensor_type(torch.FloatTensor)

        assert {(item.device.type, item.dtype) for item in inside} == {("cuda", torch.float32)}
        assert (outside.device.type, outside.dtype) == ("cpu", torch.float64)
    assert torch.zeros(2).dtype is torch.float32


@pytest.mark.parametrize("devices", [1, 2])
def test_data_parallel_shares_the_batch_out(devices: int) -> None:
    """DataParallel runs on builds without CUDA too: a replica on each device, outputs and gradients on the first."""
    with simulate(f"{devices}xt4") as sim:
        model = torch.nn.DataParallel(torch.nn.Linear(256, 256)).cuda()
        out = model(torch.randn(8, 256))
        out.sum().backward()

        assert out.shape == (8, 256)
        assert {out.device, model.module.weight.grad.device} == {torch.device("cuda", 0)}
    weights = {item.pool for item in sim.trace.storages if item.size_bytes == 4 * 256 * 256 and item.pool != "host"}
    assert weights == {f"cuda:{index}" for index in range(devices)}


def test_without_memory_holds_for_numbers_too() -> None:
    """Under torch.device("meta") a tensor of a Python number is on "meta", as every other is."""
    with simulate("a100-40gb"), torch.device("meta"):
        assert torch.tensor(3.0).device.type == torch.as_tensor([1, 2]).device.type == "meta"


def test_data_from_the_device_moves_a_host_tensor_there() -> None:
    """`tensor.data = tensor.to("cuda")`, as FSDP moves buffers: the tensor itself is on the device afterwards."""
    with simulate("a100-40gb"):
        buffer = torch.tensor([1.0, 2.0])
        buffer.data = buffer.to("cuda")

        assert buffer.device == torch.device("cuda", 0)
        assert buffer.tolist() == [1.0, 2.0]


def test_threads_of_the_job_take_part() -> None:
    """A prefetching thread allocates on the simulated device."""
    import threading

    made = []
    with simulate("t4"):
        worker = threading.Thread(target=lambda: made.append(torch.ones(4, device="cuda")))
        worker.start()
        worker.join()

        assert made[0].is_cuda
