"""What is said when a job's own code fails."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

NOT_INSTALLED = "install it for this interpreter, or name the one that has the job's packages with --python"

OFFLINE = (
    "the network is off under memfit: run the script once with plain python, so that its data and weights are there"
)
_NETWORK = (
    "the network is off", "URL fetch failure", "urlopen error", "Name or service not known", "name resolution",
    "Network is unreachable", "Max retries exceeded", "LocalEntryNotFound", "couldn't connect to",
)  # fmt: skip

# Without DS_BUILD_OPS=0 its set-up may look for a compiler; its kernels are not needed (surface/deepspeed.py).
_ON_THE_GPU = ("cupy", "cudf", "cuml", "rmm", "cuda")
_NEEDS_THE_GPU = (
    "it makes its data on a GPU, which an estimate has not: read the data with NumPy or pandas in its place for the "
    "estimate, give the shape (memfit estimate xgboost --rows N --cols N --set device=cuda --on DEVICE), or measure "
    "the script where the GPU is: memfit run"
)
_DEEPSPEED = (
    "install it beside the job's packages, which needs no GPU for an estimate: DS_BUILD_OPS=0 pip install deepspeed; "
    "or ask for a model by name: memfit estimate hf:NAME --train full --parallel zero2 --on 8xa100-80gb"
)


def said(error: BaseException) -> str:
    """An error in a line, with where in the user's code it arose; what its first line announces stands behind it."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [""]
    first = " ".join(lines) if lines[0].endswith(":") else lines[0]
    return f"{type(error).__name__}: {first[:300]}{_user_line(error)}"


def hint_for(error: BaseException) -> str:
    """What to do about it."""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in _ON_THE_GPU:
        return _NEEDS_THE_GPU
    if isinstance(error, ImportError):
        return NOT_INSTALLED if "deepspeed" not in str(error).lower() else _DEEPSPEED
    if isinstance(error, SyntaxError):
        return "plain python would refuse the script too"
    if wants_network(f"{type(error).__name__}: {error}"):
        return OFFLINE
    return "if plain python runs it, this is memfit's doing: --debug shows the whole story"


def wants_network(problem: str) -> bool:
    """Whether a job failed since it fetches something.

    >>> wants_network("Exception: URL fetch failure on https://example.org/mnist.npz: None")
    True
    """
    return any(word in problem for word in _NETWORK)


def _user_line(error: BaseException) -> str:
    """The innermost frame outside libraries."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _is_library(filename: str) -> bool:
    return filename.startswith("<") or any(
        part in filename for part in ("site-packages", "/lib/python", f"{os.sep}memfit{os.sep}")
    )
