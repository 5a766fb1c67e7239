"""What fits of boosted trees hold on a GPU, by the arrays that their libraries' sources allocate."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.tabular.devices import readings

from memfit.frameworks.catboost import devices as catboost
from memfit.frameworks.lightgbm import devices as lightgbm
from memfit.frameworks.xgboost import devices as xgboost
from memfit.probing.on_devices import DeviceFit, Moment, fullest
from memfit.probing.scaling import ColumnsAlike
from memfit.quantities import GIB, MIB

ROWS, COLUMNS = 1_000_000, 50


def fit(**changed: Any) -> DeviceFit:
    """A dense table of a million rows; with changes."""
    known: dict[str, Any] = {
        "rows": ROWS,
        "alike": (ColumnsAlike(COLUMNS, 1.0),),
        "longest_row": (COLUMNS,) * 3,
        "params": {"device": "cuda"},
        "version": (3, 2),
        "device_bytes": 80 * GIB,
        "free_bytes": 79 * GIB,
    }
    return DeviceFit(**(known | changed))


def moment(found: tuple[Moment, ...], name: str) -> Moment:
    """The one of that name."""
    return next(each for each in found if each.name == name)


def page(changed: DeviceFit) -> int:
    """Expected bytes of the quantised data."""
    return moment(xgboost.moments(changed), "training").parts[0].size.expected


def test_a_dense_cell_is_a_byte_on_the_device() -> None:
    """256 bins are eight bits since 3.0; before, bins of all columns were counted together: 14 bits for 12,800."""
    assert page(fit()) == ROWS * COLUMNS
    assert page(fit(version=(2, 1))) == ROWS * COLUMNS * 14 // 8


def test_a_missing_value_asks_for_a_ninth_bit() -> None:
    """It is known for data with gaps, and the high end of data of which nothing is known."""
    gaps = fit(alike=(ColumnsAlike(COLUMNS, 0.9),))

    assert page(gaps) == ROWS * COLUMNS * 9 // 8
    assert moment(xgboost.moments(fit()), "training").parts[0].size.high == ROWS * COLUMNS * 9 // 8


def test_rows_of_sparse_data_are_as_long_as_the_fullest() -> None:
    """Each of its places has a number among the bins of all columns."""
    sparse = fit(alike=(ColumnsAlike(1_000, 0.01),), longest_row=(10, 40, 100))

    size = moment(xgboost.moments(sparse), "training").parts[0].size

    assert (size.low, size.expected, size.high) == tuple(ROWS * row * 18 // 8 for row in (10, 40, 100))


def test_pages_of_external_memory_are_on_the_device_two_at_a_time() -> None:
    """Since 3.0, with all of them in host memory; until 2.1 they were put together on the device."""
    paged = fit(stored_matrix=True, page_rows=ROWS // 10)
    old = fit(stored_matrix=True, page_rows=ROWS // 10, version=(2, 1))

    assert page(paged) == ROWS * COLUMNS // 5
    assert [each.size.expected for each in xgboost.host_beside(paged)] == [ROWS * COLUMNS]
    assert page(old) == page(fit(version=(2, 1)))
    assert not xgboost.host_beside(old)
    assert not xgboost.host_beside(fit(stored_matrix=True, page_rows=ROWS // 10, pages_on_host=False))


def test_a_sketch_of_pages_sorts_one_of_them() -> None:
    """Values are on the device a page at a time."""
    whole, paged = fit(stored_matrix=True), fit(stored_matrix=True, page_rows=ROWS // 10)

    taken = [moment(xgboost.moments(each), "the sketch of quantiles").parts[0].size.expected for each in (whole, paged)]

    assert taken[1] == taken[0] // 10


@pytest.mark.parametrize(
    ("depth", "nodes", "worst"),
    [(1, 1, 1), (2, 3, 4), (6, 63, 63 + 31), (3, 7, 7 + 3)],
)
def test_histograms_grow_level_by_level(depth: int, nodes: int, worst: int) -> None:
    """The old vector is there while the new one is filled."""
    assert nodes == 2**depth - 1
    assert xgboost.grown_vector(nodes, 1024, 4096, one_by_one=False) == worst


def test_histograms_stop_growing_at_the_cap() -> None:
    """A deeper tree takes no more than a capped vector and one batch beside it, and a smaller cap less."""
    deep = xgboost.grown_vector(2**20 - 1, 1024, 4096, one_by_one=False)

    assert deep == xgboost.grown_vector(2**16 - 1, 1024, 4096, one_by_one=False) <= 4 * 4096
    assert xgboost.grown_vector(2**20 - 1, 1024, 64, one_by_one=False) < deep


def test_leaf_wise_trees_double_their_vector() -> None:
    """Two nodes at a time: from 1 to 3, 6, 12, 24; the last growth to 24 has 12 beside it."""
    assert xgboost.grown_vector(13, 1024, 4096, one_by_one=True) == 36


def test_a_matrix_of_values_is_sorted_on_the_device_in_what_is_free() -> None:
    """Sixteen bytes a value, 80 % of what is free at most, until 3.2; in windows of a GiB since 3.3."""
    wide = fit(rows=100_000_000, stored_matrix=True)
    stored = 100_000_000 * COLUMNS

    small = moment(xgboost.moments(fit(stored_matrix=True)), "the sketch of quantiles")
    large = moment(xgboost.moments(wide), "the sketch of quantiles")
    newer = moment(
        xgboost.moments(fit(rows=100_000_000, stored_matrix=True, version=(3, 3))), "the sketch of quantiles"
    )

    assert small.parts[0].size.expected == ROWS * COLUMNS * 16
    assert large.parts[0].size.expected == round(0.8 * 79 * GIB) < stored * 16
    assert "80%" in large.adapts
    assert newer.parts[0].size.expected == GIB
    assert not newer.adapts


def test_a_forest_keeps_the_leaf_of_each_row_for_each_tree() -> None:
    """All of a round's trees are grown before predictions are brought up to date."""
    one, many = (fullest(xgboost.moments(fit(at_once=count))).size.expected for count in (1, 100))

    assert many - one == 99 * 4 * ROWS


def test_the_approximate_method_sketches_beside_what_training_holds() -> None:
    """In every round anew, with hessians as weights: 24 bytes a value."""
    params = {"device": "cuda", "tree_method": "approx"}
    exact = moment(xgboost.moments(fit(stored_matrix=True)), "the sketch of quantiles")

    found = moment(xgboost.moments(fit(stored_matrix=True, params=params)), "the sketch of quantiles")

    assert found.parts[0].size.expected == ROWS * COLUMNS * 24
    assert len(found.parts) > len(exact.parts)


def test_a_quantile_matrix_of_the_hosts_is_copied_not_sorted() -> None:
    """Training is its peak."""
    assert fullest(xgboost.moments(fit())).name == "training"


@pytest.mark.parametrize("library", [xgboost, lightgbm])
def test_more_rows_outputs_and_tables_never_take_less(library: Any) -> None:
    """Whatever grows in the job grows on the device."""
    params = {"device": "cuda"}
    base = fullest(library.moments(fit(params=params))).size

    for changed in ({"rows": 2 * ROWS}, {"outputs": 7}, {"evaluated": (ROWS,)}, {"weighted": True}):
        more = fullest(library.moments(fit(params=params, **changed))).size
        assert more.expected > base.expected, changed
        assert more.high > base.high, changed


def test_lightgbm_keeps_the_data_twice_with_cuda_and_once_with_opencl() -> None:
    """By rows and by columns; four columns packed in four bytes."""
    cuda = fullest(lightgbm.moments(fit(params={"device_type": "cuda"}))).parts
    opencl = fullest(lightgbm.moments(fit(params={"device_type": "gpu"}))).parts

    assert [each.size.expected for each in cuda[:2]] == [ROWS * COLUMNS] * 2
    assert opencl[0].size.expected == ROWS * 52


def test_catboost_takes_its_share_whatever_it_needs() -> None:
    """And says so."""
    [taken] = catboost.moments(fit(params={"task_type": "GPU", "gpu_ram_part": 0.5}))

    assert taken.size.expected == round(0.5 * 79 * GIB)
    assert "50%" in taken.adapts


def test_published_readings_are_within_what_is_computed() -> None:
    """Six of others: within 5 % of expected, none above high."""
    found = list(readings())

    assert len(found) == 6
    for each in found:
        assert each.computed.expected == pytest.approx(each.mib * MIB, rel=0.05), each
        assert each.mib * MIB <= each.computed.high, each
