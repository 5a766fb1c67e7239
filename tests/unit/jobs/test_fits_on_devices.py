"""Fits that are set to train on a GPU: a pool of their own for the device, beside the host's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from memfit.documents import Component, Estimate, codec
from memfit.errors import UsageError
from memfit.jobs.device_calls import keep_on_host, on_device_of, with_devices
from memfit.jobs.fits_on_devices import device_pool, estimate_fit, free_on, refuse_on_device
from memfit.jobs.hosted import host_estimate
from memfit.jobs.sparse import SparseRequest
from memfit.jobs.tabular import TabularRequest
from memfit.machines import find
from memfit.probing.calls import Given, Learner, TrainingCall
from memfit.probing.on_devices import Moment, held
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category, Verdict


class Fits(TrainingCall):
    """A call with two estimators, one of which trains on a GPU."""

    label = "Pipeline.fit"
    columns = 40

    def learners(self) -> Iterable[Learner]:
        return [Learner("sklearn", "Pipeline", {}), Learner("xgboost", "XGBClassifier", {"device": "cuda"}, "model__")]

    def given(self) -> Given:
        return Given(classes=7, evaluated=(500,))


def host(request: Any = None, **_: Any) -> Estimate:
    """A host's estimate, as probes would have found it."""
    part = Component(category=Category.DATASET, range=ByteRange.exactly(GIB), basis=Basis.MEASURED)
    return host_estimate(
        {"kind": "estimator", "name": "", "arguments": []}, [part], peak_at=host_peak(), assumptions=(), versions={},
        cost={}, host_memory_bytes=64 * GIB,
    )  # fmt: skip


def host_peak() -> Any:
    """Nowhere in particular."""
    from memfit.documents import PeakLocation

    return PeakLocation()


def test_a_fit_on_a_gpu_has_both_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's is computed; the host is probed with the least tree on the CPU, and the driver's share added."""
    asked: list[TabularRequest] = []
    monkeypatch.setattr(
        "memfit.jobs.fits_on_devices.estimate_estimator", lambda request, progress: asked.append(request) or host()
    )
    request = TabularRequest(
        target="xgboost", rows=10_000_000, columns=100, params={"device": "cuda", "max_depth": 9}, on="2xa100-80gb"
    )

    estimate = estimate_fit(request)

    assert asked[0].params == {"device": "cpu", "max_depth": 1, "n_estimators": 1}
    assert [pool.pool for pool in estimate.pools] == ["cuda:0", "host"]
    assert estimate.pool("cuda:0").breakdown_bytes["dataset"] == 10_000_000 * 100
    assert estimate.pool("host").peak_bytes.low > GIB
    assert estimate.machine.name == "a100-80gb"
    assert "device=cuda" in estimate.target["arguments"]
    assert {"device-from-source", "host-of-a-device-fit", "one-device"} <= {each.slug for each in estimate.assumptions}
    assert codec.from_json(codec.to_json(estimate)) == estimate


def test_a_larger_fit_does_not_fit_a_smaller_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is the device's too."""
    monkeypatch.setattr("memfit.jobs.fits_on_devices.estimate_estimator", lambda request, progress: host())
    request = TabularRequest(target="xgboost", rows=200_000_000, columns=100, params={"device": "cuda"}, on="t4")

    assert estimate_fit(request).verdict is Verdict.DOES_NOT_FIT


def test_rows_of_a_sparse_matrix_are_told_as_an_assumption(monkeypatch: pytest.MonkeyPatch) -> None:
    """A density says how long rows are in the mean alone."""
    monkeypatch.setattr("memfit.jobs.fits_on_devices.estimate_estimator", lambda request, progress: host())
    request = SparseRequest(
        target="xgboost", rows=1_000_000, columns=10_000, density=0.001, params={"device": "cuda"}, on="a100-80gb"
    )

    told = {each.slug: each.text for each in estimate_fit(request).assumptions}

    assert "10 to 100" in told["longest-row"]


def test_a_device_that_is_named_for_a_fit_on_the_cpu_is_said_to_be_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was asked for is left out in silence."""
    monkeypatch.setattr("memfit.jobs.fits_on_devices.estimate_estimator", lambda request, progress: host())

    estimate = estimate_fit(TabularRequest(target="xgboost", rows=10, columns=2, on="a100-80gb"))

    assert [each.slug for each in estimate.assumptions] == ["device-not-used"]


def test_a_fit_of_texts_on_a_gpu_is_refused() -> None:
    """How long rows of counts are is not known before they are counted."""
    with pytest.raises(UsageError, match="device=cuda"):
        refuse_on_device(TabularRequest(target="xgboost", rows=10, columns=1, params={"device": "cuda"}))


def test_what_adapts_to_the_device_is_no_low_end() -> None:
    """The peak is what is held there; a card with less room is told what cannot be less."""
    moments = (
        Moment("training", (held(Category.BUFFERS, 100 * MIB, ""),)),
        Moment("sorting", (held(Category.TEMPORARIES, 900 * MIB, ""),), adapts="it adapts"),
    )

    pool = device_pool(moments, find("t4"), "fit", None)

    context = pool.peak_bytes.expected - 900 * MIB
    assert context > 0
    assert pool.peak_bytes.low <= 100 * MIB + context
    assert pool.peak_at.operator == "fit: sorting"


def test_a_scripts_call_keeps_its_shape_for_the_device_and_is_made_on_the_cpu() -> None:
    """Rows in earnest, classes and tables that are evaluated; the setting that takes it to the CPU."""
    call = Fits()

    keep_on_host(call)
    found = on_device_of(call, rows=9_000)

    assert call.on_host == {"device": "cpu"}
    assert found is not None
    assert (found.framework, found.setting) == ("xgboost", "device=cuda")
    assert (found.fit.rows, found.fit.columns, found.fit.outputs, found.fit.evaluated) == (9_000, 40, 7, (500,))


def test_the_fit_that_holds_the_most_of_the_device_is_told() -> None:
    """With the device's memory as the sketch finds it."""
    small = on_device_of(Fits(), rows=9_000)
    assert small is not None
    large = replace(small, fit=replace(small.fit, rows=50_000_000))

    estimate = with_devices(host(), (("a.fit", "t.py:1", small), ("b.fit", "t.py:2", large)), "a100-80gb")

    pool = estimate.pool("cuda:0")
    assert pool.peak_at.where == "t.py:2"
    assert pool.capacity_bytes is not None
    assert free_on(find("a100-80gb")) < pool.capacity_bytes


def test_a_script_that_trains_on_a_gpu_is_told_what_its_figure_is_not() -> None:
    """Where no device is named."""
    found = on_device_of(Fits(), rows=9_000)
    assert found is not None

    [note] = with_devices(host(), (("Pipeline.fit", None, found),), None).assumptions

    assert note.text.startswith("Pipeline.fit has device=cuda")
