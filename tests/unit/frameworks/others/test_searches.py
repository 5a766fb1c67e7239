"""What of a search is left for a probe, without scikit-learn."""

from __future__ import annotations

from memfit.frameworks.sklearn.searches import alone, lighten, thinned


class GridSearchCV:
    """As scikit-learn's, as far as a probe looks."""

    def __init__(self) -> None:
        self.param_grid = [{"n_estimators": [10, 500, 100], "max_depth": [2, None, 8]}, {"kernel": list("abcdef")}]
        self.n_jobs = 2

    def get_params(self, *, deep: bool) -> dict[str, object]:
        """With a part's."""
        return {"n_jobs": self.n_jobs, "estimator__n_jobs": 4}

    def set_params(self, **given: object) -> None:
        """Its own alone."""
        self.n_jobs = given["n_jobs"]  # type: ignore[assignment]


def test_the_largest_of_numbers_and_the_ends_of_others_remain() -> None:
    """What grows with a number is still tried at its largest."""
    search = GridSearchCV()

    notes = lighten(search, None, None, None)

    assert search.param_grid[0] == {"n_estimators": [10, 500], "max_depth": [2, 8]}
    assert search.param_grid[1] == {"kernel": ["a", "f"]}
    assert notes == ["probed with 6 of the search's 15 candidates, the ends of every list among them"]


def test_many_lists_leave_eight_candidates() -> None:
    """Of ten lists not two to the tenth."""
    grid = {f"p{number}": [1, 2, 3] for number in range(10)}

    left = thinned(grid)

    assert sum(len(values) == 2 for values in left.values()) == 3
    assert all(3 in values for values in left.values())


def test_alone_for_the_time_of_a_call() -> None:
    """The search has its jobs back afterwards."""
    search = GridSearchCV()

    with alone(search):
        assert search.n_jobs == 1

    assert search.n_jobs == 2
