"""What memfit counts in: bytes, names of places, ranges. Standard library only."""

from memfit.quantities.bytes import GIB, KIB, MIB, format_bytes, format_finely, parse_bytes
from memfit.quantities.marks import Held, Lap, Marks
from memfit.quantities.names import Basis, Category, Phase, Standing, Verdict
from memfit.quantities.ranges import ByteRange

__all__ = [
    "GIB",
    "KIB",
    "MIB",
    "Basis",
    "ByteRange",
    "Category",
    "Held",
    "Lap",
    "Marks",
    "Phase",
    "Standing",
    "Verdict",
    "format_bytes",
    "format_finely",
    "parse_bytes",
]
