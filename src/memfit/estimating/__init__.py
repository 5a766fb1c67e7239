"""From what a simulation saw to the estimate document. Knows no framework: every one hands over an Observation."""

from memfit.estimating.assemble import ProcessReading, assemble

__all__ = ["ProcessReading", "assemble"]
