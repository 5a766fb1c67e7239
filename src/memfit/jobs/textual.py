"""An estimator on the texts of a file: what its request says instead of a table's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memfit.jobs.tabular import TabularRequest, scaling_of
from memfit.probing.child.estimator import EstimatorFit
from memfit.probing.child.texts import VECTORIZERS, TextFit
from memfit.probing.scaling import Scaling

_LARGEST_SHARE = 1 / 4  # of the texts: no probe beyond, but for small files
_FEW = 4_000  # texts that are probed whatever share they are
_POINTER_BYTES = 8
_TARGET_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest(TabularRequest):
    """An estimator and its texts.

    Args:
        column: of the file that has them.
        vectorizer: that stands before the estimator; "" for one that takes texts.
        sample: path of the sampled texts.
        sampled: how many those are.
        text_bytes: of a text as a Python string, in the mean.
    """

    column: str
    vectorizer: str
    sample: str
    sampled: int
    text_bytes: float

    @property
    def data_bytes(self) -> int:
        """The texts, a list of them, and a target."""
        return round(self.rows * (self.text_bytes + _POINTER_BYTES + _TARGET_BYTES))

    @property
    def data_source(self) -> str:
        """What those bytes are, in words."""
        return f"{self.rows:,} texts as Python strings of {self.text_bytes:,.0f} bytes in the mean, and a target"

    @property
    def probed_on(self) -> str:
        """What the probes' data is, in a sentence."""
        before = f", behind a {VECTORIZERS[self.vectorizer]} that --text puts there" if self.vectorizer else ""
        return (
            f"probed on texts of the file's own column {self.column!r} ({self.sampled:,} of them were read){before}; "
            "their labels were made up"
        )

    @property
    def held_as(self) -> str:
        """How the data is held when the fit begins."""
        return "as a list of strings"

    @property
    def shape_words(self) -> list[str]:
        """What the command line says of the data besides its rows."""
        return ["--text", self.column, *(["--vectorizer", self.vectorizer] if self.vectorizer else [])]

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Rows to probe: halves of what may be probed of the sample."""
        largest = min(self.sampled, max(math.ceil(self.rows * _LARGEST_SHARE), min(self.rows, _FEW)))
        return tuple(sorted({max(largest // times, 1) for times in (8, 4, 2, 1)}))

    def scaling(self) -> Scaling:
        """What its framework knows of the estimator; what depends on a table's columns is left out."""
        return replace(scaling_of(self), sample=None, histograms=None, switches=(), beyond_bytes=0)

    def call(self, params: Mapping[str, Any]) -> EstimatorFit:
        """The fit that probes make."""
        return TextFit(
            self.name,
            {**self.params, **params},
            self.sample,
            self.vectorizer,
            self.classes,
            self.predict,
            self.given,
            self.target_like,
        )
