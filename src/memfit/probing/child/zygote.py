"""The warm process: imports what the probes need, once, and forks one for each request. Uses nothing but itself.

    python -m memfit.probing.child.zygote REQUESTS ANSWERS

Both are file descriptors. A line of JSON is one request; "pid" and then "status" of the probe come back, a line each.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import pickle
import sys

from memfit.probing.child import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO


def main() -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(int(sys.argv[1]), encoding="utf-8")
    answers = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    first = json.loads(requests.readline())
    sys.path[:0] = [folder for folder in first["path"] if folder not in sys.path]
    _tell(answers, _warm(first))
    mapped = reading.mapped_files()
    for line in iter(requests.readline, ""):
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            requests.close()
            answers.close()
            reading.run(_loader(request), request["size"], request["files"], mapped)
        _tell(answers, {"pid": pid})
        _, status, usage = os.wait4(pid, 0)
        _tell(answers, {"status": os.waitstatus_to_exitcode(status), "maxrss_bytes": usage.ru_maxrss * 1024})


def _warm(first: dict[str, Any]) -> dict[str, Any]:
    """Import what is to be imported and load the callable once: what that brings in is then there for all probes."""
    try:
        for name in first["modules"]:
            importlib.import_module(name)
        _loader(first)()
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    now = reading.sizes()
    return {"ready": True, "held_bytes": now.get("VmRSS", now.get("VmHWM", 0)), "peak_bytes": now.get("VmHWM", 0)}


def _loader(request: dict[str, Any]) -> Callable[[], Callable[[Any], Any]]:
    return lambda: pickle.loads(base64.b64decode(request["call"]))


def _tell(answers: TextIO, told: dict[str, Any]) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
