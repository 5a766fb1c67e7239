"""One job in this process, with its memory read from the kernel: baseline after imports, high-water mark at the end.

Prints one JSON line last. Started by ``measure_process``; the job itself knows nothing of it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.accuracy.jobs import JOBS


def kernel_figure(field: str, file: str = "/proc/self/status") -> int:
    """A field of the kernel's own account of this process (VmHWM, VmRSS, Pss), in bytes."""
    for line in Path(file).read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def main() -> None:
    name, steps = sys.argv[1], int(sys.argv[2])
    train = JOBS[name].load()
    from torch.optim.optimizer import register_optimizer_step_post_hook

    peaks: list[int] = []
    register_optimizer_step_post_hook(lambda *_: peaks.append(kernel_figure("VmHWM")))
    baseline = kernel_figure("VmRSS")
    start = time.perf_counter()
    train("cpu", steps, 1.0)
    result = {
        "seconds": round(time.perf_counter() - start, 2),
        "baseline_bytes": baseline,
        "peak_bytes": kernel_figure("VmHWM"),
        "end_bytes": kernel_figure("VmRSS"),
        "end_pss_bytes": kernel_figure("Pss", "/proc/self/smaps_rollup"),
        "peaks_mib": [peak >> 20 for peak in peaks[:24]],
    }
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
