"""The front door: what the command line and Python callers use. Loads no framework by itself."""

from memfit.api.assessing import data
from memfit.api.calibrating import calibrate
from memfit.api.estimating import estimate, is_estimator, simulate
from memfit.api.growing import diagnose
from memfit.api.recording import record, run
from memfit.api.saved import check, compare, load, made_of
from memfit.jobs import Progress
from memfit.probing.sweeping import probe

__all__ = [
    "Progress",
    "calibrate",
    "check",
    "compare",
    "data",
    "diagnose",
    "estimate",
    "is_estimator",
    "load",
    "made_of",
    "probe",
    "record",
    "run",
    "simulate",
]
