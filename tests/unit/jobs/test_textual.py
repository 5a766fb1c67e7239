"""An estimator on the texts of a file: probed on a sample of them, its vocabulary by Heaps' law."""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import pytest

import memfit
from memfit.cli.estimator import shape
from memfit.datasets.values import object_bytes
from memfit.errors import UsageError

WORDS = "tests.unit.jobs.estimators:words"
linux = pytest.mark.skipif(sys.platform != "linux", reason="high-water marks are Linux's")


def written(path: Path, rows: int) -> Path:
    """Texts of 20 words, of which the r-th of 100,000 comes about as often as 1 / r; one cell is empty."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "body", "kind"])
        lines.writerow([0, "", "good"])
        for at in range(1, rows):
            text = " ".join(f"w{int(100_000 ** dice.random())}" for _ in range(20))
            lines.writerow([at, text, "good" if at % 3 else "bad"])
    return path


def different_of(path: Path, rows: int) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return len(
            {word for row, _ in zip(csv.DictReader(file), range(rows), strict=False) for word in row["body"].split()}
        )


@linux
def test_texts_of_a_file_are_what_probes_learn_from(tmp_path: Path) -> None:
    """The fit holds 4 KiB a different word: far from a line in the texts, and the true peak is within the range."""
    path = written(tmp_path / "texts.csv", 30_000)

    estimate = memfit.estimate(WORDS, data=path, text="body", label="kind", probe_budget_s=60)

    learnt = different_of(path, 30_000) * 512 * 8
    pool = estimate.pool("host")
    linear = different_of(path, 7_500) * 512 * 8 * 4
    assert learnt * 0.9 < pool.breakdown_bytes["parameters"] < (learnt + linear) / 2
    told = {each.slug: each.text for each in estimate.assumptions}
    assert "Heaps' law" in told["probe-note"]
    assert "'body'" in told["synthetic-data"]
    assert "as a list of strings" in told["data-as-one-array"]
    assert "--text body" in " ".join(map(str, estimate.target["arguments"]))


@linux
def test_a_folder_of_text_files_is_texts_too(tmp_path: Path) -> None:
    """Each file is one; what they come to as strings is the data."""
    dice = random.Random(1)
    for at in range(3_000):
        text = " ".join(f"w{int(20_000 ** dice.random())}" for _ in range(30))
        (tmp_path / f"{at}.txt").write_text(text, encoding="utf-8")

    estimate = memfit.estimate(WORDS, data=tmp_path, text="text", probe_budget_s=60)

    size = sum(object_bytes(file.read_text(encoding="utf-8")) + 16 for file in tmp_path.iterdir())
    assert estimate.pool("host").breakdown_bytes["dataset"] == pytest.approx(size, rel=0.001)


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """The hint names the file's columns."""
    path = written(tmp_path / "texts.csv", 50)

    with pytest.raises(UsageError) as caught:
        memfit.estimate(WORDS, data=path, text="bodies", label="kind")

    assert "'body'" in str(caught.value.hint)


def test_texts_need_a_file() -> None:
    """--text names a column: without a file there is none."""
    with pytest.raises(UsageError) as caught:
        memfit.estimate("sklearn.svm.LinearSVC", rows=100, columns=2, text="body")

    assert caught.value.slug == "no-texts"


def test_words_name_the_column_and_the_vectorizer() -> None:
    """As they stand on the command line."""
    found = shape("sklearn.svm.LinearSVC", ["--data", "a.csv", "--text", "body", "--vectorizer", "count"])

    assert (found["text"], found["vectorizer"]) == ("body", "count")
