"""What a fit of LightGBM holds on a GPU, array by array, read from its source: 4.0 to 4.6 (none measured here).

device_type=cuda keeps the data twice on the device, by rows for histograms and by columns for splits; gpu (OpenCL)
keeps it once and builds histograms alone. Paths are those of its repository.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from memfit.frameworks.lightgbm.parameters import value_of
from memfit.probing.on_devices import DeviceFit, Held, Moment, held
from memfit.quantities import MIB, ByteRange, Category

_DEVICES = ("device_type", "device")
_BIN = 16  # gradient and hessian of float64 (hist_t)
_SINGLE_BIN = 8  # of float32: gpu_use_dp=false, the default of OpenCL
_SPARSE_SHARE = 0.25  # MULTI_VAL_BIN sparse threshold of what is missing, train_share_states.cpp
_PER_PARTITION = 6_144  # bins of a partition of columns: SP_SHARED_HIST_SIZE / 2, cuda_row_data.hpp
_WORKGROUPS, _PACKED = 1024, 4  # preallocd_max_num_wg_, columns of a Feature4 (gpu_tree_learner.h)
_NARROW_BINS = 16  # up to which OpenCL packs eight columns in four bytes
_L1_OBJECTIVES = ("regression_l1", "l1", "mae", "quantile", "huber", "mape", "fair", "mean_absolute_error")
# Streams' and kernels' own, blocks that cudaMalloc rounds up to 2 MiB: assumed.
_UNSEEN = ByteRange(low=0, expected=16 * MIB, high=128 * MIB)
_UNSEEN_SHARE = 0.05
_STAGING_THREADS = 16  # threads that pack columns for OpenCL, at most: assumed


def on_host(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by which the same fit is made on the CPU, with the least tree: its data set is made by the same code."""
    named = next((name for name in _DEVICES if name in params), _DEVICES[0])
    return {named: "cpu"}


def least(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by which hardly anything is grown on the CPU; the data is laid out by rows, as for a device."""
    leaves = next(
        (name for name in ("num_leaves", "num_leaf", "max_leaves", "max_leaf") if name in params), "num_leaves"
    )
    return {leaves: 2, "force_row_wise": True}


def host_beside(fit: DeviceFit) -> tuple[Held, ...]:
    """What the host holds for the device beside what the same fit on the CPU does."""
    if _cuda(fit.params):
        size = _by_rows(fit).size
        return (
            Held(
                Category.TEMPORARIES,
                ByteRange(low=0, expected=size.expected, high=size.high),
                "the data once more, in partitions of columns, on its way to the device (GetDenseDataPartitioned, "
                "src/io/cuda/cuda_row_data.cpp)",
            ),
        )
    size = ByteRange(
        low=8 * fit.rows, expected=(8 + _PACKED) * fit.rows, high=(8 + _PACKED * _STAGING_THREADS) * fit.rows
    )
    return (
        Held(Category.PINNED, size, "gradients and packed columns, pinned (AllocateGPUMemory, gpu_tree_learner.cpp)"),
    )


def moments(fit: DeviceFit) -> tuple[Moment, ...]:
    """Its one moment: what it allocates when training begins stays."""
    parts = tuple(_of_cuda(fit)) if _cuda(fit.params) else tuple(_of_opencl(fit))
    whole = sum(part.size.expected for part in parts)
    unseen = ByteRange(low=0, expected=_UNSEEN.expected, high=_UNSEEN.high + round(_UNSEEN_SHARE * whole))
    return (Moment("training", (*parts, Held(Category.TEMPORARIES, unseen, "what kernels and streams take: assumed"))),)


def grown_at_once(name: str, params: Mapping[str, Any]) -> int:
    """Trees of a round: one."""
    return 1


def stored_by(name: str, params: Mapping[str, Any], version: tuple[int, int] | None) -> bool:
    """It has no matrix of values."""
    return False


def _cuda(params: Mapping[str, Any]) -> bool:
    return any(params.get(name) == "cuda" for name in _DEVICES)


def _width(fit: DeviceFit) -> int:
    """Bytes of a bin's number."""
    bins = value_of("max_bin", fit.params) + 1
    return 1 if bins <= 1 << 8 else 2 if bins <= 1 << 16 else 4


def _by_rows(fit: DeviceFit) -> Held:
    """The data by rows; of data that is mostly zero its values alone, and a pointer for each row and partition."""
    whole = fit.rows * fit.columns * _width(fit)
    source = "data by rows (CUDARowData, src/io/cuda/cuda_row_data.cpp)"
    if fit.stored >= (1 - _SPARSE_SHARE) * fit.rows * fit.columns:
        return held(Category.DATASET, whole, source)
    partitions = math.ceil(_bins(fit) / _PER_PARTITION)
    wide = 1 if _bins(fit) <= 1 << 8 else 2 if _bins(fit) <= 1 << 16 else 4
    sparse = fit.stored * wide + (fit.rows + 1) * partitions * (4 if fit.stored < 1 << 32 else 8)
    high = max(whole, sparse)  # bundles of columns that exclude each other may be dense
    return Held(Category.DATASET, ByteRange(low=min(sparse, high) // 2, expected=sparse, high=high), source)


def _bins(fit: DeviceFit) -> int:
    return fit.bins(round(value_of("max_bin", fit.params)))


def _of_cuda(fit: DeviceFit) -> Iterator[Held]:
    rows, outputs = fit.rows, fit.outputs
    yield _by_rows(fit)
    whole = rows * fit.columns * _width(fit)
    yield held(
        Category.DATASET,
        whole,
        "data by columns (CUDAColumnData, src/io/cuda/cuda_column_data.cpp)",
        low=1.0 if fit.dense else 0.1,  # columns that exclude each other are bundled: as few as one
    )
    yield held(
        Category.GRADIENTS,
        rows * 8 * outputs,
        "gradients and hessians (GBDT::ResetGradientBuffers, src/boosting/gbdt.cpp)",
    )
    objective = str(fit.params.get("objective") or "")
    sorted_rows = 12 if objective in _L1_OBJECTIVES else 0
    softmax = 8 * outputs if outputs > 1 else 0
    yield held(
        Category.BUFFERS,
        rows * (8 * outputs + 4 + (4 if fit.weighted else 0) + sorted_rows + softmax),
        "scores (CUDAScoreUpdater), labels and weights (CUDAMetadata)"
        + (", residuals of the objective" if sorted_rows else "")
        + (", softmax" if softmax else ""),
    )
    yield held(
        Category.BUFFERS,
        rows * (4 + 2 + 4 + 4 + (4 if _bagged(fit.params) else 0)),
        "rows by leaf (CUDADataPartition::Init, src/treelearner/cuda/cuda_data_partition.cpp)",
    )
    if fit.params.get("use_quantized_grad"):
        yield held(Category.GRADIENTS, rows * 10, "quantised gradients and their dice (CUDAGradientDiscretizer)")
    leaves = round(value_of("num_leaves", fit.params))
    yield held(
        Category.WORKSPACES,
        _bins(fit) * _BIN * (leaves + 1),
        f"histograms of {leaves:,} leaves, {_bins(fit):,} bins of {_BIN} bytes (CUDAHistogramConstructor::Init)",
        low=0.8,
    )
    if fit.evaluated:
        more = sum(fit.evaluated)
        yield held(
            Category.INPUTS,
            more * (fit.columns * _width(fit) + 8 * outputs + 4),
            "validation data by columns, its scores and labels",
        )


def _of_opencl(fit: DeviceFit) -> Iterator[Held]:
    rows = fit.rows
    bins = value_of("max_bin", fit.params)
    columns = 2 * _PACKED if bins < _NARROW_BINS else _PACKED
    packed = math.ceil(fit.columns / columns) * _PACKED
    yield held(
        Category.DATASET,
        rows * packed,
        "packed columns (device_features_, src/treelearner/gpu_tree_learner.cpp)",
        low=1.0 if fit.dense else 0.1,  # columns that exclude each other are bundled, sparse groups stay on the host
    )
    yield held(Category.GRADIENTS, rows * 8, "gradients and hessians (device_gradients_, device_hessians_)", high=2.0)
    yield held(Category.BUFFERS, rows * 4, "rows of a leaf (device_data_indices_)")
    entry = _BIN if fit.params.get("gpu_use_dp") else _SINGLE_BIN
    device_bins = next(size for size in (16, 64, 256) if bins <= size or size == 256)
    groups = max(_WORKGROUPS, math.ceil(fit.columns / columns))
    yield held(
        Category.WORKSPACES, groups * columns * device_bins * entry, "histograms (device_subhistograms_)", high=2.0
    )


def _bagged(params: Mapping[str, Any]) -> bool:
    """Whether rows are drawn: by any name of the share and of how often."""
    return any(params.get(name) not in (None, 0, 1, 1.0) for name in ("bagging_fraction", "subsample", "sub_row"))
