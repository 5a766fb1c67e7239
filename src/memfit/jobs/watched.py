"""A child that runs a job for real, started and watched within limits, and the reading that it leaves.

The files in its folder: request.json, "log", "began" when the job begins, "reading" at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from memfit.jobs.launch import environment_of_child, write_request
from memfit.jobs.request import Request
from memfit.probing.watching import Limits, Reading, Watch
from memfit.sensors import process_memory

_FILES = ("began", "reading", "log")


def run_watched(
    folder: Path,
    module: str,
    request: Request,
    limits: Limits,
    *,
    size: int,
    environment: Mapping[str, str],
    words: Sequence[str] = (),
    python: str | None = None,
) -> Reading:
    """Start ``python -m MODULE FOLDER WORDS…`` and follow it to its end.

    Args:
        folder: an empty one.
        module: of the child.
        request: what it finds in its folder.
        limits: beyond them it is killed.
        size: that the reading is called by.
        environment: variables that are set for it.
        words: behind the folder.
        python: the interpreter; this one by default.

    Returns:
        The reading; ``rise_bytes`` is the peak of the process and its children, None when it failed.
    """
    write_request(folder, request)
    files = {each: str(folder / each) for each in _FILES}
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [python or sys.executable, "-m", module, str(folder), *words],
            env={**environment_of_child(folder), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return Watch(child.pid, files, limits, lambda: child.poll() is not None).follow(size)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()


def leave_reading(folder: Path, *, began_at: float, note: object, least_bytes: int = 0) -> None:
    """The child's side: write the peak of this process, whole or not at all.

    Args:
        folder: the child's.
        began_at: on time.monotonic(), when the job began.
        note: what was seen, as JSON takes it.
        least_bytes: the peak is not below: that of the process that this one was forked from.
    """
    told = {
        "rise_bytes": max(least_bytes, peak_bytes()),
        "kept_bytes": 0,
        "start_bytes": 0,
        "seconds": time.monotonic() - began_at,
        "exact": True,
        "note": note,
    }
    draft = folder / "reading.part"
    draft.write_text(json.dumps(told), encoding="utf-8")
    os.rename(draft, folder / "reading")  # noqa: PTH104  # pathlib's is the overlay's


def peak_bytes() -> int:
    """This process's own high-water mark; 0 where the system does not tell."""
    now = process_memory()
    return (now.peak_rss_bytes or now.rss_bytes) if now is not None else 0
