"""The truth about a real CUDA device: every job in a fresh process, into data/device/<device>.json.

One command, under ten minutes on an H100; what is there already is not run again, a job that fails is kept with its
message, and ``--limit-seconds`` stops in good order. ``--dry-run`` goes through the same motions on the CPU with the
smallest batches: it tests the plumbing and writes no data.

    python -m benchmarks.accuracy.measure_device [--limit-seconds 570] [--output FOLDER] [--dry-run]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.jobs import JOBS
from benchmarks.accuracy.measure_exact import save
from benchmarks.accuracy.surroundings import DATA, ROOT, surroundings

STEPS = 4
JOB_SECONDS = 60
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


def describe() -> dict[str, Any]:
    """The device, driver and libraries, asked in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _DESCRIBE], capture_output=True, text=True, timeout=180)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else {}
    settings = {name: os.environ.get(name) for name in ALLOCATOR_SETTINGS}
    return {**found, **surroundings(), "settings": settings, "steps": STEPS}


def start(name: str, device: str, scale: float) -> subprocess.Popen[str]:
    """A child that imports and then waits for its turn."""
    command = [sys.executable, "-m", "benchmarks.accuracy.device_child", name, device, str(STEPS), str(scale)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(child: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """Says go and reads the answer; whatever goes wrong becomes the job's failure."""
    try:
        output, errors = child.communicate("go\n", timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return {"failure": f"took more than {seconds:.0f} s"}
    except BrokenPipeError:
        child.kill()
        output, errors = "", "ended before its turn"
    lines = [line for line in output.splitlines() if line.startswith('{"seconds"')]
    if child.returncode != 0 or not lines:
        return {"failure": (errors.strip().splitlines() or [f"exit {child.returncode}"])[-1][:200]}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def slug(device: str | None) -> str:
    """A file name for a device ("nvidia-h100-80gb-hbm3")."""
    return re.sub(r"[^a-z0-9]+", "-", (device or "no-device").lower()).strip("-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=sorted(JOBS))
    parser.add_argument("--scale", type=float, help="multiplies every batch; default: each job's own for devices")
    parser.add_argument("--limit-seconds", type=float, default=570.0)
    parser.add_argument("--output", type=Path, default=DATA / "device")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    begun, device = time.monotonic(), "cpu" if options.dry_run else "cuda"
    environment = {"command": "python -m benchmarks.accuracy.measure_device", **describe()}
    if device == "cuda" and not environment.get("device"):
        sys.exit("no CUDA device here: torch.cuda.is_available() says no; --dry-run tests the plumbing on the CPU")
    options.output.mkdir(parents=True, exist_ok=True)
    torch = str(environment.get("torch") or "none").split("+")[0]
    file = options.output / f"{slug(environment.get('device'))}-torch{torch}.json"
    jobs = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}
    waiting = [name for name in ("context", *options.jobs) if name not in jobs or jobs[name].get("failure")]
    scales = {name: options.scale or (0.25 if options.dry_run else JOBS[name].device_scale) for name in options.jobs}
    scales["context"] = 1.0
    ahead = start(waiting[0], device, scales[waiting[0]]) if waiting else None
    for position, name in enumerate(waiting):
        child, ahead = ahead, None
        assert child is not None
        if time.monotonic() - begun > options.limit_seconds:
            child.kill()
            print(f"stopped after {options.limit_seconds:.0f} s; run again for the other {len(waiting) - position}")
            break
        if position + 1 < len(waiting):
            ahead = start(waiting[position + 1], device, scales[waiting[position + 1]])
        jobs[name] = {"scale": scales[name], **finish(child, JOB_SECONDS)}
        save(file, {"environment": environment, "jobs": jobs})
        kept = ("seconds", "allocated_peak_bytes", "reserved_peak_bytes", "used_peak_bytes", "failure")
        print(name, {key: jobs[name].get(key) for key in kept}, flush=True)


if __name__ == "__main__":
    main()
