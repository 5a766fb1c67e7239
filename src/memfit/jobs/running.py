"""A target run in this process as `python` would run it."""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from memfit.jobs.constants import run_with
from memfit.jobs.request import Request

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(pid: int) -> None:
    """Be killed when the process that started this one is gone (Linux): it may be interrupted, or killed itself.

    Args:
        pid: of the parent; where it is gone already, this process ends at once.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != pid:
            os._exit(1)


def run_as_main(request: Request) -> None:
    """Run what a request names: a script, with other numbers where it says so, a module, or "module:function"."""
    target = request.target
    sys.argv = [target, *request.arguments]
    if request.module:
        sys.path.insert(0, "")
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    elif ":" in target and not Path(target).exists():
        module, _, name = target.partition(":")
        sys.path.insert(0, "")
        getattr(importlib.import_module(module), name)()
    else:
        sys.path.insert(0, str(Path(target).resolve().parent))
        if request.constants:
            run_with(Path(target), request.constants)
        else:
            runpy.run_path(target, run_name="__main__")


def stay_offline() -> None:
    """Nothing goes to the network: trackers are switched off, connections beyond this machine are refused."""
    os.environ.update(
        WANDB_MODE="disabled",
        WANDB_SILENT="true",
        COMET_MODE="DISABLED",
        MLFLOW_TRACKING_URI="",
        CLEARML_OFFLINE_MODE="1",
        NEPTUNE_MODE="debug",
        HF_HUB_DISABLE_TELEMETRY="1",
        TOKENIZERS_PARALLELISM="false",
    )

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else "localhost"
            if str(host) not in ("localhost", "127.0.0.1", "::1"):
                raise OSError(f"the network is off under memfit's simulation: {host}")

    sys.addaudithook(refuse)
