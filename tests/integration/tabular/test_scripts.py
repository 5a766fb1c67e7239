"""Unmodified scripts that fit estimators: run to their fits, probed there on their own data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.environments import TABULAR as PYTHON

import memfit
from memfit.documents import Estimate
from memfit.errors import JobFailed, JobNeverTrained, UsageError
from memfit.quantities import MIB

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists() or sys.platform != "linux", reason="no .venv-tabular: `make tabular`"),
]
DATA = """
import numpy as np
random = np.random.default_rng(0)
X = random.standard_normal((200_000, 20))
y = X[:, 0] + random.standard_normal(len(X))
"""


def estimated(folder: Path, text: str) -> Estimate:
    script = folder / "train.py"
    script.write_text(text, encoding="utf-8")
    return memfit.estimate(str(script), python=str(PYTHON), probe_budget_s=30, timeout_s=200)


def test_a_scripts_fit_is_probed_and_measured_against_it(tmp_path: Path) -> None:
    """The peak that the script really has lies within the range, and the place of the fit is named."""
    fit = DATA + "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(X, y)\n"
    tell = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"

    estimate = estimated(tmp_path, fit)

    told = subprocess.run([PYTHON, "-c", fit + tell], capture_output=True, text=True, check=True)
    pool = estimate.pool("host")
    assert pool.peak_bytes.low <= int(told.stdout) * 1024 <= pool.peak_bytes.high
    assert (pool.peak_at.operator, pool.peak_at.where) == ("LinearRegression.fit", "train.py:7")
    assert pool.breakdown_bytes["dataset"] == 200_000 * 21 * 8


def test_a_script_goes_on_to_a_later_and_larger_fit(tmp_path: Path) -> None:
    """Fits of several estimators, scalers before them and scores after them: the largest one is told."""
    estimate = estimated(
        tmp_path,
        DATA
        + "from sklearn.linear_model import Ridge, SGDRegressor\n"
        + "from sklearn.preprocessing import StandardScaler\n"
        + "from sklearn.pipeline import make_pipeline\n"
        + "first = SGDRegressor(max_iter=5, tol=None).fit(X[:30_000], y[:30_000])\nprint(first.score(X, y))\n"
        + "second = make_pipeline(StandardScaler(), Ridge()).fit(X, y)\nprint(second.predict(X[:5]))\n",
    )

    assert estimate.pool("host").peak_at.operator == "Pipeline.fit"
    assert any("2 different fits" in item.text for item in estimate.assumptions if item.slug == "fit-not-made")


def test_boosting_libraries_are_seen_through_their_estimators(tmp_path: Path) -> None:
    """LightGBM's and XGBoost's classes are scikit-learn's: nothing more is needed."""
    estimate = estimated(tmp_path, DATA + "from xgboost import XGBRegressor\nXGBRegressor(n_estimators=20).fit(X, y)\n")

    assert estimate.pool("host").peak_at.operator == "XGBRegressor.fit"


def test_a_sparse_tables_sample_has_what_is_stored(tmp_path: Path) -> None:
    """LightGBM collects values for its bins: a cell for every row and column would be gigabytes."""
    estimate = estimated(
        tmp_path,
        "import numpy as np\nimport scipy.sparse\nfrom lightgbm import LGBMRegressor\n"
        "random = np.random.default_rng(0)\nrows, columns, filled = 200_000, 800, 12\n"
        "where = random.integers(0, columns, rows * filled), np.arange(0, rows * filled + 1, filled)\n"
        "X = scipy.sparse.csr_matrix((np.ones(rows * filled), *where), shape=(rows, columns))\n"
        "X.sum_duplicates()\n"
        "LGBMRegressor(n_estimators=30, verbose=-1).fit(X, random.standard_normal(rows))\n",
    )

    pool = estimate.pool("host")
    assert pool.peak_at.operator == "LGBMRegressor.fit"
    assert pool.peak_bytes.high < 400 * MIB


def test_a_script_that_fits_nothing_says_so(tmp_path: Path) -> None:
    """Imports alone are no job."""
    with pytest.raises(JobNeverTrained):
        estimated(tmp_path, "import sklearn\n")


def test_a_script_that_fails_before_its_fit_says_where(tmp_path: Path) -> None:
    """Its own error, with its line."""
    with pytest.raises(JobFailed, match=r"no such column' \(train.py:2\)"):
        estimated(tmp_path, "import sklearn.svm\nraise KeyError('no such column')\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xgboost.train", "import xgboost as xgb\nd = xgb.DMatrix(X, y)\nb = xgb.train({'max_depth': 4}, d, 20)\n"),
        ("lightgbm.train", "import lightgbm as lgb\nd = lgb.Dataset(X, y)\nb = lgb.train({}, d, 20)\n"),
    ],
)
def test_native_training_is_seen(tmp_path: Path, name: str, text: str) -> None:
    """The libraries' own train(), with their own matrices, and the script goes on with what it gives."""
    rest = "print(b.predict(d if 'xgb' in dir() else X)[:3])\n"

    estimate = estimated(tmp_path, DATA + text + rest)

    assert estimate.pool("host").peak_at.operator == name
    assert not [item for item in estimate.assumptions if item.slug in ("script-failed-later", "first-fits-only")]


def test_a_matrix_of_quantiles_is_trained_whole_with_few_rounds(tmp_path: Path) -> None:
    """It cannot be cut down; what building it took is the script's own high-water mark."""
    text = "import xgboost as xgb\nd = xgb.QuantileDMatrix(X, y)\nb = xgb.train({}, d, 20)\nprint(b.predict(d)[:3])\n"

    estimate = estimated(tmp_path, DATA + text)

    told = [item.text for item in estimate.assumptions]
    assert any("xgboost.train (200,000 × 20) was probed on up to 200,000" in text for text in told)
    assert any("probed with 5 rounds instead of 20" in text for text in told)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xgboost.cv", "import xgboost as xgb\nxgb.cv({}, xgb.DMatrix(X, y), 20, nfold=3)\n"),
        ("lightgbm.cv", "import lightgbm as lgb\nlgb.cv({}, lgb.Dataset(X, y), 20, nfold=3, stratified=False)\n"),
    ],
)
def test_native_cross_validation_is_seen(tmp_path: Path, name: str, text: str) -> None:
    """Every fold has its own matrix, all of them at a time: more than the table once more."""
    estimate = estimated(tmp_path, DATA + text)

    pool = estimate.pool("host")
    assert pool.peak_at.operator == name
    assert pool.breakdown_bytes["temporaries"] + pool.breakdown_bytes["parameters"] > 200_000 * 20 * 3


def test_a_search_in_processes_counts_them(tmp_path: Path) -> None:
    """Two workers of joblib hold their imports and their folds; cross_val_score gives the script its scores."""
    estimate = estimated(
        tmp_path,
        DATA.replace("200_000", "20_000")
        + "from sklearn.linear_model import Ridge\nfrom sklearn.model_selection import GridSearchCV, cross_val_score\n"
        + "print(cross_val_score(Ridge(), X, y, cv=5).mean())\n"
        + "GridSearchCV(Ridge(), {'alpha': list(range(1, 40))}, n_jobs=2).fit(X, y)\n",
    )

    pool = estimate.pool("host")
    assert pool.peak_at.operator == "GridSearchCV.fit"
    assert pool.breakdown_bytes["temporaries"] > 2 * 50 * MIB
    assert any("of the search's 39 candidates" in item.text for item in estimate.assumptions)
    assert any("2 different fits" in item.text for item in estimate.assumptions)


def test_tables_that_the_script_keeps_are_named_with_their_line(tmp_path: Path) -> None:
    """A scaled copy is what the fit is given; the table that it was made of is still held, a view of it is not."""
    estimate = estimated(
        tmp_path,
        DATA + "view = X[:100_000]\nscaled = X * 2\nfrom sklearn.linear_model import Ridge\nRidge().fit(scaled, y)\n",
    )

    (named,) = [item for item in estimate.assumptions if item.slug == "data-held-besides"]
    assert "X 31 MiB (train.py:4)" in named.text
    assert "view" not in named.text
    assert named.effect_bytes == 200_000 * 20 * 8
    assert estimate.pool("host").breakdown_bytes["inputs"] == 200_000 * 20 * 8


def test_a_fit_that_no_small_part_can_do_is_made_as_it_is(tmp_path: Path) -> None:
    """An estimator of the script's own that fails in a probe does not end the estimate."""
    estimate = estimated(
        tmp_path,
        DATA
        + "from sklearn.base import BaseEstimator\nfrom sklearn.linear_model import Ridge\n"
        + "import os\nme = os.getpid()\n"
        + "class Picky(Ridge):\n    def fit(self, X, y):\n        assert os.getpid() == me\n"
        + "        return super().fit(X, y)\n"
        + "Picky().fit(X[:5000], y[:5000])\nRidge().fit(X, y)\n",
    )

    assert estimate.pool("host").peak_at.operator == "Ridge.fit"


@pytest.mark.parametrize(
    "text",
    [
        "import xgboost\nxgboost.train({'device': 'cuda'}, xgboost.DMatrix(X, y), 20)\n",
        "import xgboost\nxgboost.XGBRegressor(device='cuda').fit(X, y, eval_set=[(X[:9], y[:9])], verbose=0)\n",
        "from lightgbm import LGBMRegressor\nLGBMRegressor(device_type='cuda', verbose=-1).fit(X, y).predict(X)\n",
    ],
)
def test_a_fit_on_a_gpu_that_is_not_there_has_the_devices_pool(tmp_path: Path, text: str) -> None:
    """Made on the CPU for the host's figure, also by builds that refuse a GPU."""
    script = tmp_path / "train.py"
    script.write_text(DATA + text, encoding="utf-8")

    estimate = memfit.estimate(str(script), on="a100-40gb", python=str(PYTHON), probe_budget_s=30, timeout_s=200)

    pool = estimate.pool("cuda:0")
    assert pool.peak_at.where == "train.py:7"
    assert "workspaces" in pool.breakdown_bytes or "temporaries" in pool.breakdown_bytes
    assert estimate.pool("host").peak_bytes.expected > 0


BATCHES = """
import numpy as np, xgboost
class Batches(xgboost.DataIter):
    def __init__(self, numbers, **settings):
        self.numbers, self.at = numbers, 0
        super().__init__(**settings)
    def reset(self):
        self.at = 0
    def next(self, input_data):
        if self.at == len(self.numbers):
            return False
        X = np.random.default_rng(self.numbers[self.at]).normal(size=(20_000, 15)).astype('float32')
        input_data(data=X, label=X[:, 0])
        self.at += 1
        return True
"""


@pytest.mark.parametrize(
    "text",
    [
        "d = xgboost.QuantileDMatrix(Batches(range(16)))\n",
        "d = xgboost.ExtMemQuantileDMatrix(Batches(range(16), cache_prefix='cache'))\n",
        "d = xgboost.DMatrix(Batches(range(16)))\n",
    ],
)
def test_a_matrix_of_an_iterator_is_made_of_some_of_its_batches(tmp_path: Path, text: str) -> None:
    """The process's real peak is within the range; nothing of the caches is left where the script has its own."""
    more = "e = xgboost.QuantileDMatrix(Batches(range(16, 20)), ref=d)\n" if "(Quantile" in text else "e = d\n"
    train = "b = xgboost.train({'max_depth': 4}, d, 20, evals=[(e, 'more')])\nprint(b.predict(e)[:3])\n"
    tell = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    script = BATCHES + text + more + train
    told = subprocess.run([PYTHON, "-c", script + tell], cwd=tmp_path, capture_output=True, text=True, check=True)
    left = sorted(each.name for each in tmp_path.iterdir())

    estimate = estimated(tmp_path, script)

    pool = estimate.pool("host")
    assert pool.peak_at.operator == "xgboost.train"
    assert pool.peak_bytes.low <= int(told.stdout.split()[-1]) * 1024 <= pool.peak_bytes.high
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*left, "train.py"])
    assert any("16 of them" in item.text for item in estimate.assumptions if item.slug == "probe-note")


def test_batches_in_external_memory_go_to_a_gpu_page_by_page(tmp_path: Path) -> None:
    """Two of 16 pages are there at a time, and all of them in pinned memory of the host."""
    text = "xgboost.train({'device': 'cuda'}, xgboost.DMatrix(Batches(range(16), cache_prefix='cache')), 20)\n"
    script = tmp_path / "train.py"
    script.write_text(BATCHES + text, encoding="utf-8")

    estimate = memfit.estimate(str(script), on="a100-40gb", python=str(PYTHON), probe_budget_s=30, timeout_s=200)

    assert estimate.pool("cuda:0").breakdown_bytes["dataset"] == 2 * 20_000 * 15
    assert any("pinned" in part.source for part in estimate.pool("host").components)


def test_a_matrix_that_only_a_gpu_can_make_is_refused(tmp_path: Path) -> None:
    """XGBoost takes the batches of such a matrix from the GPU alone."""
    text = "xgboost.train({'device': 'cuda'}, xgboost.ExtMemQuantileDMatrix(Batches(range(4), cache_prefix='c')), 20)\n"

    with pytest.raises(UsageError, match="wants its batches on the GPU"):
        estimated(tmp_path, BATCHES + text)


def test_lightgbm_is_probed_again_after_its_answers_in_the_scripts_process(tmp_path: Path) -> None:
    """Answers with threads of their own would leave forks of the process waiting for them."""
    estimate = estimated(
        tmp_path,
        DATA
        + "import lightgbm\nfirst = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(X, y)\nfirst.predict(X)\n"
        + "lightgbm.train({'verbose': -1, 'num_leaves': 63}, lightgbm.Dataset(X, y), 5)\n",
    )

    assert any("2 different fits" in item.text for item in estimate.assumptions if item.slug == "fit-not-made")
