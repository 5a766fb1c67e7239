"""How TFLite Micro fills an arena, by its own records, as JSON: python benchmarks/litert/arena_child.py FILE

Needs tflite-micro (pip install tflite-micro), a build for 64 bits with the reference kernels; nothing of memfit. It
writes its records to stderr from C++: they are read there.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

from tflite_micro.python.tflite_micro import runtime  # type: ignore[import-not-found]


def main() -> None:
    """Prepare the model in an arena that is large enough, and in ever smaller ones."""
    data = Path(sys.argv[1]).read_bytes()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        runtime.Interpreter.from_bytes(data, arena_size=_enough(data)).print_allocations()
        os.dup2(before, 2)
        kept.seek(0)
        text = kept.read().decode()
    found = {part: int(size) for part, size in re.findall(r"Arena allocation (head|tail) (\d+) bytes", text)}
    print(json.dumps(found))


def _enough(data: bytes) -> int:
    return 512 << 20 if len(data) > 3 << 20 else 32 << 20


if __name__ == "__main__":
    main()
