"""Fits of boosted trees on a GPU: the device's pool, computed from the library's source, and the host's, probed.

The host is probed with the same fit on the CPU and the least tree: what makes the matrix there is the same code. What
the device holds was read from the sources of XGBoost and LightGBM (their ``devices`` modules), not measured on a card.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from memfit.documents import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.errors import UsageError
from memfit.estimating.host_pool import CUDA_HOST_SIDE, CUDA_HOST_SOURCE
from memfit.jobs.launch import Progress
from memfit.jobs.machine import devices_here
from memfit.jobs.sparse import SparseRequest
from memfit.jobs.tabular import TabularRequest, estimate_estimator, framework_of, parameters_of, words
from memfit.machines import Device, details, device_overhead, parse_request
from memfit.probing.on_devices import DeviceFit, Held, Moment, fullest, version_of
from memfit.probing.scaling import ColumnsAlike
from memfit.quantities import Basis, ByteRange, Category, format_bytes
from memfit.registry import devices, scaling
from memfit.sensors import frameworks_found

_PACKAGES = {"xgboost": ("xgboost", "xgboost-cpu"), "lightgbm": ("lightgbm",), "catboost": ("catboost",)}
_ASK = """import sys
from importlib import metadata
for name in sys.argv[1:]:
    try:
        print(metadata.version(name))
        break
    except metadata.PackageNotFoundError:
        pass
"""
_ASK_S = 10
# The fullest row of random columns, five deviations above the mean; of real ones, where few rows have many values, and
# of a sample of them: assumed.
_DEVIATIONS, _MOST_TIMES, _SEEN_TIMES, _SEEN_MOST = 5, 10, 1.25, 3
_OF_THE_LEAST_TREE = ("model-size",)  # what is said of a fit that is not the one that was probed


def estimate_fit(request: TabularRequest, *, progress: Callable[[Progress], None] | None = None) -> Estimate:
    """The estimate of a fit: by probing, and of one on a GPU its device by computing.

    Raises:
        MemfitError: no device is named, the estimator cannot be loaded, or no probe succeeded.
    """
    name = framework_of(request)
    params = parameters_of(request.given) | dict(request.params)
    setting = setting_of(name, params)
    if not setting:
        estimate = with_unused(estimate_estimator(request, progress=progress), request.on)
        return replace(estimate, assumptions=(*estimate.assumptions, *_within(request.given)))
    device, count = device_named(request.on, request.name, setting)
    library = devices(name)
    kind = request.name if request.given is None else type(request.given).__name__
    version = version_here(name, request.python)
    stored = library.stored_by(kind.rpartition(".")[2], params, version)
    fit = _fit_of(request, params, device, version, stored_matrix=stored)
    changed = {**request.params, **library.on_host(params), **library.least(params)}
    host = estimate_estimator(replace(request, params=changed), progress=progress)
    beside = host_beside(library.host_beside(fit))
    told = [each for each in host.assumptions if each.slug not in _OF_THE_LEAST_TREE]
    told.append(_of_the_host(request.name))
    made = replace(
        host,
        target={**host.target, "arguments": words(request)},
        pools=(with_parts(host.pools[0], beside),),
        assumptions=tuple(told),
    )
    return on_device(made, fit, name, f"{request.name.rpartition('.')[2]}.fit", device, count)


def refuse_on_device(request: TabularRequest) -> None:
    """Say that what texts come to on a GPU is not computed: how long their rows are is known when they are counted.

    Raises:
        UsageError: the estimator is set to train on one.
    """
    setting = setting_of(framework_of(request), parameters_of(request.given) | dict(request.params))
    if setting:
        raise UsageError(
            f"{request.name} with {setting} trains on a GPU: what texts come to there is not computed",
            hint="estimate the script that makes its matrix, or give the matrix's shape with --rows, --cols, --density",
            slug="fit-on-device",
        )


def setting_of(framework: str, params: Mapping[str, Any]) -> str:
    """The setting by which an estimator of a framework trains on a GPU; "" where it does not, or none is known."""
    known = scaling(framework)
    return str(known.on_device(params)) if known is not None else ""


def device_named(on: str | None, name: str, setting: str) -> tuple[Device, int]:
    """The GPU that a fit trains on, and how many the machine has.

    Raises:
        UsageError: none is named and this machine has none, or it is no NVIDIA GPU.
    """
    found = parse_request(on or devices_here() or "cpu")
    if not found[0].is_cuda:
        raise UsageError(
            f"{name} with {setting} trains on a GPU, and "
            + (f"{found[0].name} is none of NVIDIA's" if on and on != "cpu" else "none is named"),
            hint="name one, --on a100-80gb (`memfit devices` lists them); without "
            f"{setting} the same fit on the CPU is estimated",
            slug="fit-on-device",
        )
    return found


def version_here(framework: str, python: str | None = None) -> tuple[int, int] | None:
    """Of the library, as it is installed here, or for another interpreter; None where that does not tell."""
    if python is not None:
        return version_of(_told_by(python, _PACKAGES[framework]))
    found = frameworks_found()
    return next((version_of(found[name]) for name in _PACKAGES[framework] if name in found), None)


def _told_by(python: str, packages: tuple[str, ...]) -> str:
    """The version of the first of some packages that an interpreter has, by their metadata."""
    asked = [python, "-c", _ASK, *packages]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_S, check=True).stdout.strip()
    return ""


def on_device(
    host: Estimate, fit: DeviceFit, framework: str, label: str, device: Device, count: int, where: str | None = None
) -> Estimate:
    """An estimate of the host with the device's pool before it.

    Args:
        host: what was found of the host.
        fit: what the device is given.
        framework: whose fit it is.
        label: of the call, "XGBRegressor.fit".
        device, count: the GPU, and how many the machine has; a fit uses one.
        where: the line of the script.
    """
    moments = devices(framework).moments(fit)
    at = fullest(moments)
    pool = device_pool(moments, device, label, where)
    told = [_from_source(framework, fit, device, label)]
    if at.adapts:
        rest = max((each.size.expected for each in moments if not each.adapts), default=0)
        told.append(
            Assumption(
                slug="device-memory-adapts",
                text=at.adapts + (f"; all else of the fit holds {format_bytes(rest)} at most" if rest else ""),
                effect_bytes=at.size.expected - rest if rest else None,
            )
        )
    if not fit.dense and fit.longest_row[0] < fit.columns:
        told.append(_of_rows(fit))
    if count > 1:
        told.append(
            Assumption(slug="one-device", text=f"{label} uses one device of the {count}: the figure is of that one")
        )
    if device.note:
        told.append(Assumption(slug="device-chosen", text=device.note))
    return replace(
        host,
        machine=Machine(name=device.name, details=details(device, count)),
        pools=(pool, *host.pools),
        assumptions=(*host.assumptions, *told),
    )


def device_pool(moments: tuple[Moment, ...], device: Device, label: str, where: str | None) -> PoolEstimate:
    """The device's peak: the fullest moment's parts, and the context; at least a moment that cannot adapt."""
    at = fullest(moments)
    context = device_overhead(device, "").with_libraries(())
    parts = [*map(_component, at.parts), context.component(of="CUDA context and kernels: ")]
    expected = sum(part.range.expected for part in parts)
    low = max((each.size.low for each in moments if not each.adapts), default=at.size.low)
    return PoolEstimate(
        pool="cuda:0",
        capacity_bytes=device.usable_bytes or device.memory_bytes,
        peak_bytes=ByteRange(
            low=min(low + context.range.low, expected),
            expected=expected,
            high=max(each.size.high for each in moments) + context.range.high,
        ),
        components=tuple(parts),
        allocated_peak_bytes=at.size.expected,
        peak_at=PeakLocation(operator=f"{label}: {at.name}", where=where),
    )


def free_on(device: Device) -> int:
    """What a process finds free there beside its own context."""
    whole = device.usable_bytes or device.memory_bytes or 0
    return max(whole - device_overhead(device, "").with_libraries(()).range.expected, 0)


def host_beside(parts: tuple[Held, ...]) -> tuple[Component, ...]:
    """What the host holds for a device: the driver's share, and what a library says."""
    driver = Component(
        category=Category.FRAMEWORK,
        range=CUDA_HOST_SIDE,
        basis=Basis.EXTRAPOLATED,
        source=f"{CUDA_HOST_SOURCE}, as measured on an H200 with PyTorch",
    )
    return (*map(_component, parts), driver)


def _component(part: Held) -> Component:
    return Component(category=part.category, range=part.size, basis=Basis.COMPUTED, source=part.source)


def with_parts(pool: PoolEstimate, parts: tuple[Component, ...]) -> PoolEstimate:
    """A pool that holds more."""
    more = ByteRange.total(part.range for part in parts)
    return replace(pool, components=(*pool.components, *parts), peak_bytes=pool.peak_bytes + more)


def with_unused(estimate: Estimate, on: str | None) -> Estimate:
    """The estimate of a fit on the CPU, that says so where a device was named."""
    device = parse_request(on)[0] if on else None
    if device is None or device.is_cpu:
        return estimate
    text = f"the fit puts nothing on {device.name}: it trains on the CPU as it is set"
    return replace(estimate, assumptions=(*estimate.assumptions, Assumption(slug="device-not-used", text=text)))


def _fit_of(
    request: TabularRequest,
    params: Mapping[str, Any],
    device: Device,
    version: tuple[int, int] | None,
    *,
    stored_matrix: bool,
) -> DeviceFit:
    """What the device is given of a request's data."""
    named = request.name if request.given is None else type(request.given).__name__
    outputs = request.classes if named.endswith("Classifier") and request.classes > 2 else 1
    alike = alike_of(request)
    return DeviceFit(
        rows=request.rows,
        alike=alike,
        longest_row=_longest_row(request, alike),
        params=params,
        outputs=outputs,
        at_once=devices(framework_of(request)).grown_at_once(named.rpartition(".")[2], params),
        version=version,
        device_bytes=device.memory_bytes or 0,
        free_bytes=free_on(device),
        stored_matrix=stored_matrix,
    )


def alike_of(request: TabularRequest) -> tuple[ColumnsAlike, ...]:
    """The columns of a request's data; those of a sparse file that no row of its sample has are empty."""
    if isinstance(request, SparseRequest):
        found = request.columns_alike
        rest = request.columns - sum(each.number for each in found)
        return (*found, ColumnsAlike(rest, 0.0)) if rest > 0 else found
    if request.like:
        return tuple(ColumnsAlike(1, 1 - each.missing, each.distinct) for each in request.like)
    return (ColumnsAlike(request.columns, 1 - request.missing),)


def _longest_row(request: TabularRequest, alike: tuple[ColumnsAlike, ...]) -> tuple[int, int, int]:
    """Values of the fullest row: in a table some row has all; of a sparse matrix as its sample or dice say."""
    if not isinstance(request, SparseRequest):
        return (request.columns,) * 3
    seen = request.longest_seen
    if seen is not None:
        return _limited(request.columns, seen, seen * _SEEN_TIMES, seen * _SEEN_MOST)
    return of_sparse_rows(request.columns, max(request.columns * request.density, 1))


def of_sparse_rows(columns: int, mean: float) -> tuple[int, int, int]:
    """Values of the fullest row where the mean alone is known: dice's as expected, few rows with many at most."""
    return _limited(columns, mean, mean + _DEVIATIONS * math.sqrt(mean), mean * _MOST_TIMES)


def _within(given: Any) -> Iterator[Assumption]:
    """That a part of an estimator is set to train on a GPU, of whose shape nothing is known here."""
    parts = given.get_params(deep=True).values() if hasattr(given, "get_params") else ()
    for each in parts:
        setting = setting_of(type(each).__module__.partition(".")[0], parameters_of(each))
        if setting:
            yield Assumption(
                slug="probe-note",
                text=f"{type(each).__name__} has {setting}: what it takes on a GPU is in no figure here, where it is a "
                "part of another estimator; a script that fits it has the device's pool",
            )


def _limited(columns: int, low: float, expected: float, high: float) -> tuple[int, int, int]:
    low, expected, high = (min(math.ceil(each), columns) for each in (low, expected, max(high, expected)))
    return int(low), int(expected), int(high)


def _from_source(framework: str, fit: DeviceFit, device: Device, label: str) -> Assumption:
    version = ".".join(map(str, fit.version)) if fit.version is not None else "the newest that was read"
    return Assumption(
        slug="device-from-source",
        text=f"what {label} holds on {device.name} is computed from the arrays that {framework} ({version}) allocates "
        "by its source, and was not measured on a card; its context is that of PyTorch jobs",
    )


def _of_the_host(name: str) -> Assumption:
    return Assumption(
        slug="host-of-a-device-fit",
        text=f"the host was probed with {name} on the CPU and the least tree: the data is prepared there by the same "
        "code; what the driver holds beside it was measured with PyTorch",
    )


def _of_rows(fit: DeviceFit) -> Assumption:
    low, expected, high = fit.longest_row
    return Assumption(
        slug="longest-row",
        text=f"on the device every row takes the room of the fullest, taken to have {expected:,} values ({low:,} to "
        f"{high:,}) of {fit.columns:,} columns: one long row makes all of them as long",
    )
