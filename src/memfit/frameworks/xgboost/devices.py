"""What a fit of XGBoost holds on a GPU, array by array, read from its source: 1.7, 2.1, 3.0 to 3.4.

None of it was measured here. Paths are those of its repository. Values come as numbers of 4 bytes with their column's
number, an Entry of 8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from memfit.probing.on_devices import DeviceFit, Held, Moment, held
from memfit.quantities import MIB, ByteRange, Category

_NEWEST = (3, 4)
_DENSE_SINCE = (3, 0)  # EllpackPageImpl: bins of a column counted from its own first (dmlc/xgboost#10870)
_PAGED_SINCE = (3, 0)  # gpu_hist works page by page; until 2.1 it concatenated all pages (ExternalMemoryNoSampling)
_PAGES, _MOST_PAGES = 2, 3  # batch_utils.h, DftPrefetchBatches: one being worked on, one on its way; assumed at most
_QUANTISED_SINCE = (3, 2)  # updater_gpu_hist.cu: d_gpair is a Matrix<GradientPairInt64>
_WINDOWS_SINCE = (3, 3)  # hist_util.cuh: kSketchBatchNumElements in the place of what is free
_MAX_BIN, _DEPTH, _DEEPEST = 256, 6, 24
_FOREST = 100  # trees of XGBRFClassifier and XGBRFRegressor by default
_ENTRY, _CUT, _PAIR, _BIN = 8, 16, 8, 16  # bytes of Entry, SketchEntry, GradientPair, GradientPairInt64
_WINDOW = 1 << 26
_SORT_TIMES = 2  # hist_util.cuh, BytesPerElement: thrust::sort has a buffer as large
_SKETCH_SHARE = 0.8  # hist_util.cu, SketchBatchNumElements: "use up to 80% of available space"
_SKETCH_FACTOR = 8  # quantile.h, kFactor: cuts of a sketch for each bin
_COPIED_PART = 16  # ellpack_page.cu, CreateHistIndices: batches of rows of a 16th of the device
_HIST_RESERVED = (1 << 22) * 8  # histogram.cuh, DftReserveSize: numbers of 8 bytes
_HIST_NODES = 1 << 12  # hist_param.h, CudaDefaultNodes
_OLD_HIST_BYTES = (1 << 28) * 8  # updater_gpu_hist.cu until 2.1: kStopGrowingSize
_OLD_BATCH, _BATCH = 32, 1024  # Driver's nodes at a time: until 2.1, since 3.0 (kMaxNodeBatchSize)
# Of the nodes that a tree may split; 0.76 and 0.89 of them had a histogram in fits on the CPU (see scaling.py).
_GROWN_SHARE, _LEAST_GROWN = 0.82, 0.5
# Temporary storage of thrust and cub, and blocks that the caching allocator rounds up to powers of two and keeps; of
# rows that are evaluated, what metrics sort of each output: assumed.
_UNSEEN = ByteRange(low=0, expected=16 * MIB, high=96 * MIB)
_UNSEEN_ROW_BYTES, _SORTED_ROW_BYTES = 8, 16


def on_host(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by which the same fit is made on the CPU, with the least tree: its matrix is made by the same code."""
    method = {"tree_method": "hist"} if params.get("tree_method") == "gpu_hist" else {}
    return {"device": "cpu", **method}


def least(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by which hardly anything is grown on the CPU: a device grows it instead."""
    return {"max_depth": 1, "n_estimators": 1}


def host_beside(fit: DeviceFit) -> tuple[Held, ...]:
    """What the host holds for the device beside what the same fit on the CPU does: pages of external memory."""
    version = fit.version or _NEWEST
    if _page_share(fit, version) >= 1 or not fit.pages_on_host:
        return ()
    whole = _page(fit, version)
    return (
        whole._replace(source="quantised pages in pinned memory (EllpackMemCache, src/data/ellpack_page_source.cu)"),
    )


def moments(fit: DeviceFit) -> tuple[Moment, ...]:
    """Its moments on the device: the sketch and the copying of what the host has, and training."""
    version = fit.version or _NEWEST
    page = _page(fit, version)
    share = _page_share(fit, version)
    if share < 1:
        page = page._replace(size=_pages(page.size, share))
    found = [Moment("training", (page, *_training(fit, version), *_evaluated(fit, page, share)))]
    if fit.stored_matrix:
        # GPUGlobalApproxMaker sketches anew in every round: hessians are weights, and training's arrays are there.
        beside = tuple(_training(fit, version)) if _approximates(fit) else ()
        sketch = _sketch(fit, version, share)
        found += [
            sketch._replace(parts=(*sketch.parts, *beside)),
            Moment("binning", (page, _copied(fit, share), *beside)),
        ]
    else:
        found.append(Moment("copying the quantiles", (page, _index(fit))))
    return tuple(found)


def stored_by(name: str, params: Mapping[str, Any], version: tuple[int, int] | None) -> bool:
    """Whether a class of scikit-learn's shape makes a DMatrix of its data, not a QuantileDMatrix (sklearn.py).

    >>> [stored_by("XGBRegressor", {"tree_method": each}, (3, 2)) for each in ("hist", "approx")]
    [False, True]
    """
    method = params.get("tree_method")
    old = version is not None and version < (2, 0)
    return method not in (("hist", "gpu_hist") if old else ("hist", "auto", None))


def grown_at_once(name: str, params: Mapping[str, Any]) -> int:
    """Trees of a round: num_parallel_tree, which the classes of forests have from their n_estimators (sklearn.py).

    >>> grown_at_once("XGBRFRegressor", {"n_estimators": 30}), grown_at_once("XGBRegressor", {"n_estimators": 30})
    (30, 1)
    """
    given = params.get("num_parallel_tree")
    if name.startswith("XGBRF"):
        given = params.get("n_estimators") or _FOREST
    return given if isinstance(given, int) and given > 0 else 1


def _page(fit: DeviceFit, version: tuple[int, int]) -> Held:
    """The quantised data, one number of as many bits as there are symbols for each place of a row."""
    bins = fit.bins(_max_bin(fit))
    widest = max((fit_bins for fit_bins in _column_bins(fit)), default=1)
    low, expected, high = (
        fit.rows * row * _bits(fit, row, bins, widest, version) / 8 for row in fit.longest_row
    )  # rows of some length that repeat
    if fit.dense and version >= _DENSE_SINCE:
        high = fit.rows * fit.columns * _symbol_bits(widest + 1) / 8  # one missing value asks for a symbol of its own
    size = ByteRange(low=round(low), expected=round(expected), high=round(max(expected, high)))
    return Held(
        Category.DATASET, size, "quantised data (EllpackPageImpl::InitCompressedData, src/data/ellpack_page.cu)"
    )


def _page_share(fit: DeviceFit, version: tuple[int, int]) -> float:
    """The share of the rows that the largest page has; 1 of what is on the device as a whole.

    A single page stays on the device (CalcCacheMapping, ellpack_page_source.cu).
    """
    return 1.0 if fit.page_rows is None or version < _PAGED_SINCE else min(fit.page_rows / fit.rows, 1.0)


def _pages(whole: ByteRange, share: float) -> ByteRange:
    """Pages that are on the device at a time: at least the one that is worked on."""
    low, expected, high = (
        round(size * min(share * count, 1.0))
        for size, count in zip((whole.low, whole.expected, whole.high), (1, _PAGES, _MOST_PAGES), strict=True)
    )
    return ByteRange(low=low, expected=expected, high=high)


def _bits(fit: DeviceFit, row: int, bins: int, widest: int, version: tuple[int, int]) -> int:
    if version >= _DENSE_SINCE and row >= fit.columns:
        return _symbol_bits(widest + (0 if fit.dense else 1))
    return _symbol_bits(bins + 1)


def _symbol_bits(symbols: int) -> int:
    """compressed_iterator.h, SymbolBits.

    >>> _symbol_bits(256), _symbol_bits(257)
    (8, 9)
    """
    return max(math.ceil(math.log2(max(symbols, 1))), 1)


def _column_bins(fit: DeviceFit) -> Iterator[int]:
    for each in fit.alike:
        yield min(each.distinct or fit.rows, fit.rows, _max_bin(fit))


def _max_bin(fit: DeviceFit) -> int:
    given = fit.params.get("max_bin")
    return given if isinstance(given, int) and given > 1 else _MAX_BIN


def _training(fit: DeviceFit, version: tuple[int, int]) -> Iterator[Held]:
    """Gradients, rows by node, histograms: from the first round on."""
    rows, outputs = fit.rows, fit.outputs
    own = _BIN if version >= _QUANTISED_SINCE else _PAIR
    one = _PAIR if outputs > 1 else 0
    yield held(
        Category.GRADIENTS,
        rows * (_PAIR * outputs + one + own),
        f"gradients: {_PAIR} bytes of a row and output (src/learner.cc)"
        + (f", {one} of one output (gbtree.cc, CopyGradient)" if one else "")
        + f", {own} of the updater's own (GPUHistMakerDevice::d_gpair)",
    )
    yield held(
        Category.BUFFERS,
        rows * (4 * outputs + 4 + (4 if fit.weighted else 0) + (4 if _approximates(fit) else 0)),
        "predictions (PredictionContainer), labels and weights (MetaInfo)",
    )
    yield held(
        Category.BUFFERS,
        rows * (4 + 4 + 4 * fit.at_once),
        "rows by node: ridx_, ridx_tmp_ (gpu_hist/row_partitioner.cuh); each row's leaf in each tree of a round",
        high=1.0 if version >= _DENSE_SINCE else 2.0,  # by the caching allocator until 2.1: powers of two
    )
    if fit.params.get("sampling_method") == "gradient_based":
        yield held(Category.BUFFERS, rows * 8, "thresholds of gradient-based sampling (gpu_hist/sampler.cu)")
    yield _histograms(fit, version)
    sorted_bytes = _SORTED_ROW_BYTES * sum(fit.evaluated) * outputs
    more = _UNSEEN_ROW_BYTES * rows + sorted_bytes
    unseen = ByteRange(low=0, expected=_UNSEEN.expected, high=_UNSEEN.high + more)
    yield Held(Category.TEMPORARIES, unseen, "temporary storage of thrust and cub, and what is cached of it: assumed")


def _histograms(fit: DeviceFit, version: tuple[int, int]) -> Held:
    """Of each node of a tree that is split further; a vector that doubles, and is there twice while it grows."""
    bins = fit.bins(_max_bin(fit)) * _BIN
    nodes, batch, one_by_one = _nodes(fit, version)
    kept = fit.params.get("max_cached_hist_node")
    if version < _DENSE_SINCE:
        most = math.ceil(_OLD_HIST_BYTES / bins)
    else:
        most = kept if isinstance(kept, int) and kept > 0 else _HIST_NODES
    sizes = [
        max(grown_vector(max(round(nodes * share), 1), batch, most, one_by_one=one_by_one) * bins, _HIST_RESERVED)
        for share in (_LEAST_GROWN, _GROWN_SHARE, 1.0)
    ]
    return Held(
        Category.WORKSPACES,
        ByteRange(low=sizes[0], expected=max(sizes[:2]), high=max(sizes)),
        f"histograms of up to {min(nodes, most):,} nodes, {bins // _BIN:,} bins of {_BIN} bytes "
        "(DeviceHistogramStorage, gpu_hist/histogram.cuh)",
    )


def grown_vector(nodes: int, batch: int, most: int, *, one_by_one: bool) -> int:
    """Histograms that the vector has room for at the worst moment of its growth, its old room among them.

    A level's nodes come in batches, two children for each; at ``most`` it grows no more, and a batch has a place of its
    own (AllocateHistograms).

    >>> grown_vector(63, 1024, 4096, one_by_one=False), grown_vector(3, 1024, 4096, one_by_one=False)
    (94, 4)
    """
    used, room, worst, level, overflow = 1, 1, 1, 1, 0
    while used < nodes and not overflow:
        parents = 1 if one_by_one else min(level, (nodes - used + 1) // 2)
        level *= 2
        while parents > 0:
            split = min(parents, batch)
            parents -= split
            if used >= most:
                overflow = 2 * split
                break
            used += 2 * split
            if room < used:
                worst, room = max(worst, room + max(2 * room, used)), max(2 * room, used)
    return max(worst, room + overflow)


def _nodes(fit: DeviceFit, version: tuple[int, int]) -> tuple[int, int, bool]:
    """(nodes that get a histogram, how many are split at a time, whether one by one)."""
    params = fit.params
    given, leaves = params.get("max_depth"), params.get("max_leaves")
    depth = given if isinstance(given, int) and given > 0 else _DEEPEST if given == 0 else _DEPTH
    nodes = 2 ** min(depth, _DEEPEST) - 1
    if isinstance(leaves, int) and leaves > 0:
        nodes = min(nodes, 2 * leaves - 1)
    lossguide = params.get("grow_policy") == "lossguide"
    return min(nodes, 2 * fit.rows - 1), _OLD_BATCH if version < _DENSE_SINCE else _BATCH, lossguide


def _evaluated(fit: DeviceFit, page: Held, page_share: float) -> Iterator[Held]:
    """Tables that are evaluated in every round: their data, and predictions twice (learner.cc, EvalOneIter)."""
    rows = sum(fit.evaluated)
    if not rows:
        return
    share = min(rows / fit.rows, page_share) if page_share < 1 else rows / fit.rows  # of pages one at a time
    if fit.stored_matrix:
        stored = fit.stored * share * _ENTRY + (fit.rows * share + 1) * 8
        yield held(Category.INPUTS, stored, "evaluation data with its values (SparsePageView, gpu_predictor.cu)")
    else:
        size = ByteRange(low=0, expected=round(page.size.expected * share), high=round(page.size.high * share))
        yield Held(Category.INPUTS, size, "evaluation data, quantised (EllpackPage)")
    yield held(Category.BUFFERS, rows * (8 * fit.outputs + 4), "its predictions, their copy, and labels (learner.cc)")


def _sketch(fit: DeviceFit, version: tuple[int, int], share: float) -> Moment:
    """Sorting values for their quantiles: as many at a time as fit, of which there is a setting since 3.3."""
    weight = 4 if fit.weighted or _approximates(fit) else 0
    each = (_ENTRY + weight) * _SORT_TIMES
    wanted = fit.stored * share * each  # of a page at a time
    cuts = fit.columns * min(_max_bin(fit) * _SKETCH_FACTOR, fit.rows) * _CUT
    if version >= _WINDOWS_SINCE:
        taken: float = min(wanted, _WINDOW * each)
        adapts = ""
    else:
        room = _SKETCH_SHARE * fit.free_bytes
        taken = min(wanted, room) if fit.free_bytes else wanted
        adapts = (
            f"sorting values for their quantiles takes up to {_SKETCH_SHARE:.0%} of what is free "
            "(SketchBatchNumElements, src/common/hist_util.cu): on a device with less it goes in more windows"
        )
    sorted_values = held(
        Category.TEMPORARIES, taken, "values and their sorting (DeviceSketch, src/common/hist_util.cu)"
    )
    sketches = held(
        Category.TEMPORARIES,
        cuts * 2,
        "sketches of the columns, twice (SketchContainer, quantile.cuh)",
        low=0.1,
        high=1.5,
    )
    return Moment("the sketch of quantiles", (sorted_values, sketches), adapts)


def _approximates(fit: DeviceFit) -> bool:
    return fit.params.get("tree_method") == "approx"


def _copied(fit: DeviceFit, share: float) -> Held:
    """Rows on their way into the page."""
    taken = min((fit.stored * _ENTRY + fit.rows * 8) * share, (fit.device_bytes or 1 << 62) / _COPIED_PART)
    return held(Category.TEMPORARIES, taken, "values being quantised, in batches of rows (CreateHistIndices)")


def _index(fit: DeviceFit) -> Held:
    """The host's quantiles on their way into the page: a byte each of dense data, else four (gradient_index.h)."""
    width = (1 if _max_bin(fit) <= 256 else 2) if fit.dense else 4
    size = fit.stored * width + (fit.rows + 1) * 8
    return held(
        Category.TEMPORARIES, size, "the host's quantiles and row pointers (CopyGHistToEllpack, ellpack_page.cu)"
    )
