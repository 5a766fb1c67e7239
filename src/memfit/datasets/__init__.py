"""Data sets from their files: headers, metadata and bounded samples, in constant memory; nothing in them is run."""

from memfit.datasets.shape import Shape, read_shape, shape_of
from memfit.datasets.statistics import ColumnStatistics, Statistics, read_statistics, statistics_of

__all__ = [
    "ColumnStatistics",
    "Shape",
    "Statistics",
    "read_shape",
    "read_statistics",
    "shape_of",
    "statistics_of",
]
