"""One job on a real device in this process: what tensors held, what the allocator kept, what the driver shows.

Imports everything, prints "ready", waits for a line on standard input (so that the next job's imports run while the
last one computes), runs the job, prints one JSON line. Started by ``measure_device``; the job knows nothing of it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.accuracy.jobs import JOBS

SAMPLE_SECONDS = 0.02  # the driver's figure only falls on empty_cache, so a coarse clock is enough


class Driver:
    """The device's used bytes as the driver reports them: NVML where it is there, else the runtime's own answer.

    Without an index (a dry run) it always reads 0.
    """

    def __init__(self, index: int | None) -> None:
        self.source, self.read = "none", lambda: 0
        if index is None:
            return
        with contextlib.suppress(Exception):
            import pynvml

            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            self.read = lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
            self.read()
            self.source = "nvml"

    def ask_the_runtime(self, torch: Any) -> None:
        """After the context exists: total minus free, when NVML is not there."""
        if self.source == "none":
            self.read = lambda: (lambda free, total: total - free)(*torch.cuda.mem_get_info())
            self.source = "mem_get_info"


class Watch:
    """Peaks of the caching allocator by phase, from boundaries that are patched in around ordinary calls."""

    KEYS = ("requested_bytes.all.peak", "allocated_bytes.all.peak", "reserved_bytes.all.peak")

    def __init__(self, torch: Any, live: bool) -> None:
        self.torch, self.live = torch, live
        self.phases: dict[str, int] = {}
        self.peaks = dict.fromkeys(self.KEYS, 0)
        self.steps: list[int] = []
        self.step_peak = 0

    def boundary(self, phase: str) -> None:
        """What was reached since the last boundary belongs to ``phase``."""
        if not self.live:
            self.phases.setdefault(phase, 0)
            return
        stats = self.torch.cuda.memory_stats()
        for key in self.KEYS:
            self.peaks[key] = max(self.peaks[key], int(stats[key]))
        requested = int(stats[self.KEYS[0]])
        self.phases[phase] = max(self.phases.get(phase, 0), requested)
        self.step_peak = max(self.step_peak, requested)
        self.torch.cuda.reset_peak_memory_stats()

    def step_ended(self) -> None:
        """An optimizer's step is over."""
        self.boundary("optimizer")
        self.steps.append(self.step_peak)
        self.step_peak = 0

    def install(self) -> None:
        """Boundaries before and after backward and optimizer.step."""
        from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

        plain: Callable[..., None] = self.torch.autograd.backward

        def backward(*arguments: Any, **named: Any) -> None:
            self.boundary("forward")
            plain(*arguments, **named)
            self.boundary("backward")

        self.torch.autograd.backward = backward
        register_optimizer_step_pre_hook(lambda *_: self.boundary("between"))
        register_optimizer_step_post_hook(lambda *_: self.step_ended())


def sampled(driver: Driver, stop: threading.Event, peak: list[int]) -> None:
    """Keeps the highest figure of the driver until told to stop."""
    while not stop.wait(SAMPLE_SECONDS):
        peak[0] = max(peak[0], driver.read())


def measure(name: str, device: str, steps: int, scale: float) -> dict[str, Any]:
    """Context first, then the job."""
    import torch

    live = torch.device(device).type == "cuda"
    train = JOBS[name].load() if name != "context" else lambda *_: None
    driver = Driver((torch.device(device).index or 0) if live else None)
    print("ready", flush=True)
    if not sys.stdin.readline():
        sys.exit("nobody said go")
    before = driver.read()
    if live:
        torch.cuda.init()
        torch.empty(1, device=device)
        driver.ask_the_runtime(torch)
    context = driver.read()
    reserved_first = torch.cuda.memory_reserved() if live else 0
    watch, stop, peak = Watch(torch, live), threading.Event(), [context]
    watch.install()
    sampler = threading.Thread(target=sampled, args=(driver, stop, peak), daemon=True)
    sampler.start()
    start, failure = time.perf_counter(), ""
    try:
        train(device, steps, scale)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    if live:
        with contextlib.suppress(Exception):
            torch.cuda.synchronize()
    watch.boundary("end")
    stop.set()
    sampler.join()
    used_end = driver.read()
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "failure": failure,
        "requested_peak_bytes": watch.peaks[Watch.KEYS[0]],
        "allocated_peak_bytes": watch.peaks[Watch.KEYS[1]],
        "reserved_peak_bytes": watch.peaks[Watch.KEYS[2]],
        "used_before_bytes": before,
        "used_context_bytes": context - reserved_first,
        "used_peak_bytes": max(peak[0], used_end),
        "used_end_bytes": used_end,
        "reserved_end_bytes": torch.cuda.memory_reserved() if live else 0,
        "used_source": driver.source,
        "retries": int(torch.cuda.memory_stats().get("num_alloc_retries", 0)) if live else 0,
        "phases_requested_bytes": watch.phases,
        "steps_requested_bytes": watch.steps[:12],
    }


def main() -> None:
    name, device, steps, scale = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    print("\n" + json.dumps(measure(name, device, steps, scale)), flush=True)


if __name__ == "__main__":
    main()
