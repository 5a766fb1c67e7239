"""Learns this machine's constants: from recordings, alone and beside their estimates, and from fresh processes."""

from memfit.calibrating.learn import measured, read
from memfit.calibrating.readings import Reading, from_measurement, from_recording

__all__ = ["Reading", "from_measurement", "from_recording", "measured", "read"]
