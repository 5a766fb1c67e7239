"""Fits of boosted trees on a GPU: what others read there (data/devices.csv) beside what memfit computes.

    python -m benchmarks.tabular.devices

Nothing is run: the figures are the formulas' of src/memfit/frameworks/*/devices.py, for the device's training moment.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from memfit.cli.estimator import parameter
from memfit.jobs.fits_on_devices import free_on
from memfit.machines import device_overhead, find
from memfit.probing.on_devices import DeviceFit, version_of
from memfit.probing.scaling import ColumnsAlike
from memfit.quantities import MIB, ByteRange
from memfit.registry import devices

DATA = Path(__file__).parent / "data" / "devices.csv"
OPENING = """\
`memfit estimate xgboost --rows N --cols N --set device=cuda --on DEVICE`: no fit was measured on a card here. What
XGBoost and LightGBM hold is computed from the arrays that their sources allocate
(`src/memfit/frameworks/*/devices.py`), with the CUDA context of PyTorch jobs. Beside it is what others wrote that such
fits took (`data/devices.csv`; MB of nvidia-smi are MiB, and most are rounded): all that were found with rows, columns
and a figure. Nothing was set by them, but they were seen while the sources were read. The figures are of training; the
sketch of a `DMatrix`'s quantiles before it takes more, and adapts to what is free until XGBoost 3.2. XGBoost 2 and
newer have no published figure here.
"""
_UNNAMED = "a100-40gb"


class Reading(NamedTuple):
    """One published figure and ours."""

    library: str
    fit: str
    device: str
    mib: int
    when: str
    source: str
    computed: ByteRange


def readings() -> Iterator[Reading]:
    """All of the file, in its order."""
    lines = (line for line in DATA.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    for row in csv.DictReader(lines):
        fit = _fit(row)
        context = device_overhead(find(row["device"] or _UNNAMED), "").with_libraries(()).range
        training = next(each for each in devices(row["library"]).moments(fit) if each.name == "training")
        yield Reading(
            library=f"{row['library']} {row['version']}",
            fit=f"{fit.rows:,} × {fit.columns:,} {row['params']}",
            device=row["device"] or "not told",
            mib=int(row["mib"]),
            when=row["when"],
            source=row["source"],
            computed=training.size + context,
        )


def table() -> list[str]:
    """Lines of the page."""
    lines = [
        "| library | fit | device | published, MiB | low | expected | high | error | of | source |",
        "|---|---|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for each in readings():
        ends = (each.computed.low, each.computed.expected, each.computed.high)
        low, expected, high = (round(size / MIB) for size in ends)
        lines.append(
            f"| {each.library} | {each.fit} | {each.device} | {each.mib:,} | {low:,} | {expected:,} | {high:,} | "
            f"{(expected - each.mib) / each.mib:+.1%} | {each.when} | {each.source} |"
        )
    return lines


def _fit(row: dict[str, str]) -> DeviceFit:
    columns, device = int(row["columns"]), find(row["device"] or _UNNAMED)
    return DeviceFit(
        rows=int(row["rows"]),
        alike=(ColumnsAlike(columns, 1.0),),
        longest_row=(columns, columns, columns),
        params=dict(map(parameter, row["params"].split())),
        version=version_of(row["version"]),
        device_bytes=device.memory_bytes or 0,
        free_bytes=free_on(device),
        stored_matrix=row["matrix"] == "values",
    )


if __name__ == "__main__":
    print("\n".join(table()))
