"""What memfit hands over. Every view works from a saved document alone."""

from memfit.documents.check import BudgetCheck, Check, GrowthCheck, check_to_json
from memfit.documents.codec import SCHEMA, Document, load, save, to_json
from memfit.documents.comparison import Comparison, PerIteration, PoolComparison, Reason, Row, Side
from memfit.documents.data import Data
from memfit.documents.diagnosis import (
    Diagnosis,
    Growth,
    Horizon,
    Interval,
    LimitReached,
    SeriesDiagnosis,
    worst_first,
)
from memfit.documents.estimate import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate, StepPeak
from memfit.documents.job_state import JobState, LimitUse
from memfit.documents.recording import (
    Ending,
    Event,
    Holding,
    Iterations,
    Limit,
    PhaseSpan,
    PhaseTotal,
    Process,
    Recording,
    Series,
    host_pool,
)

__all__ = [
    "SCHEMA",
    "Assumption",
    "BudgetCheck",
    "Check",
    "Comparison",
    "Component",
    "Data",
    "Diagnosis",
    "Document",
    "Ending",
    "Estimate",
    "Event",
    "Growth",
    "GrowthCheck",
    "Holding",
    "Horizon",
    "Interval",
    "Iterations",
    "JobState",
    "Limit",
    "LimitReached",
    "LimitUse",
    "Machine",
    "PeakLocation",
    "PerIteration",
    "PhaseSpan",
    "PhaseTotal",
    "PoolComparison",
    "PoolEstimate",
    "Process",
    "Reason",
    "Recording",
    "Row",
    "Series",
    "SeriesDiagnosis",
    "Side",
    "StepPeak",
    "check_to_json",
    "host_pool",
    "load",
    "save",
    "to_json",
    "worst_first",
]
