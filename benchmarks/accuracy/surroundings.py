"""Where a figure was measured: versions, kernel, processors, and the file name that stands for them."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
ROOT = Path(__file__).resolve().parents[2]

# Threads that wait sleep instead of spinning: on a machine that others use too, runs are up to five times faster, and
# memory stays as it is (1,035 against 1,045 MiB on translation_transformer_adam, within its spread).
POLITE = {"OMP_WAIT_POLICY": "PASSIVE"}


def version(package: str) -> str | None:
    """The installed version of a package, without importing it; None when it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The processor's own name, as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def surroundings() -> dict[str, object]:
    """Versions and the machine, as plain JSON values."""
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "system": platform.system(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "omp_wait_policy": POLITE["OMP_WAIT_POLICY"],
    }


def machine_name() -> str:
    """A short stable name: what the figures depend on most ("linux-x86_64-2cpu-torch2.13.0")."""
    torch = (version("torch") or "none").split("+")[0]
    return f"{platform.system()}-{platform.machine()}-{len(os.sched_getaffinity(0))}cpu-torch{torch}".lower()
