"""What a process holds that runs a model with onnxruntime, as JSON: python benchmarks/onnx/child.py FILE BATCH

Nothing of memfit. "peak" is the kernel's high-water mark after five runs on zeros.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    """Open and run."""
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": "float32", "tensor(int64)": "int64"}
    given = {
        each.name: np.zeros([int(sys.argv[2]), *each.shape[1:]], kinds[each.type]) for each in session.get_inputs()
    }
    for _ in range(5):
        session.run(None, given)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps({"peak": peak}))


if __name__ == "__main__":
    main()
