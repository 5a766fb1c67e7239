"""docs/ranks-accuracy.md from the recorded data: what a rank and a node were predicted to hold, and what they held.

python -m benchmarks.ranks.page [--check]
"""

from __future__ import annotations

import json
import statistics
from typing import Any

from benchmarks.pages import ROOT, write_or_check
from benchmarks.ranks.cases import CASES, Case
from benchmarks.ranks.measure import DATA

PAGE = ROOT / "docs/ranks-accuracy.md"
_MIB = 1 << 20
_TITLES = (
    "job", "ranks", "half", "tensors measured, MiB", "predicted", "error", "processes measured, MiB", "predicted",
    "error", "above `high`", "`high` over measured",
)  # fmt: skip
_HEAD = f"| {' | '.join(_TITLES)} |\n{'|---' * len(_TITLES)}|"


def rows(kind: str) -> dict[str, dict[str, Any]]:
    """The recorded lines by case."""
    files = sorted(DATA.glob(f"{kind}-*.jsonl"))
    return {row["case"]: row for file in files for row in map(json.loads, file.read_text().splitlines())}


def tensor_error(measured: dict[str, Any], predicted: dict[str, Any]) -> float:
    """The fullest rank's live tensors, predicted over measured, less one."""
    told = max(role["tensor_peak_bytes"] for role in predicted["roles"])
    return float(told / max(measured["tensor_peaks_bytes"]) - 1)


def node_error(measured: dict[str, Any], predicted: dict[str, Any]) -> float:
    return float(predicted["node"]["expected"] / measured["process"]["peak_bytes"] - 1)


def _line(case: Case, measured: dict[str, Any], predicted: dict[str, Any]) -> str:
    peaks = measured["tensor_peaks_bytes"]
    spread = f"{min(peaks) / _MIB:,.1f} to {max(peaks) / _MIB:,.1f}" if max(peaks) - min(peaks) > _MIB else ""
    told = max(role["tensor_peak_bytes"] for role in predicted["roles"]) / _MIB
    node, held = predicted["node"], measured["process"]["peak_bytes"]
    return (
        f"| {case.name} | {case.ranks} | {case.half} | {spread or f'{max(peaks) / _MIB:,.1f}'} | {told:,.1f} | "
        f"{tensor_error(measured, predicted):+.2%} | {held / _MIB:,.0f} | {node['expected'] / _MIB:,.0f} | "
        f"{node_error(measured, predicted):+.1%} | {'**above**' if held > node['high'] else 'no'} | "
        f"{node['high'] / held - 1:+.0%} |"
    )


def summary(half: str, measured: dict[str, Any], predicted: dict[str, Any]) -> str:
    """One sentence on a half."""
    names = [case.name for case in CASES if case.half == half and case.name in measured and case.name in predicted]
    tensors = [abs(tensor_error(measured[name], predicted[name])) for name in names]
    nodes = [abs(node_error(measured[name], predicted[name])) for name in names]
    above = sum(measured[name]["process"]["peak_bytes"] > predicted[name]["node"]["high"] for name in names)
    exact = sum(error <= 0.01 for error in tensors)
    return (
        f"- {half}, {len(names)} jobs: live tensors of the fullest rank within 1 % in {exact}, off by "
        f"{statistics.median(tensors):.2%} in the median; all processes together off by "
        f"{statistics.median(nodes):.1%} in the median, {above} above `high`."
    )


def text() -> str:
    """The page."""
    measured, predicted = rows("measured"), rows("predicted")
    found = [case for case in CASES if case.name in measured and case.name in predicted]
    table = "\n".join(_line(case, measured[case.name], predicted[case.name]) for case in found)
    return f"""# Jobs of several processes: predicted against measured

Made by `python -m benchmarks.ranks.page` from the lines in `benchmarks/ranks/data`. Each job of
[benchmarks/ranks/job.py](../benchmarks/ranks/job.py) ran as 2 to 4 real processes of a gloo group on the CPU: once
under torch.profiler, for the peak of each rank's live tensors by the allocator's own events, and once as it is under
memfit's recorder, for the most that all processes held together by their proportional shares. memfit saw the script and
the number of ranks, and ran none of it. The halves were fixed first. One constant comes from here: what a process keeps
of the buffers of gloo's threads, over the weights that it gathers, chosen on the three sharded jobs of the tuning half
(its form with those of the judging half in view, `named_mesh` among them). The jobs `named_…` are models by name,
spread by transformers' wrappers; they were added later and measured on another processor.

{summary("tuning", measured, predicted)}
{summary("judging", measured, predicted)}

{_HEAD}
{table}

Ranks of sharded jobs differ from run to run by when a buffer of a collective that runs in another thread is given back:
where they did, the smallest and the largest rank are shown, and the largest is compared. Such threads free unseen by
the profiler, so blocks are counted by address: one ends at the latest when its address is given out again. So the
measured tensors of sharded jobs are an upper bound: 10 to 26 % above what is predicted to be alive. Adapters on a mesh
(`named_lora_mesh`) came out 13 % below their prediction at first: what a functional collective gathers was counted a
second time where autograd wraps it, of which PyTorch's meta kernel makes a copy. What the
processes hold beyond their tensors is malloc's keeping of freed blocks, modelled for each rank alone
([accuracy.md](accuracy.md)).
"""


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.ranks.page", __doc__)
