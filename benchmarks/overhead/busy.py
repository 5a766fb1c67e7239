"""Runs a script beside a thread that reads the process's memory as fast as it can, as some trainers' trackers do.

python benchmarks/overhead/busy.py SCRIPT ARGUMENTS …
"""

from __future__ import annotations

import runpy
import sys
import threading

import psutil

stop = threading.Event()
peak = [0]


def watch() -> None:
    """The peak of the resident size, without a pause between two readings."""
    process = psutil.Process()
    while not stop.is_set():
        peak[0] = max(peak[0], process.memory_info().rss)


if __name__ == "__main__":
    threading.Thread(target=watch, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    stop.set()
