"""memfit: how much memory a machine-learning job needs, where it goes, and whether it fits.

Importing this package loads no framework: every public name is fetched on first use.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in typing, which the processes of a recorded job need not load
if TYPE_CHECKING:
    from typing import Any

    from memfit.api import advise as advise
    from memfit.api import calibrate as calibrate
    from memfit.api import check as check
    from memfit.api import compare as compare
    from memfit.api import data as data
    from memfit.api import diagnose as diagnose
    from memfit.api import estimate as estimate
    from memfit.api import load as load
    from memfit.api import machines_for as machines_for
    from memfit.api import probe as probe
    from memfit.api import record as record
    from memfit.api import request as request
    from memfit.api import simulate as simulate
    from memfit.errors import MemfitError as MemfitError

__all__ = [
    "MemfitError",
    "__version__",
    "advise",
    "calibrate",
    "check",
    "compare",
    "data",
    "diagnose",
    "estimate",
    "load",
    "machines_for",
    "probe",
    "record",
    "request",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name == "MemfitError":
        from memfit.errors import MemfitError

        return MemfitError
    if name in __all__:
        from memfit import api

        return getattr(api, name)
    raise AttributeError(f"module 'memfit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
