"""Optimizers that decide by values: what is answered so that they go the way a converging run goes.

torch.optim.LBFGS keeps a pair of vectors when its curvature is positive and stops early when the loss stands still
(optim/lbfgs.py, 2.13); a simulated run is taken to progress in every iteration.
"""

from __future__ import annotations

import linecache
import sys
from types import FrameType
from typing import Any

_DEPTH = 16  # frames between the question and the optimizer's line


def answer(asked: int) -> Any:
    """The value for a question that LBFGS asks, or None for anyone else's.

    Args:
        asked: how often this line was asked before, so that losses fall.
    """
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame is None:
            return None
        if frame.f_code.co_filename.endswith("lbfgs.py"):
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            if "ys >" in line:
                return True
            return 1.0 / asked if "loss = float(" in line else None
        frame = frame.f_back
    return None
