"""What memfit hands over. Every view works from a saved document alone."""

from memfit.documents.codec import SCHEMA, Document, load, save, to_json
from memfit.documents.estimate import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate, StepPeak

__all__ = [
    "SCHEMA",
    "Assumption",
    "Component",
    "Document",
    "Estimate",
    "Machine",
    "PeakLocation",
    "PoolEstimate",
    "StepPeak",
    "load",
    "save",
    "to_json",
]
