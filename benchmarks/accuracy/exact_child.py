"""One job under torch.profiler in this process: the bytes live in the CPU allocator's own events, at their peak.

Prints one JSON line last. Started by ``measure_exact``; trusts the profiler's allocation events (size, address, time)
and nothing else. Figures are relative to the start of the job, after its imports.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.accuracy.jobs import JOBS

# Names that only say "a tensor was made": the operator above them says what for.
_CONTAINERS = ("aten::empty", "aten::resize_", "aten::zeros", "aten::new_", "aten::clone", "aten::contiguous")
_BACKWARD = "autograd::engine::evaluate_function: "


def flatten(events: list[Any], device: str = "cpu") -> Iterator[tuple[int, str, Any, tuple[str, ...]]]:
    """(time, "alloc" or "step", event, names of the operators above it) of everything that counts on a device."""
    stack: list[tuple[Any, tuple[str, ...]]] = [(event, ()) for event in reversed(events)]
    while stack:
        event, above = stack.pop()
        if event.name == "[memory]":
            if event.extra_fields.device.type == device:
                yield event.start_time_ns, "alloc", event.extra_fields, above
            continue
        if event.name.startswith("Optimizer.step#"):
            yield event.end_time_ns, "step", None, above
        stack.extend((child, (*above, event.name)) for child in reversed(event.children))


def label(path: tuple[str, ...]) -> str:
    """The operator that asked for the memory, with the backward node or optimizer it belongs to."""
    operators = [name for name in path if name.startswith("aten::")]
    telling = [name for name in operators if not name.startswith(_CONTAINERS)]
    owner = next((name.removeprefix(_BACKWARD) for name in path if name.startswith((_BACKWARD, "Optimizer.step"))), "")
    operator = (telling or operators or ["(outside operators)"])[-1]
    return f"{owner} > {operator}" if owner else operator


Moment = tuple[int, str, Any, tuple[str, ...]]


def replay(moments: list[Moment]) -> dict[str, Any]:
    """Adds up births and deaths in order: peak, what was alive then, the peak within every optimizer step."""
    now = peak = step_peak = peak_index = peak_step = 0
    steps = []
    for index, (_, kind, event, _path) in enumerate(moments):
        if kind == "step":
            steps.append({"peak_bytes": step_peak, "end_bytes": now})
            step_peak = now
            continue
        now += event.alloc_size
        step_peak = max(step_peak, now)
        if now > peak:
            peak, peak_index, peak_step = now, index, len(steps) + 1
    return {
        "peak_bytes": peak,
        "peak_step": peak_step,
        "peak_operator": label(moments[peak_index][3]),
        "steps": steps,
        "end_bytes": now,
        "alive_at_peak": alive(moments[: peak_index + 1]),
    }


def alive(moments: list[Moment], rows: int = 24) -> list[list[Any]]:
    """What was allocated and not yet freed: [bytes, how many, operator], the largest sums first."""
    held: dict[int, tuple[int, str]] = {}
    for _, kind, event, path in moments:
        if kind == "alloc" and event.alloc_size > 0:
            held[event.ptr] = (event.alloc_size, label(path))
        elif kind == "alloc":
            held.pop(event.ptr, None)
    groups = sorted(Counter(held.values()).items(), key=lambda item: -item[0][0] * item[1])
    return [[size, count, name] for (size, name), count in groups[:rows]]


def main() -> None:
    name, steps = sys.argv[1], int(sys.argv[2])
    train = JOBS[name].load()
    import torch
    from torch.nn.modules.module import register_module_parameter_registration_hook

    parameters: dict[int, int] = {}
    register_module_parameter_registration_hook(
        lambda _module, _name, value: parameters.update({id(value): value.numel()}) if value is not None else None
    )
    start = time.perf_counter()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        train("cpu", steps, 1.0)
    seconds = time.perf_counter() - start
    tree = profiler.profiler.kineto_results.experimental_event_tree()  # type: ignore[union-attr]
    moments = sorted(flatten(tree), key=lambda moment: moment[0])
    result = {"seconds": round(seconds, 2), "parameters": sum(parameters.values()), **replay(moments)}
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
