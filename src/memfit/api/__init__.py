"""The front door: what the command line and Python callers use. Loads no framework by itself.

Each name is fetched on first use: a verb pays for what it does, not for all that memfit can do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memfit.advice import Wishes as Wishes
    from memfit.api.advising import advise as advise
    from memfit.api.advising import advised as advised
    from memfit.api.assessing import data as data
    from memfit.api.calibrating import calibrate as calibrate
    from memfit.api.estimating import estimate as estimate
    from memfit.api.estimating import is_estimator as is_estimator
    from memfit.api.estimating import simulate as simulate
    from memfit.api.growing import diagnose as diagnose
    from memfit.api.placing import REFERENCE as REFERENCE
    from memfit.api.placing import machines_for as machines_for
    from memfit.api.placing import placed as placed
    from memfit.api.placing import saved_estimate as saved_estimate
    from memfit.api.placing import without_devices as without_devices
    from memfit.api.recording import record as record
    from memfit.api.recording import run as run
    from memfit.api.requesting import request as request
    from memfit.api.requesting import requested as requested
    from memfit.api.saved import check as check
    from memfit.api.saved import compare as compare
    from memfit.api.saved import load as load
    from memfit.api.saved import made_of as made_of
    from memfit.jobs import Progress as Progress
    from memfit.jobs.launchers import launched as launched
    from memfit.probing.sweeping import probe as probe
    from memfit.recipes.names import is_model as is_model

_HOMES = {
    "memfit.advice": ("Wishes",),
    "memfit.api.advising": ("advise", "advised"),
    "memfit.api.assessing": ("data",),
    "memfit.api.calibrating": ("calibrate",),
    "memfit.api.estimating": ("estimate", "is_estimator", "simulate"),
    "memfit.api.growing": ("diagnose",),
    "memfit.api.placing": ("REFERENCE", "machines_for", "placed", "saved_estimate", "without_devices"),
    "memfit.api.recording": ("record", "run"),
    "memfit.api.requesting": ("request", "requested"),
    "memfit.api.saved": ("check", "compare", "load", "made_of"),
    "memfit.jobs": ("Progress",),
    "memfit.jobs.launchers": ("launched",),
    "memfit.probing.sweeping": ("probe",),
    "memfit.recipes.names": ("is_model",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'memfit.api' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_HOME)
