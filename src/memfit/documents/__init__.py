"""What memfit hands over. Every view works from a saved document alone."""

from memfit.documents.codec import SCHEMA, Document, load, save, to_json
from memfit.documents.comparison import Comparison, PerIteration, PoolComparison, Reason, Row, Side
from memfit.documents.estimate import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate, StepPeak
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
    "Comparison",
    "Component",
    "Document",
    "Ending",
    "Estimate",
    "Event",
    "Holding",
    "Iterations",
    "Limit",
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
    "Side",
    "StepPeak",
    "host_pool",
    "load",
    "save",
    "to_json",
]
