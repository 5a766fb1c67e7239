"""An estimator by name and the shape of its data: probed, and told as an estimate document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.environments import TABULAR
from tests.unit.jobs.estimators import Copying

import memfit
from memfit.api.by_shape import shape_of
from memfit.cli.estimator import shape
from memfit.documents import codec
from memfit.errors import MemfitError, UsageError
from memfit.frameworks.lightgbm import scaling as lightgbm
from memfit.frameworks.sklearn import scaling as sklearn
from memfit.frameworks.xgboost import scaling as xgboost
from memfit.jobs.tabular import TabularRequest, scaling_of
from memfit.probing.scaling import Scaling
from memfit.quantities import GIB, MIB, Verdict, format_bytes

COPYING = "tests.unit.jobs.estimators:copying"
linux = pytest.mark.skipif(sys.platform != "linux", reason="high-water marks are Linux's")


@linux
def test_an_estimator_by_name_is_probed_and_told_as_a_document() -> None:
    """Data, what the fit takes meanwhile, what it keeps: each is its own part, and the document round-trips."""
    estimate = memfit.estimate(COPYING, rows=2_000_000, columns=20, probe_budget_s=20)

    pool = estimate.pool("host")
    parts = pool.breakdown_bytes
    assert parts["dataset"] == 2_000_000 * 21 * 8
    assert parts["temporaries"] == pytest.approx(2_000_000 * 160, rel=0.05)
    assert parts["parameters"] == pytest.approx(2_000_000 * 8, rel=0.3)
    assert {item.slug for item in estimate.assumptions} >= {"synthetic-data", "extrapolated-from-probes"}
    assert codec.from_json(codec.to_json(estimate)) == estimate


@linux
def test_the_size_of_the_fitted_model_is_told() -> None:
    """Copying keeps 200 bytes a row, which pickle writes as they are."""
    estimate = memfit.estimate(Copying(keep=200), rows=1_000_000, columns=4, probe_budget_s=10)

    told = next(each.text for each in estimate.assumptions if each.slug == "model-size")
    assert f"about {format_bytes(200_000_000)} on disk" in told


@linux
def test_probes_have_the_parameters_that_its_framework_wants_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CatBoost's quietness: set for the probes, no part of what is told of the job."""
    monkeypatch.setattr("memfit.jobs.tabular.scaling_of", lambda request: Scaling(probe_params={"parts": 5}))

    estimate = memfit.estimate(COPYING, rows=1_000_000, columns=4, probe_budget_s=20)

    assert estimate.pool("host").breakdown_bytes["parameters"] == pytest.approx(40e6, rel=0.3)
    assert "parts" not in " ".join(map(str, estimate.target["arguments"]))


@linux
def test_an_estimator_itself_is_probed_with_its_parameters() -> None:
    """An object is as good as a name, its own parameters hold, and it is left as it was."""
    mine = Copying(keep=200)

    estimate = memfit.estimate(mine, rows=1_000_000, columns=10, probe_budget_s=20)

    assert estimate.pool("host").breakdown_bytes["parameters"] == pytest.approx(200e6, rel=0.05)
    assert vars(mine) == {"keep": 200, "parts": 1}


@linux
def test_the_verdict_is_against_the_memory_in_question() -> None:
    """A fit larger than the host does not fit, and the exit code says so."""
    estimate = memfit.estimate(COPYING, rows=100_000_000, columns=20, probe_budget_s=10, host_memory_bytes=8 * GIB)

    assert estimate.verdict is Verdict.DOES_NOT_FIT


def test_words_behind_an_estimator_are_its_shape() -> None:
    """Numbers as people write them; values of --set as Python reads them."""
    found = shape("sklearn.svm.SVC", ["--rows", "20M", "--cols=60", "--set", "C=2.5", "--set", "kernel=rbf"])

    assert (found["rows"], found["columns"]) == (20_000_000, 60)
    assert found["params"] == {"C": 2.5, "kernel": "rbf"}


@pytest.mark.parametrize(
    "words", [[], ["--rows", "20M"], ["--rows", "many", "--cols", "3"], ["--rows", "2", "--colls"]]
)
def test_a_shape_that_is_not_told_is_wrong_usage(words: list[str]) -> None:
    """Rows and columns are needed, and are numbers."""
    with pytest.raises(UsageError):
        shape("sklearn.svm.SVC", words)


@linux
def test_an_estimator_that_is_not_there_says_so() -> None:
    """A class that cannot be imported ends in a sentence, not in a traceback."""
    with pytest.raises(MemfitError, match="nowhere") as caught:
        memfit.estimate("nowhere_at_all:thing", rows=1_000, columns=10)

    assert caught.value.slug == "cannot-probe"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("xgboost", {"device": "cuda"}),
        ("xgboost.XGBClassifier", {"tree_method": "gpu_hist"}),
        ("lightgbm", {"device_type": "gpu"}),
        ("catboost", {"task_type": "GPU"}),
    ],
)
def test_a_fit_on_a_gpu_wants_a_gpu_to_be_named(
    name: str, params: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the setting, and what would be estimated without it."""
    monkeypatch.setattr("memfit.jobs.fits_on_devices.devices_here", lambda: None)

    with pytest.raises(UsageError, match="=".join(*params.items())) as caught:
        memfit.estimate(name, rows=20_000_000, columns=100, params=params)

    assert caught.value.slug == "fit-on-device"


def test_the_parameters_of_an_estimator_itself_decide_how_it_grows() -> None:
    """A forest of 10 trees is no forest of 100 of which probes grew a tenth; None is a parameter's default."""
    forest = type(
        "RandomForestRegressor",
        (),
        {"__module__": "sklearn.ensemble", "get_params": lambda self, deep: {"n_estimators": 10, "max_depth": None}},
    )()
    boosted = type(
        "XGBRegressor", (), {"__module__": "xgboost.sklearn", "get_params": lambda self, deep: {"n_estimators": None}}
    )()

    def repeats(given: Any) -> Any:
        return scaling_of(TabularRequest(target="", rows=1_000, columns=4, given=given)).repeats

    assert repeats(forest) is None
    assert repeats(boosted).wanted == 100


def test_a_classifiers_forest_that_grows_whole_is_known_by_its_defaults() -> None:
    """Its defaults bound nothing, whether they are told or not."""
    told = {"max_depth": None, "max_leaf_nodes": None, "min_samples_leaf": 1}

    assert sklearn.scaling_of("RandomForestClassifier", told, 10).values_share > 0
    assert sklearn.scaling_of("RandomForestClassifier", {**told, "max_depth": 4}, 10).values_share == 0
    assert sklearn.scaling_of("PCA", {"svd_solver": "auto"}, 2_000).switches


def test_frameworks_know_what_grows_otherwise() -> None:
    """Quadratic estimators with and without a cap, switches of algorithm, rounds that need not be run."""
    assert sklearn.scaling_of("SVC", {"cache_size": 100}, 10).caps_bytes == {"n2": 100 * MIB}
    assert sklearn.scaling_of("KernelRidge", {}, 10).terms == ("n", "n2")
    assert sklearn.scaling_of("Ridge", {}, 10).terms == ("n",)
    assert sklearn.scaling_of("RandomForestClassifier", {"n_estimators": 300}, 10).repeats.kept
    assert sklearn.scaling_of("RandomForestClassifier", {"n_estimators": 3}, 10).repeats is None
    assert not xgboost.scaling_of("XGBClassifier", {}, 10).repeats.kept
    assert lightgbm.scaling_of("LGBMClassifier", {"subsample_for_bin": 5_000}, 10).sample.rows == 5_000


@linux
@pytest.mark.slow
@pytest.mark.skipif(not TABULAR.exists(), reason="no .venv-tabular: `make tabular`")
@pytest.mark.parametrize("name", ["sklearn.linear_model.Ridge", "xgboost.XGBRegressor", "lightgbm.LGBMRegressor"])
def test_the_frameworks_own_estimators_in_another_interpreter(name: str) -> None:
    """The command line, with an interpreter that has the framework and no memfit."""
    words = [name, "--rows", "300k", "--cols", "20", "--probe-budget", "30"]

    told = subprocess.run(
        [sys.executable, "-m", "memfit", "estimate", "--python", str(TABULAR), "--quiet", *words],
        capture_output=True,
        text=True,
    )

    assert told.returncode == 0, told.stderr
    assert "host: expect" in told.stdout


@linux
def test_a_data_file_gives_the_shape(tmp_path: Path) -> None:
    """Rows and columns come from the file, the column to predict is none of the data, and the document says so."""
    file = tmp_path / "sales.csv"
    file.write_text("a,b,price\n" + "1.5,2.5,3.5\n" * 200_000, encoding="utf-8")

    estimate = memfit.estimate(COPYING, data=file, label="price", probe_budget_s=10)

    assert estimate.pool("host").breakdown_bytes["dataset"] == pytest.approx(200_000 * 3 * 8, rel=0.01)
    assert any(item.slug == "shape-from-file" for item in estimate.assumptions)


@linux
def test_probes_are_made_like_the_files_columns(tmp_path: Path) -> None:
    """What the estimator is given has the file's zeros, gaps and labels; the document says what it rests on."""
    file = tmp_path / "sales.csv"
    rows = "".join(f"{at % 3},{'' if at % 2 else 2.5},{int(at % 10 == 0)}\n" for at in range(30_000))
    file.write_text("code,gappy,sold\n" + rows, encoding="utf-8")

    like, target, classes = (getattr(shape_of(str(file), "sold"), name) for name in ("like", "target_like", "classes"))
    estimate = memfit.estimate(COPYING, data=file, label="sold", probe_budget_s=10)

    assert [column.whole for column in like] == [True, False]
    assert (like[0].distinct, like[1].missing) == (3, pytest.approx(0.5, abs=0.02))
    assert (classes, target.commonest) == (2, pytest.approx(0.9, abs=0.02))
    told = next(item.text for item in estimate.assumptions if item.slug == "synthetic-data")
    assert "like the file's" in told


def test_missing_cells_can_be_told_without_a_file() -> None:
    """As a share or in percent; what is no share is wrong usage."""
    assert shape("xgboost", ["--rows", "10k", "--cols", "5", "--missing", "10%"])["missing"] == 0.1
    with pytest.raises(UsageError):
        shape("xgboost", ["--rows", "10k", "--cols", "5", "--missing", "1.5"])


def test_a_column_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """The message names the columns that are."""
    file = tmp_path / "sales.csv"
    file.write_text("a,b,price\n" + "1.5,2.5,3.5\n" * 10, encoding="utf-8")

    with pytest.raises(UsageError, match="no column") as caught:
        memfit.estimate("xgboost", data=file, label="cost")

    assert "price" in caught.value.hint
