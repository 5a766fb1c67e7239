"""The front door: what the command line and Python callers use. Loads no framework by itself."""

from memfit.advice import Wishes
from memfit.api.advising import advise, advised
from memfit.api.assessing import data
from memfit.api.calibrating import calibrate
from memfit.api.estimating import estimate, is_estimator, simulate
from memfit.api.growing import diagnose
from memfit.api.placing import REFERENCE, machines_for, placed, saved_estimate
from memfit.api.recording import record, run
from memfit.api.requesting import request
from memfit.api.saved import check, compare, load, made_of
from memfit.jobs import Progress
from memfit.jobs.launchers import launched
from memfit.probing.sweeping import probe

__all__ = [
    "REFERENCE",
    "Progress",
    "Wishes",
    "advise",
    "advised",
    "calibrate",
    "check",
    "compare",
    "data",
    "diagnose",
    "estimate",
    "is_estimator",
    "launched",
    "load",
    "machines_for",
    "made_of",
    "placed",
    "probe",
    "record",
    "request",
    "run",
    "saved_estimate",
    "simulate",
]
