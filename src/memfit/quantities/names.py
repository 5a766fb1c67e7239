"""The closed vocabularies that every document speaks: category, phase, basis, standing, verdict."""

from __future__ import annotations

from enum import Enum


class _Name(str, Enum):  # enum.StrEnum needs Python 3.11
    def __str__(self) -> str:
        return str(self.value)


class Category(_Name):
    """What a byte is for. A storage has one category for its whole life."""

    PARAMETERS = "parameters"
    GRADIENTS = "gradients"
    OPTIMIZER_STATE = "optimizer_state"
    ACTIVATIONS = "activations"
    TEMPORARIES = "temporaries"
    CAST_CACHE = "cast_cache"
    WORKSPACES = "workspaces"
    INPUTS = "inputs"
    BUFFERS = "buffers"
    CACHE = "cache"
    DATASET = "dataset"
    LOADER = "loader"
    PINNED = "pinned"
    CHECKPOINT = "checkpoint"
    COLLECTIVES = "collectives"
    FRAMEWORK = "framework"
    FRAGMENTATION = "fragmentation"
    OTHER = "other"


class Phase(_Name):
    """What the job was doing."""

    SETUP = "setup"
    DATA = "data"
    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "optimizer"
    EVALUATION = "evaluation"
    CHECKPOINT = "checkpoint"


class Basis(_Name):
    """How a number came about, from the strongest to the weakest."""

    MEASURED = "measured"
    TRACED = "traced"
    COMPUTED = "computed"
    EXTRAPOLATED = "extrapolated"
    ASSUMED = "assumed"


class Standing(_Name):
    """Where a measured size lies against a predicted range."""

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"


class Verdict(_Name):
    """Whether the job fits. TIGHT: the expected peak fits, the high one does not."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does_not_fit"
    UNKNOWN = "unknown"
