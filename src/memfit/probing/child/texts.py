"""Fits on texts: documents of the user's own file, which a sample of it holds, one JSON string a line, shuffled.

Any number of its first lines is a sample as well, so that what a vectorizer learns grows as it does in the file.
"""

from __future__ import annotations

import importlib
import json
import math
from zlib import crc32

from memfit.probing.child.estimator import EstimatorFit, kind_of, target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from memfit.probing.child.likeness import ColumnLike

VECTORIZERS = {"tfidf": "TfidfVectorizer", "count": "CountVectorizer", "hashing": "HashingVectorizer"}
STEP = "vectorizer__"  # before the names of its parameters
_LOOKED_AT = 32  # words of a document that its label depends on


class TextFit(EstimatorFit):
    """Fit, and predict where asked, on so many texts.

    Args:
        target, params, classes, predict, given, target_like: as for `EstimatorFit`; parameters of the vectorizer begin
            with "vectorizer__".
        path: of the sample.
        vectorizer: that stands before the estimator, a name of VECTORIZERS; "" for an estimator that takes texts.
    """

    def __init__(
        self,
        target: str,
        params: dict[str, Any],
        path: str,
        vectorizer: str = "",
        classes: int = 2,
        predict: bool = False,
        given: Any = None,
        target_like: ColumnLike | None = None,
    ) -> None:
        super().__init__(target, params, 1, classes=classes, predict=predict, given=given, target_like=target_like)
        self.path = path
        self.vectorizer = vectorizer

    def make(self) -> Any:
        """The estimator, unfitted, behind its vectorizer."""
        if not self.vectorizer:
            return super().make()
        text: Any = importlib.import_module("sklearn.feature_extraction.text")
        pipeline: Any = importlib.import_module("sklearn.pipeline")
        own = {name.removeprefix(STEP): value for name, value in self.params.items() if name.startswith(STEP)}
        rest = {name: value for name, value in self.params.items() if not name.startswith(STEP)}
        model = EstimatorFit(self.target, rest, 1, given=self.given).make()
        return pipeline.Pipeline([("vectorizer", getattr(text, VECTORIZERS[self.vectorizer])(**own)), ("model", model)])

    def prepare(self, rows: int) -> Any:
        """The estimator, the texts and a target that depends on their words in part."""
        import numpy as np

        estimator = self.make()
        with open(self.path, encoding="utf-8") as sample:  # noqa: PTH123
            texts = [json.loads(line) for line, _ in zip(sample, range(rows), strict=False)]
        kind = kind_of(estimator)
        if not kind:
            return estimator, texts, None
        signal = np.array([_signal(text) for text in texts])
        signal = (signal - signal.mean()) / (signal.std() or 1.0)
        return estimator, texts, target_of(signal, kind, self.classes, self.target_like)


def _signal(text: str) -> float:
    """A number that its first words make: about normal over texts."""
    words = text.split(None, _LOOKED_AT)[:_LOOKED_AT]
    return sum(crc32(word.encode("utf-8", "replace")) / 2**32 - 0.5 for word in words) / math.sqrt(len(words) or 1)
