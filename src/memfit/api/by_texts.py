"""An estimator that learns from texts: a sample of the column that has them, from which probes take theirs."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfit.documents import Estimate
from memfit.errors import UsageError
from memfit.jobs import Progress
from memfit.jobs.fits_on_devices import refuse_on_device
from memfit.jobs.tabular import estimate_estimator
from memfit.jobs.textual import TextRequest

if TYPE_CHECKING:
    from memfit.datasets.shape import Shape

_SAMPLE_BYTES = 40 << 20  # of texts: what probes of a large file need
_TAKE_TEXTS = "sklearn.feature_extraction.text."


def estimate_texts(
    shape: Shape,
    column: str,
    vectorizer: str | None,
    progress: Callable[[Progress], None] | None,
    **options: Any,
) -> Estimate:
    """The estimate of an estimator on a file's texts.

    Args:
        shape: of the file.
        column: that has the texts.
        vectorizer: that stands before the estimator, a name of VECTORIZERS; None for TfidfVectorizer before a class
            that takes no texts.
        progress: called as the work goes on.
        options: of `TextRequest`.

    Raises:
        MemfitError: it has no such column, or none of texts, or no probe succeeded.
    """
    texts = _texts(shape, column)
    with tempfile.TemporaryDirectory(prefix="memfit-texts-") as folder:
        sample = Path(folder) / "texts.jsonl"
        with sample.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(text, ensure_ascii=True) + "\n" for text in texts)
        request = TextRequest(
            column=column,
            vectorizer=_vectorizer(vectorizer, options["target"], options["given"]),
            sample=str(sample),
            sampled=len(texts),
            text_bytes=_mean_bytes(texts),
            columns=1,
            **options,
        )
        refuse_on_device(request)
        return estimate_estimator(request, progress=progress)


def _texts(shape: Shape, column: str) -> list[str]:
    """Those of the data set's sample, shuffled, so that any part of them is a sample as well."""
    from memfit.datasets.sampled_texts import FORMS, sampled_texts

    if shape.table.form.partition(",")[0] not in FORMS:
        raise UsageError(
            f"texts are read of {', '.join(FORMS)}, and this is {shape.table.form}",
            hint="write the column to a CSV file, or estimate the script that reads it",
            slug="no-texts",
        )
    found = sampled_texts(shape.table, column, most_bytes=_SAMPLE_BYTES)
    if not found:
        raise UsageError(f"nothing that was seen of {column!r} is a text", slug="no-texts")
    random.Random(0).shuffle(found)
    return found


def _mean_bytes(texts: list[str]) -> float:
    from memfit.datasets.values import object_bytes

    return sum(map(object_bytes, texts)) / len(texts)


def _vectorizer(asked: str | None, target: str, given: Any) -> str:
    """What stands before the estimator: nothing before one that takes texts itself."""
    if asked is not None:
        return asked
    return "" if given is not None or ":" in target or target.startswith(_TAKE_TEXTS) else "tfidf"
