"""Every operator of PyTorch's own tests (torch.testing, op_db), for real on the CPU and simulated: what runs; peaks.

Each is called with the first and the last of its small samples, forward and backward, in several ways: all its tensors
simulated, only the first, and without a graph. What runs for real and not in the simulation is a failure. The largest
sample of larger sizes gives a peak beside that of the profiler's events. Needs expecttest, which torch.testing imports.

python -m benchmarks.operators.sweep [--only NAME …]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import json
import pkgutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from benchmarks.accuracy.surroundings import surroundings
from benchmarks.operators.measure import profiled
from memfit.engine.allocators import PlainAllocator
from memfit.engine.replay import replay as simulated
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.simulation import Simulation

FILE = Path(__file__).parent / "data" / "sweep.json"
TYPES = (torch.float32, torch.complex64, torch.int64, torch.bool)
# Which tensors are simulated, and under which mode the operator is called.
WAYS = (("all", "grad"), ("floating", "grad"), ("first", "grad"), ("floating", "no_grad"), ("floating", "inference"))
SAMPLES = 12  # of which the first and the last are taken
# The sizes of the samples' dimensions (S, M, L and XS of torch.testing) for peaks, and what is tried of them.
LARGER = {"S": 36, "M": 64, "L": 400, "XS": 12}
LARGER_SAMPLES, MOST_ELEMENTS, LEAST_PEAK_BYTES, MOST_SECONDS = 6, 3_000_000, 100_000, 2.0
_MODES = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}


def floating(tensor: torch.Tensor) -> bool:
    return tensor.dtype.is_floating_point or tensor.dtype.is_complex


def call(operator: Any, sample: Any, place: Callable[[Any], Any], mode: str) -> None:
    """Forward, and backward where there is a graph, with the sample's tensors as they are placed."""
    with _MODES[mode]():
        first, args, kwargs = tree_map(place, (sample.input, sample.args, sample.kwargs))
        made = sample.output_process_fn_grad(operator(first, *args, **kwargs))
        results = [item for item in tree_leaves(made) if isinstance(item, torch.Tensor) and item.requires_grad]
        if mode == "grad" and results:
            sum(item.abs().square().sum() if item.is_complex() else item.square().sum() for item in results).backward()


def as_it_is(item: Any) -> Any:
    """A copy: the operator may write to it."""
    return item.detach().clone().requires_grad_(item.requires_grad) if isinstance(item, torch.Tensor) else item


def placing(simulation: Simulation, which: str) -> Callable[[Any], Any]:
    """Puts the chosen tensors of a sample into the simulation, without their values."""
    seen = itertools.count()

    def place(item: Any) -> Any:
        if not isinstance(item, torch.Tensor) or item.layout is not torch.strided:
            return as_it_is(item)
        number = next(seen)
        chosen = {"all": True, "floating": floating(item), "first": number == 0}[which]
        if not chosen:
            return item.detach().clone() if which == "first" else as_it_is(item)
        return simulation.transfers.born(item, HOST).requires_grad_(item.requires_grad)

    return place


def failures(operator: Any, real: list[Any], graph: bool) -> list[str]:
    """The ways in which samples that run for real do not run simulated, with the error."""
    found: dict[str, None] = {}
    simulation = Simulation(device_count=0)
    with simulation:
        for sample, (which, mode) in itertools.product(real, WAYS):
            if mode == "grad" and not graph:
                continue
            try:
                call(operator, sample, placing(simulation, which), mode)
            except Exception as error:
                text = f"{type(error).__name__}: {error}".splitlines()[0]
                found[f"{which}, {mode}: {text[:200]}"] = None
    return list(found)


def samples(operator: Any, dtype: torch.dtype, graph: bool, most: int) -> list[Any]:
    """The first samples of an operator, always the same."""
    torch.manual_seed(0)
    return list(itertools.islice(operator.sample_inputs("cpu", dtype, requires_grad=graph), most))


def runs(operator: Any, sample: Any, graph: bool) -> bool:
    try:
        call(operator.op, sample, as_it_is, "grad" if graph else "no_grad")
    except Exception:
        return False
    return True


def elements(sample: Any) -> int:
    """Of all its tensors together."""
    tensors = tree_leaves((sample.input, sample.args, sample.kwargs))
    return sum(item.numel() for item in tensors if isinstance(item, torch.Tensor))


def peak(operator: Any, graph: bool) -> dict[str, Any] | None:
    """The peak of the largest of the larger samples, real and simulated; None where there is none or it is small."""
    mode = "grad" if graph else "no_grad"
    try:
        made = samples(operator, torch.float32, graph, LARGER_SAMPLES)
    except (IndexError, RuntimeError, ValueError):  # some samples are made with numbers beside those sizes
        return None
    found = [each for each in made if elements(each) <= MOST_ELEMENTS]
    if not found:
        return None
    sample, start = max(found, key=elements), time.perf_counter()
    if not runs(operator, sample, graph) or time.perf_counter() - start > MOST_SECONDS:
        return None
    measured = profiled(lambda: call(operator.op, sample, as_it_is, mode))
    if measured["measured_bytes"] < LEAST_PEAK_BYTES:
        return None
    simulation = Simulation(device_count=0)
    try:
        with simulation:
            call(operator.op, sample, placing(simulation, "floating"), mode)
    except Exception as error:
        return {**measured, "traced_bytes": None, "failure": f"{type(error).__name__}: {error}"[:200]}
    traced_bytes = simulated(simulation.trace, "host", PlainAllocator()).requested.size_bytes
    return {**measured, "traced_bytes": traced_bytes, "assumed": sorted(simulation.assumptions)}


@contextlib.contextmanager
def larger() -> Iterator[None]:
    """Samples of larger sizes, for as long as it lasts."""
    core = importlib.import_module("torch.testing._internal.opinfo.core")
    invocations = importlib.import_module("torch.testing._internal.common_methods_invocations")
    definitions = importlib.import_module("torch.testing._internal.opinfo.definitions")
    parts = [importlib.import_module(f"{definitions.__name__}.{each.name}")
             for each in pkgutil.iter_modules(definitions.__path__)]  # fmt: skip
    holders = [(part, name) for part in (core, invocations, *parts) for name in LARGER if hasattr(part, name)]
    before = [(part, name, getattr(part, name)) for part, name in holders]
    for part, name in holders:
        setattr(part, name, LARGER[name])
    try:
        yield
    finally:
        for part, name, size in before:
            setattr(part, name, size)


def swept(operator: Any) -> dict[str, Any]:
    """What came of one operator: samples that run for real, failures of the simulation, a peak."""
    dtype = next((each for each in TYPES if each in operator.supported_dtypes("cpu")), None)
    if dtype is None:
        return {"samples": 0}
    graph = operator.supports_autograd and dtype in operator.supported_backward_dtypes("cpu")
    made = samples(operator, dtype, graph, SAMPLES)
    real = [each for each in made[:1] + made[1:][-1:] if runs(operator, each, graph)]
    row: dict[str, Any] = {"samples": len(real)}
    if failed := failures(operator.op, real, graph):
        row["failures"] = failed
    if dtype is torch.float32 and real:
        with larger():
            found = peak(operator, graph)
        if found is not None:
            row["peak"] = found
    return row


def main() -> None:
    from torch.testing._internal.common_methods_invocations import op_db

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--part", type=int, nargs=2, metavar=("FIRST", "LAST"), help="of the list, by number")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    first, last = options.part or (0, len(op_db))
    kept = json.loads(FILE.read_text(encoding="utf-8"))["operators"] if FILE.exists() else {}
    for operator in sorted(op_db, key=lambda each: each.formatted_name)[first:last]:  # its own order varies
        name = operator.formatted_name
        if not options.only or name in options.only:
            kept[name] = swept(operator)
    where = {name: value for name, value in surroundings().items() if name in ("python", "torch", "machine", "libc")}
    where["processor"] = torch.backends.cpu.get_cpu_capability()
    FILE.write_text(json.dumps({"where": where, "operators": kept}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
