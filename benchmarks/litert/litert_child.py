"""What a process holds that runs a model with LiteRT, as JSON: python benchmarks/litert/litert_child.py FILE

Needs ai-edge-litert and NumPy; nothing of memfit. "base" is resident before the model is opened, "peak" the kernel's
high-water mark after three runs on zeros, in one thread.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]


def main() -> None:
    """Open, prepare, run."""
    base = _status("VmRSS")
    model = Interpreter(model_path=sys.argv[1], num_threads=1)
    model.allocate_tensors()
    for each in model.get_input_details():
        model.set_tensor(each["index"], np.zeros(each["shape"], each["dtype"]))
    for _ in range(3):
        model.invoke()
    print(json.dumps({"base": base, "peak": _status("VmHWM")}))


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
