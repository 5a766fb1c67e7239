"""What an estimate's figures hold for, as its document names it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from memfit import __version__


def environment_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """memfit, Python and the machine, then versions and settings of the job's own."""
    return {
        "memfit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **settings,
    }
