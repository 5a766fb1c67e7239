"""Data sets from their files: headers, metadata and bounded samples, in constant memory; nothing in them is run."""

from memfit.datasets.shape import Shape, read_shape, shape_of

__all__ = ["Shape", "read_shape", "shape_of"]
