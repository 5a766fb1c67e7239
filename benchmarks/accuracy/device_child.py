"""One job on a real device in this process: what tensors held, what the allocator kept, what the driver shows.

Imports everything, waits for a line on standard input (so that the next jobs' imports run while others compute), runs
the job, prints one JSON line. Started by ``measure_device``; the job knows nothing of it. With a folder for events it
also writes every block the allocator gave and took back, and runs the job a second time under the profiler, which tells
the operators' names.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import runpy
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.accuracy.exact_child import flatten, label
from benchmarks.accuracy.jobs import JOBS
from benchmarks.accuracy.surroundings import ROOT

SAMPLE_SECONDS = 0.02  # the driver's figure only falls on empty_cache, so a coarse clock is enough
PROFILED_STEPS = 2
SCRIPTS = {"train_gpt": ["examples/train_gpt.py", "--batch_size=12", "--max_iters=4", "--out_dir="]}


class Driver:
    """The device's used bytes as the driver reports them: NVML where it is there, else the runtime's own answer.

    Without an index (a dry run) it always reads 0.
    """

    def __init__(self, index: int | None) -> None:
        self.source, self.read = "none", lambda: 0
        self.read_process: Callable[[], int] = lambda: 0
        if index is None:
            return
        with contextlib.suppress(Exception):
            import pynvml

            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            self.read = lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
            self.read()
            self.source = "nvml"

            def of_process() -> int:
                with contextlib.suppress(Exception):
                    for item in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
                        if item.pid == os.getpid():
                            return int(item.usedGpuMemory or 0)
                return 0

            self.read_process = of_process

    def ask_the_runtime(self, torch: Any) -> None:
        """After the context exists: total minus free, when NVML is not there."""
        if self.source == "none":
            self.read = lambda: (lambda free, total: total - free)(*torch.cuda.mem_get_info())
            self.source = "mem_get_info"


def host() -> dict[str, int]:
    """This process on the host, in bytes: high-water mark, resident now by kind, and its proportional share."""
    found: dict[str, int] = {}
    wanted = {"VmHWM": "peak", "VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "file", "RssShmem": "shared"}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name in wanted:
                found[wanted[name]] = int(value.split()[0]) * 1024
        for line in Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith(("Pss:", "Private_Dirty:")):
                found[line.split(":")[0].lower()] = int(line.split()[1]) * 1024
    return found


class Watch:
    """Peaks of the caching allocator by phase, from boundaries that are patched in around ordinary calls."""

    KEYS = ("requested_bytes.all.peak", "allocated_bytes.all.peak", "reserved_bytes.all.peak")

    def __init__(self, torch: Any, live: bool) -> None:
        self.torch, self.live = torch, live
        self.phases: dict[str, int] = {}
        self.peaks = dict.fromkeys(self.KEYS, 0)
        self.steps: list[int] = []
        self.step_peak = 0
        self.births: list[list[Any]] = []  # [phase, blocks given so far]

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
        self.births.append([phase, int(stats["allocation.all.allocated"])])
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
    """Keeps the highest figures of the driver until told to stop: of the device, of this process."""
    while not stop.wait(SAMPLE_SECONDS):
        peak[0] = max(peak[0], driver.read())
        peak[1] = max(peak[1], driver.read_process())


def script(words: list[str]) -> Callable[[str, int, float], None]:
    """An example as a job: its own command line, its files in a scratch folder."""

    def train(device: str, steps: int, scale: float) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sys.argv = [word + folder if word == "--out_dir=" else word for word in words]
            runpy.run_path(str(ROOT / words[0]), run_name="__main__")

    return train


def loaded(name: str) -> Callable[[str, int, float], None]:
    """The job of that name; "context" does nothing."""
    if name == "context":
        return lambda *_: None
    return script(SCRIPTS[name]) if name in SCRIPTS else JOBS[name].load()


def begin(options: argparse.Namespace, torch: Any) -> None:
    """Settings that are asked of torch itself."""
    if options.benchmark:
        torch.backends.cudnn.benchmark = True
    if options.fraction:
        torch.cuda.set_per_process_memory_fraction(options.fraction)
    if options.events:
        torch.cuda.memory._record_memory_history("all", context=None, max_entries=4_000_000)


def measure(options: argparse.Namespace) -> None:
    """Context first, then the job; its figures are printed before anything more is asked of the process."""
    import torch

    live = torch.device(options.device).type == "cuda"
    train = loaded(options.name)
    if options.name in JOBS and JOBS[options.name].family != "inference" and "generate" not in options.name:
        import torch._dynamo  # every optimizer imports it, a second of its own: done while waiting
    driver = Driver((torch.device(options.device).index or 0) if live else None)
    imported = host()
    if not sys.stdin.readline():
        sys.exit("nobody said go")
    before = driver.read()
    if live:
        torch.cuda.init()
        torch.empty(1, device=options.device)
        driver.ask_the_runtime(torch)
        begin(options, torch)
    context, context_process, with_context = driver.read(), driver.read_process(), host()
    reserved_first = torch.cuda.memory_reserved() if live else 0
    watch, stop, peak = Watch(torch, live), threading.Event(), [context, context_process]
    watch.install()
    if live:
        watch.births.append(["start", int(torch.cuda.memory_stats()["allocation.all.allocated"])])
    sampler = threading.Thread(target=sampled, args=(driver, stop, peak), daemon=True)
    sampler.start()
    start, failure = time.perf_counter(), ""
    try:
        train(options.device, options.steps, options.scale)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    if live:
        with contextlib.suppress(Exception):
            torch.cuda.synchronize()
    watch.boundary("end")
    stop.set()
    sampler.join()
    used_end, process_end = driver.read(), driver.read_process()
    result = {
        "seconds": round(time.perf_counter() - start, 2),
        "failure": failure,
        "requested_peak_bytes": watch.peaks[Watch.KEYS[0]],
        "allocated_peak_bytes": watch.peaks[Watch.KEYS[1]],
        "reserved_peak_bytes": watch.peaks[Watch.KEYS[2]],
        "used_before_bytes": before,
        "used_context_bytes": context - reserved_first,
        "used_peak_bytes": max(peak[0], used_end),
        "used_end_bytes": used_end,
        "process_context_bytes": context_process,
        "process_peak_bytes": max(peak[1], process_end),
        "reserved_end_bytes": torch.cuda.memory_reserved() if live else 0,
        "used_source": driver.source,
        "retries": int(torch.cuda.memory_stats().get("num_alloc_retries", 0)) if live else 0,
        "phases_requested_bytes": watch.phases,
        "steps_requested_bytes": watch.steps[:12],
        "host_imported": imported,
        "host_context": with_context,
        "host_end": host(),
    }
    print("\n" + json.dumps(result), flush=True)
    if options.events and live:
        write_events(options, torch, watch.births)
    if options.events and options.profile and not failure:
        profile(options, torch, train, live)


def write_events(options: argparse.Namespace, torch: Any, births: list[list[Any]]) -> None:
    """Every block: "a SIZE" when given, "f N" when the N-th is given back, "s" and "x" for segments."""
    known: dict[int, int] = {}
    lines, count = [f"# {json.dumps(births)}"], 0
    for event in torch.cuda.memory._snapshot()["device_traces"][0]:
        action, address, size = event["action"], event["addr"], event["size"]
        if action == "alloc":
            known[address] = count
            count += 1
            lines.append(f"a {size}" if not event["stream"] else f"a {size} {event['stream']}")
        elif action == "free_completed":
            lines.append(f"f {known.get(address, -1)}")
        elif action.startswith("segment_"):
            lines.append(f"{action} {size}")
        elif action == "oom":
            lines.append(f"oom {size}")
    torch.cuda.memory._record_memory_history(None)
    save(Path(options.events) / f"{options.label or options.name}.blocks.gz", lines)


def profile(options: argparse.Namespace, torch: Any, train: Callable[[str, int, float], None], live: bool) -> None:
    """The job again, from an empty allocator: "SIZE ADDRESS OPERATOR" of every block given (+) and taken back (-)."""
    kind = "cuda" if live else "cpu"
    if live:
        torch.cuda.empty_cache()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        train(options.device, PROFILED_STEPS, options.scale)
    tree = profiler.profiler.kineto_results.experimental_event_tree()
    names: dict[str, int] = {}
    addresses: dict[int, int] = {}
    lines = []
    for _, what, event, path in sorted(flatten(tree, kind), key=lambda moment: moment[0]):
        if what == "step":
            lines.append("step")
            continue
        address = addresses.setdefault(event.ptr, len(addresses))
        lines.append(f"{event.alloc_size} {address} {names.setdefault(label(path), len(names))}")
    head = [f"# {json.dumps(list(names))}"]
    save(Path(options.events) / f"{options.label or options.name}.operators.gz", head + lines)


def save(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", compresslevel=4, encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["context", *SCRIPTS, *sorted(JOBS)])
    parser.add_argument("device")
    parser.add_argument("steps", type=int)
    parser.add_argument("scale", type=float)
    parser.add_argument("--label", default="", help="the name of the events' files, when it is not the job's")
    parser.add_argument("--events", default="", help="folder for the allocator's events")
    parser.add_argument("--profile", action="store_true", help="with --events: run again for operators' names")
    parser.add_argument("--fraction", type=float, default=0.0, help="set_per_process_memory_fraction")
    parser.add_argument("--benchmark", action="store_true", help="torch.backends.cudnn.benchmark")
    options = parser.parse_args()
    try:
        measure(options)
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # the interpreter's and the libraries' orderly end takes longer than many a job


if __name__ == "__main__":
    main()
