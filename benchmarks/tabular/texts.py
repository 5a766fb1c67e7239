"""Fits on texts: measured in a fresh process, predicted from a CSV file, a class and the name of the column.

    python -m benchmarks.tabular.texts [--seconds 1800] [--again] [--halves tuning judging]
    python -m benchmarks.tabular.texts fit NUMBER     the child

Adds to data/texts.jsonl. Texts are drawn word by word by Zipf and Mandelbrot's law, each kind with a vocabulary, a
steepness and a length of its own. The cases were listed before anything was predicted; the judging half has other
kinds.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tabular import fresh_fit
from memfit import api
from memfit.probing.child.estimator import kind_of
from memfit.probing.child.reading import sizes
from memfit.probing.child.texts import TextFit

DATA = Path(__file__).parent / "data" / "texts.jsonl"
BUDGET_S = 300  # on a machine with others: what it measures with is bounded by the sizes alone
_LONGEST_S = 900


@dataclass(frozen=True)
class Kind:
    """How texts are made.

    Args:
        words: of a text, in the median.
        vocabulary: words that there are.
        steepness: of Zipf's law: the frequency of the r-th word is 1 / (r + 2.7) ** steepness.
        own: words of each text that no other has: numbers, names.
    """

    words: int
    vocabulary: int
    steepness: float
    own: int = 0


KINDS = {
    "reviews": Kind(70, 120_000, 1.1),
    "titles": Kind(9, 300_000, 1.0),
    "logs": Kind(18, 15_000, 1.2, own=1),
    "articles": Kind(350, 400_000, 1.05),
}


@dataclass(frozen=True)
class Case:
    """One fit."""

    half: str
    kind: str
    rows: int
    target: str
    vectorizer: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in the page."""
        words = "".join(f" {name}={value}" for name, value in self.params.items())
        return f"{self.rows} {self.kind}, {self.vectorizer}, {self.target.rpartition('.')[2]}{words}"


_LOGISTIC, _SVC, _SGD = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.svm.LinearSVC",
    "sklearn.linear_model.SGDClassifier",
)
_BAYES, _SVD = "sklearn.naive_bayes.MultinomialNB", "sklearn.decomposition.TruncatedSVD"
_RIDGE, _MEANS = "sklearn.linear_model.Ridge", "sklearn.cluster.MiniBatchKMeans"
_CHARACTERS = {"vectorizer__analyzer": "char_wb", "vectorizer__ngram_range": (3, 4)}
_PAIRS = {"vectorizer__ngram_range": (1, 2)}
CASES = [
    Case("tuning", "reviews", 10_000, _LOGISTIC, "tfidf", {"max_iter": 15}),
    Case("tuning", "reviews", 7_500, _BAYES, "count", _PAIRS),
    Case("tuning", "reviews", 10_000, _SGD, "hashing"),
    Case("tuning", "reviews", 10_000, _SVC, "tfidf", {"vectorizer__min_df": 3}),
    Case("tuning", "reviews", 7_500, _SVD, "tfidf", {"n_components": 20}),
    Case("tuning", "reviews", 10_000, _RIDGE, "count", {"solver": "sparse_cg", "max_iter": 20}),
    Case("tuning", "titles", 50_000, _LOGISTIC, "tfidf", {"max_iter": 15}),
    Case("tuning", "titles", 50_000, _BAYES, "tfidf", {"vectorizer__sublinear_tf": True}),
    Case("tuning", "titles", 15_000, _SGD, "tfidf", _CHARACTERS),
    Case("tuning", "titles", 50_000, _SVC, "hashing", {"vectorizer__n_features": 262_144}),
    Case("tuning", "titles", 37_500, _SGD, "count", {"vectorizer__max_features": 20_000}),
    Case("tuning", "titles", 50_000, _MEANS, "tfidf", {"n_clusters": 4, "n_init": 1, "max_iter": 3}),
    Case("judging", "logs", 37_500, _LOGISTIC, "count", {"max_iter": 15}),
    Case("judging", "logs", 37_500, _BAYES, "tfidf", {"vectorizer__min_df": 2}),
    Case("judging", "logs", 30_000, _SGD, "tfidf", _PAIRS),
    Case("judging", "logs", 37_500, _SVC, "tfidf"),
    Case("judging", "logs", 25_000, _SVD, "hashing", {"n_components": 10, "vectorizer__n_features": 65_536}),
    Case("judging", "logs", 37_500, _MEANS, "count", {"n_clusters": 3, "n_init": 1, "max_iter": 3}),
    Case("judging", "articles", 2_000, _LOGISTIC, "tfidf", {"max_iter": 15}),
    Case("judging", "articles", 2_000, _SGD, "count", _PAIRS),
    Case("judging", "articles", 2_500, _BAYES, "count", {"vectorizer__binary": True}),
    Case("judging", "articles", 2_500, _SVC, "hashing"),
    Case("judging", "articles", 1_500, _SVD, "tfidf", {"n_components": 20, "vectorizer__max_df": 0.5}),
    Case("judging", "articles", 2_500, _RIDGE, "tfidf", {"solver": "sparse_cg", "max_iter": 20}),
]  # fmt: skip


def texts_of(case: Case) -> list[str]:
    """The texts, the same each time."""
    kind, dice = KINDS[case.kind], np.random.default_rng(case.rows)
    shares = (np.arange(1, kind.vocabulary + 1) + 2.7) ** -kind.steepness
    sums = np.cumsum(shares) / shares.sum()
    lengths = np.maximum(dice.lognormal(np.log(kind.words), 0.5, case.rows).astype(int), 1)
    found, number = [], 0
    for length in lengths.tolist():
        words = [_word(rank) for rank in np.searchsorted(sums, dice.random(length)).tolist()]
        for _ in range(kind.own):
            number += 1
            words.append(f"id{number}x")
        found.append(" ".join(words))
    return found


_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


def _word(rank: int) -> str:
    """A word of its own for every rank; frequent ones are short."""
    rank += len(_SYLLABLES)
    found = ""
    while rank:
        rank, rest = divmod(rank, len(_SYLLABLES))
        found += _SYLLABLES[rest]
    return found


def target_of(case: Case) -> list[int]:
    """Labels of three classes."""
    dice = np.random.default_rng(1)
    return np.asarray(dice.integers(0, 3, case.rows)).tolist()


def fitted(case: Case) -> dict[str, Any]:
    """The fit in this process: what it held after its imports, and its peak."""
    job = TextFit(case.target, dict(case.params), "", case.vectorizer)
    estimator = job.make()
    held = sizes()["VmRSS"]
    texts, wanted = texts_of(case), np.array(target_of(case))
    return fresh_fit.fit(job, (estimator, texts, wanted if kind_of(estimator) else None), held)


def predicted(case: Case) -> dict[str, Any]:
    """What memfit says of the file and the class."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["text", "label"])
            lines.writerows(zip(texts_of(case), target_of(case), strict=True))
        estimate = api.estimate(case.target, data=path, text="text", label="label", vectorizer=case.vectorizer,
                                params=case.params, probe_budget_s=BUDGET_S)  # fmt: skip
    return {**fresh_fit.figures(estimate), "seconds": estimate.cost["seconds"],
            "probes": next(each.text for each in estimate.assumptions if each.slug == "extrapolated-from-probes"),
            }  # fmt: skip


def main() -> None:
    """Measure and predict what is not there yet; or fit one case, in this process."""
    if sys.argv[1:2] == ["fit"]:
        print(json.dumps(fitted(CASES[int(sys.argv[2])])))
        return
    fresh_fit.fill(
        __doc__, DATA, CASES,
        lambda number: fresh_fit.in_a_fresh_process("benchmarks.tabular.texts", str(number)),
        lambda number, _: predicted(CASES[number]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
