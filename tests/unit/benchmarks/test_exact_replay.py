"""Adding up the profiler's events: peak, step peaks, what was alive."""

from __future__ import annotations

from types import SimpleNamespace

from benchmarks.accuracy.exact_child import flatten, label, replay


def allocation(ptr: int, size: int, time: int) -> SimpleNamespace:
    extra = SimpleNamespace(ptr=ptr, alloc_size=size, device=SimpleNamespace(type="cpu"))
    return SimpleNamespace(name="[memory]", start_time_ns=time, end_time_ns=time, extra_fields=extra, children=[])


def operator(name: str, start: int, end: int, *children: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(name=name, start_time_ns=start, end_time_ns=end, children=list(children))


def test_peak_and_steps_follow_births_and_deaths() -> None:
    """A step's peak starts from what the last step left."""
    tree = [
        operator("aten::mm", 0, 3, allocation(1, 100, 1)),
        operator("aten::add", 4, 6, allocation(2, 50, 5)),
        allocation(2, -50, 7),
        operator("Optimizer.step#SGD.step", 8, 10, operator("aten::mul", 8, 9, allocation(3, 20, 9))),
        allocation(1, -100, 12),
    ]

    found = replay(sorted(flatten(tree), key=lambda moment: moment[0]))

    assert (found["peak_bytes"], found["peak_step"], found["peak_operator"]) == (150, 1, "aten::add")
    assert found["steps"] == [{"peak_bytes": 150, "end_bytes": 120}]
    assert found["alive_at_peak"] == [[100, 1, "aten::mm"], [50, 1, "aten::add"]]
    assert found["end_bytes"] == 20


def test_the_label_names_the_telling_operator_and_its_owner() -> None:
    """`aten::empty` says nothing; the operator above it and the backward node do."""
    path = ("autograd::engine::evaluate_function: AddmmBackward0", "AddmmBackward0", "aten::mm", "aten::empty")

    assert label(path) == "AddmmBackward0 > aten::mm"
    assert label(("aten::empty",)) == "aten::empty"
