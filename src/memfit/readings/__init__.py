"""Series that other programs saved: CSV, JSON, NumPy. Columns are found by name; what was taken for what is told.

Trusts nothing: no pickle, no eval; a file that is no series is refused with a sentence.
"""

from memfit.readings.choosing import Readings, load_readings

__all__ = ["Readings", "load_readings"]
