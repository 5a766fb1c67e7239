"""The truth about a real CUDA device: every job in a fresh process, into data/device/<device>.json.

One command, some five minutes on an H100; what is there already is not run again, a job that fails is kept with its
message, and ``--limit-seconds`` stops in good order: jobs come in an order that covers all families and both halves
early. ``--dry-run`` goes through the same motions on the CPU with the smallest batches: it tests the plumbing.

    python -m benchmarks.accuracy.measure_device [--limit-seconds 570] [--output FOLDER] [--events FOLDER] [--dry-run]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.accuracy.device_child import SCRIPTS
from benchmarks.accuracy.jobs import JOBS
from benchmarks.accuracy.measure_exact import save
from benchmarks.accuracy.surroundings import DATA, ROOT, surroundings

STEPS = 4
JOB_SECONDS = 60
GRACE_SECONDS = 8  # beyond the limit, for the job that is running then
AHEAD = 10  # processes that import while another runs
ALLOCATOR_SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "CUDA_MODULE_LOADING", "CUBLAS_WORKSPACE_CONFIG")

_DESCRIBE = """
import json, torch
live = torch.cuda.is_available()
shape = torch.cuda.get_device_properties(0) if live else None
try:
    import pynvml
    pynvml.nvmlInit()
    driver = pynvml.nvmlSystemGetDriverVersion()
except Exception:
    driver = None
print(json.dumps({
    "device": shape.name if live else None,
    "capability": [shape.major, shape.minor] if live else None,
    "total_bytes": shape.total_memory if live else None,
    "multiprocessors": shape.multi_processor_count if live else None,
    "driver": driver.decode() if isinstance(driver, bytes) else driver,
    "cuda": torch.version.cuda,
    "cudnn": torch.backends.cudnn.version() if live else None,
    "torch_build": torch.__version__,
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process to start.

    Args:
        key: its name in the data: the job's, with "@setting" behind it where something is set.
        job: the job's name.
        scale: of the batch.
        variables: environment variables of the process.
        words: further words for ``device_child``.
        profile: whether, with events kept, the job runs again for the operators' names.
    """

    key: str
    job: str
    scale: float
    variables: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    profile: bool = False


# Settings that change what is reserved or held; each on a few jobs, of both halves.
SETTINGS: tuple[tuple[str, dict[str, str], tuple[str, ...], tuple[str, ...]], ...] = (
    ("eager", {"CUDA_MODULE_LOADING": "EAGER"}, (), ("context",)),
    ("benchmark", {}, ("--benchmark",), ("vgg_sgd", "unet_segmentation_adam", "unet_dice_momentum", "resnet_momentum")),
    ("expandable", {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}, (),
     ("gpt_adamw_foreach", "unet_segmentation_adam", "vgg_sgd", "hf_bert_classifier_sgd", "train_gpt")),
    ("roundup", {"PYTORCH_ALLOC_CONF": "roundup_power2_divisions:4"}, (), ("gpt_adamw_foreach", "gpt_adamw_fused")),
    ("split", {"PYTORCH_ALLOC_CONF": "max_split_size_mb:64"}, (), ("unet_dice_momentum", "hf_bert_classifier_sgd")),
)  # fmt: skip
# The same on a card that just holds it: this many times the allocated peak may be reserved.
TIGHT, TIGHT_JOBS = 1.06, ("gpt_adamw_foreach", "gpt_adamw_fused", "unet_dice_momentum", "unet_segmentation_adam",
                           "hf_gpt2_adamw", "hf_bert_classifier_sgd")  # fmt: skip


def describe() -> dict[str, Any]:
    """The device, driver and libraries, asked in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _DESCRIBE], capture_output=True, text=True, timeout=180)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else {}
    settings = {name: os.environ.get(name) for name in ALLOCATOR_SETTINGS}
    return {**found, **surroundings(), "settings": settings, "steps": STEPS}


def in_turns(names: Iterable[str]) -> list[list[str]]:
    """The jobs in rounds: every family, from both halves, comes before any comes again."""
    groups: dict[tuple[str, str], deque[str]] = {}
    for name in names:
        groups.setdefault((JOBS[name].family, JOBS[name].half), deque()).append(name)
    rounds = []
    while any(groups.values()):
        rounds.append([group.popleft() for group in groups.values() if group])
    return rounds


def runs(names: Iterable[str], scale: float | None, dry: bool) -> Iterator[Run]:
    """Everything to measure, the most telling first."""
    rounds = in_turns(names)
    scales = {name: scale or (0.25 if dry else JOBS[name].device_scale) for name in chain(*rounds)}
    yield Run(key="context", job="context", scale=1.0)
    if not dry:
        yield from (Run(key=name, job=name, scale=1.0, profile=True) for name in SCRIPTS)
    for number, names_now in enumerate(rounds):
        for name in names_now:
            yield Run(key=name, job=name, scale=scales[name], profile=not number or JOBS[name].family == "full-size")
        if number:
            continue
        for setting, variables, words, jobs in SETTINGS:
            for name in jobs:
                if name in scales or (name not in JOBS and not dry):
                    key = f"{name}@{setting}"
                    yield Run(key=key, job=name, scale=scales.get(name, 1.0), variables=variables, words=words)


def tight_runs(jobs: dict[str, Any], total_bytes: int) -> Iterator[Run]:
    """Jobs again, each allowed little more than its own allocated peak."""
    for name in TIGHT_JOBS:
        peak = jobs.get(name, {}).get("allocated_peak_bytes")
        if peak and total_bytes:
            words = ("--fraction", f"{peak * TIGHT / total_bytes:.6f}")
            yield Run(key=f"{name}@tight", job=name, scale=jobs[name]["scale"], words=words)


def start(run: Run, device: str, events: Path | None) -> subprocess.Popen[str]:
    """A child that imports and then waits for its turn."""
    command = [sys.executable, "-m", "benchmarks.accuracy.device_child", run.job, device, str(STEPS), str(run.scale)]
    command += [*run.words, "--label", run.key]
    if events is not None:
        command += ["--events", str(events)] + (["--profile"] if run.profile else [])
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **run.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """Says go and reads the answer; whatever goes wrong becomes the job's failure."""
    try:
        output, errors = child.communicate("go\n", timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        errors = f"took more than {seconds:.0f} s"
    except BrokenPipeError:
        child.kill()
        output, errors = "", "ended before its turn"
    lines = [line for line in output.splitlines() if line.startswith('{"seconds"')]
    said = (errors.strip().splitlines() or [f"exit {child.returncode}"])[-1][:200]
    if not lines:
        return {"failure": said}
    result: dict[str, Any] = json.loads(lines[-1])
    return result if child.returncode == 0 else {**result, "afterwards": said}


def measured(
    todo: Iterable[Run], device: str, events: Path | None, until: float
) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Runs one at a time, the next ones waiting with their imports done, until the clock says stop."""
    waiting: deque[tuple[Run, subprocess.Popen[str]]] = deque()
    rest = iter(todo)
    try:
        while True:
            while len(waiting) < AHEAD and (run := next(rest, None)) is not None:
                waiting.append((run, start(run, device, events)))
            if not waiting or time.monotonic() > until:
                return
            run, child = waiting.popleft()
            yield run, finish(child, min(JOB_SECONDS, max(until - time.monotonic() + GRACE_SECONDS, 1)))
    finally:
        for _, child in waiting:
            child.kill()


def slug(device: str | None) -> str:
    """A file name for a device ("nvidia-h100-80gb-hbm3")."""
    return re.sub(r"[^a-z0-9]+", "-", (device or "no-device").lower()).strip("-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=sorted(JOBS))
    parser.add_argument("--scale", type=float, help="multiplies every batch; default: each job's own for devices")
    parser.add_argument("--limit-seconds", type=float, default=570.0)
    parser.add_argument("--output", type=Path, default=DATA / "device")
    parser.add_argument("--events", type=Path, help="keep every allocator event there, and operators' names")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    until, device = time.monotonic() + options.limit_seconds, "cpu" if options.dry_run else "cuda"
    environment = {"command": "python -m benchmarks.accuracy.measure_device", **describe()}
    if device == "cuda" and not environment.get("device"):
        sys.exit("no CUDA device here: torch.cuda.is_available() says no; --dry-run tests the plumbing on the CPU")
    options.output.mkdir(parents=True, exist_ok=True)
    torch = str(environment.get("torch") or "none").split("+")[0]
    file = options.output / f"{slug(environment.get('device'))}-torch{torch}.json"
    jobs = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}

    def work(todo: Iterable[Run]) -> None:
        missing = [run for run in todo if run.key not in jobs or jobs[run.key].get("failure")]
        for run, found in measured(missing, device, options.events, until):
            jobs[run.key] = {"scale": run.scale, "words": " ".join(run.words), **run.variables, **found}
            save(file, {"environment": environment, "jobs": jobs})
            kept = ("seconds", "allocated_peak_bytes", "reserved_peak_bytes", "used_peak_bytes", "failure")
            left = f"{until - time.monotonic():.0f} s left"
            print(run.key, *(jobs[run.key].get(key) for key in kept), left, flush=True)

    todo = list(runs(options.jobs, options.scale, options.dry_run))
    turns = (at for at, run in enumerate(todo) if at and "@" in todo[at - 1].key and "@" not in run.key)
    first = next(turns, len(todo))  # the first round and the settings; what is tight needs their figures
    work(todo[:first])
    work(tight_runs(jobs, environment.get("total_bytes") or 0))
    work(todo[first:])


if __name__ == "__main__":
    main()
