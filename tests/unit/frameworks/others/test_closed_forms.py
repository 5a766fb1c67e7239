"""Formulas of fits: their properties, and real fits where scikit-learn is at hand."""

from __future__ import annotations

import pytest
from tests.environments import interpreter_with

import memfit
from memfit.errors import UsageError
from memfit.frameworks.sklearn.closed_forms import FORMS, closed_form
from memfit.probing.closed_forms import FitShape

SKLEARN = interpreter_with("sklearn")


def total(name: str, rows: int, columns: int, **params: object) -> int:
    parts = closed_form(name, FitShape(rows=rows, columns=columns, item_bytes=8, params=params))
    assert parts is not None
    return parts.model_bytes + parts.meanwhile_bytes


@pytest.mark.parametrize("name", sorted(FORMS))
def test_more_rows_or_columns_never_take_less(name: str) -> None:
    """Twice the rows, twice the columns."""
    assert total(name, 20_000, 12) >= total(name, 10_000, 12)
    assert total(name, 20_000, 12) >= total(name, 20_000, 6)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_each_says_where_it_is_read_from(name: str) -> None:
    """A file of scikit-learn."""
    assert ".py" in (FORMS[name].__doc__ or "") or "/" in (FORMS[name].__doc__ or "")


def test_parameters_bound_trees_and_caches() -> None:
    """A depth bounds the nodes; a cache is as large as it is asked to be; another solver has no formula."""
    assert total("RandomForestRegressor", 100_000, 10, max_depth=6) < total("RandomForestRegressor", 100_000, 10) / 5
    assert total("SVC", 50_000, 10, cache_size=1000) - total("SVC", 50_000, 10) == 800 << 20
    assert (
        closed_form("LogisticRegression", FitShape(rows=9, columns=9, item_bytes=8, params={"solver": "saga"})) is None
    )


def test_a_class_without_a_formula_is_refused_with_those_that_have_one() -> None:
    """Nothing is run: not even an import."""
    with pytest.raises(UsageError, match="no formula for") as caught:
        memfit.estimate("sklearn.cluster.DBSCAN", rows=1_000, columns=4, probe=False)

    assert caught.value.slug == "no-formula"
    assert "KMeans" in (caught.value.hint or "")


@pytest.mark.slow
@pytest.mark.skipif(SKLEARN is None, reason="make tabular")
@pytest.mark.parametrize("name", ["linear_model.LinearRegression", "preprocessing.StandardScaler"])
def test_a_formula_and_probes_agree(name: str) -> None:
    """The same document but for its basis; the figures within a tenth."""
    by_formula, probed = (
        memfit.estimate(f"sklearn.{name}", rows=600_000, columns=20, python=str(SKLEARN), probe=probe)
        for probe in (False, True)
    )

    assert {each.slug for each in by_formula.assumptions} == {"by-formula", "data-as-one-array"}
    expected = probed.pool("host").peak_bytes.expected
    assert by_formula.pool("host").peak_bytes.expected == pytest.approx(expected, rel=0.1)
    assert by_formula.target == probed.target
