"""A target run in this process as `python` would run it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from memfit.jobs.request import Request


def run_as_main(request: Request) -> None:
    """Run the script or module of a request, with its arguments."""
    sys.argv = [request.target, *request.arguments]
    if request.module:
        sys.path.insert(0, "")
        runpy.run_module(request.target, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(request.target).resolve().parent))
        runpy.run_path(request.target, run_name="__main__")
