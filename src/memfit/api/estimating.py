"""Before a job runs: its estimate, and the simulated device itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfit.documents import Estimate
from memfit.errors import JobFailed, MemfitError, UsageError
from memfit.jobs import Progress, Request, run_job
from memfit.jobs.choosing import way_of
from memfit.jobs.machine import device_count, devices_here
from memfit.recipes.names import ONNX, TFLITE, is_model

if TYPE_CHECKING:
    from memfit.api.by_library import LibraryJob
    from memfit.api.named import NamedJob
    from memfit.frameworks.torch.simulation import Simulation


def estimate(
    target: str | os.PathLike[str] | Callable[[], Any] | Any,
    arguments: Sequence[str] = (),
    *,
    on: str | None = None,
    steps: int = 3,
    timeout_s: float = 300.0,
    passes: int | None = None,
    python: str | None = None,
    module: bool = False,
    batch: Sequence[Any] | None = None,
    optimizer: str | None = "AdamW",
    host_memory_bytes: int | None = None,
    ranks: str | int | None = None,
    debug: bool = False,
    rows: int | None = None,
    columns: int | None = None,
    dtype: str = "float64",
    classes: int = 2,
    params: Mapping[str, Any] | None = None,
    missing: float = 0.0,
    density: float | None = None,
    distinct: int | None = None,
    predict: bool = False,
    probe: bool = True,
    probe_budget_s: float = 60.0,
    data: str | os.PathLike[str] | None = None,
    label: str | None = None,
    text: str | None = None,
    vectorizer: str | None = None,
    shrink: float | None = None,
    run: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> Estimate:
    """How much memory a job would need, without running it at its size.

    Args:
        target: a script, a module's name (with ``module=True``), "package.module:function", a model's name
            ("hf:Qwen/Qwen3-8B") or a folder with its configuration, a GGUF file or its name, a .tflite or .onnx file,
            a callable without arguments that runs a few steps, or a torch.nn.Module or a Keras model (with ``batch``).
            Scripts and Keras models run in a process of their own; callables and modules run in this one.
        arguments: the script's command line; of a model, what is done with it (memfit.recipes.wishes).
        on: the device to simulate, "rtx4090-24gb", "2xh100-80gb", "cpu" for a machine without one; None for what this
            machine has.
        steps: optimizer steps to simulate; two at least show what the first one leaves behind.
        timeout_s: seconds after which the job ends with what was seen.
        passes: for a job that only infers: forward passes to see; None lets it run to its end.
        python: the interpreter that has the job's packages; this one by default.
        module: the target is a module, as with ``python -m``.
        batch: for a torch.nn.Module: its forward arguments, as tensors or (shape, dtype) pairs; for a Keras model (x,)
            or (x, y) likewise, or as specs.
        optimizer: for a torch.nn.Module: a name in torch.optim, None to run it without gradients; for a Keras model
            one of its own, None for what it was compiled with.
        host_memory_bytes: the host memory of the machine in question; this machine's by default.
        ranks: for a job in several processes: how many, 8 or "2x8" for two nodes of eight. One of each kind is
            simulated, under a process group whose others are not there.
        debug: let the job print to stderr.
        rows, columns: of the data, for an estimator: its class by name ("sklearn.svm.SVC"), itself, or
            "package.module:function" that returns one.
        dtype, classes: of the data and of a classifier's target.
        missing: share of the data's cells that are missing, where no file tells it.
        density: share of the cells that are stored, of sparse data: a CSR matrix of SciPy's; None for a dense array.
        distinct: of the values that a column of such a matrix stores, how many differ: 1 of ones; None for all of them.
        params: of the estimator.
        predict: whether it predicts too, on as many rows.
        probe: whether the estimator may be run on small data; without, a formula answers where there is one.
        probe_budget_s: seconds that the estimator may be probed.
        data: a data file that the shape is read from, where it is not given; label is the column to be predicted.
        text: the column of the data file that has texts to learn from, instead of all columns.
        vectorizer: what makes numbers of them: "tfidf", "count", "hashing"; None for the first, before estimators that
            take no texts.
        shrink: of a script that fits estimators, the share of its files' rows to read, from which it is carried on to
            all; 0 to choose it by the files' sizes, None to read them whole.
        run: whether a job of TensorFlow or JAX may be run for a few steps with small batches; without, what can be
            planned or simulated is, with a wider range.
        progress: called as the work goes on.

    Returns:
        The estimate: peaks with ranges for every memory pool, their breakdown, and the verdict.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.

    >>> memfit.estimate("train.py", ["--batch-size", "64"], on="a100-40gb").verdict   # doctest: +SKIP
    <Verdict.FITS: 'fits'>
    """
    if rows is not None or data is not None or (isinstance(target, str) and is_estimator(target, arguments)):
        from memfit.api.by_shape import estimate_by_shape

        return estimate_by_shape(
            target,
            (rows, columns),
            progress,
            source=(data, label),
            probe=probe,
            shrink=shrink,
            texts=(text, vectorizer),
            density=density, distinct=distinct, missing=missing,
            dtype=dtype,
            classes=classes,
            params=dict(params or {}),
            predict=predict,
            budget_s=probe_budget_s, host_memory_bytes=host_memory_bytes, python=python, on=on,
        )  # fmt: skip
    named = None
    if isinstance(target, (str, os.PathLike)) and is_model(name := os.fspath(target)):
        options = {"python": python, "progress": progress}
        named = _model(name, arguments, on=on, ranks=ranks, host_memory_bytes=host_memory_bytes, **options)
    if isinstance(named, Estimate):
        return named
    if named is not None:
        target, arguments, module, on, ranks = named.recipe, named.arguments, True, named.on, named.ranks
    request = request_for(
        name_of(target),
        arguments,
        on=on,
        steps=max(steps, named.steps) if named is not None else steps,
        timeout_s=timeout_s,
        passes=passes,
        module=module,
        host_memory_bytes=host_memory_bytes,
        debug=debug,
        torch=named.torch if named is not None else "",
    )
    if not isinstance(target, (str, os.PathLike)):
        return _estimate_object(target, batch, optimizer, request, python=python, progress=progress, run=run)
    request = _of_a_script(request, shrink, probe_budget_s, run=run)
    try:
        made = _run(request, ranks, python, progress)
    except MemfitError as error:
        known = _without_its_library(named, error, host_memory_bytes)
        if known is None:
            raise
        return known
    return made if named is None else named.told(made)


def _model(
    target: str,
    words: Sequence[str],
    *,
    on: str | None,
    ranks: str | int | None,
    host_memory_bytes: int | None,
    **options: Any,
) -> Estimate | LibraryJob | NamedJob | None:
    """What is run in the place of a model's name; where nothing is run (a file, an engine), its estimate.

    What finds models and reads their headers takes as long to load as all the rest: other jobs do without. ``options``
    are of those that are run by their own runtime.
    """
    from memfit.api.by_gguf import estimate_gguf
    from memfit.api.by_library import job_of
    from memfit.llamacpp.finding import is_gguf
    from memfit.servers.wishes import asks_for_an_engine

    if asks_for_an_engine(words):
        from memfit.api.by_engine import estimate_engine

        return estimate_engine(target, words, on=on, ranks=ranks, host_memory_bytes=host_memory_bytes)
    if target.lower().endswith(ONNX):
        from memfit.api.by_onnx import estimate_onnx

        return estimate_onnx(target, words, on=on, host_memory_bytes=host_memory_bytes, **options)
    if target.lower().endswith(TFLITE):
        from memfit.api.by_litert import estimate_litert

        return estimate_litert(target, words, on=on, host_memory_bytes=host_memory_bytes)
    if is_gguf(target):
        return estimate_gguf(target, words, on=on, host_memory_bytes=host_memory_bytes)
    return job_of(target, words, on=on, ranks=ranks)


def _without_its_library(
    named: LibraryJob | NamedJob | None, error: MemfitError, host_memory_bytes: int | None
) -> Estimate | None:
    """What the headers of a model's weights say, where no library here can build it."""
    if named is None or error.slug != "unknown-architecture":
        return None
    from memfit.api.by_headers import weights_alone
    from memfit.api.named import NamedJob

    return weights_alone(named, error.message, host_memory_bytes) if isinstance(named, NamedJob) else None


def _of_a_script(request: Request, shrink: float | None, probe_budget_s: float, *, run: bool) -> Request:
    """The request with the way that its script is estimated."""
    check_script(request)
    way = way_of(request.target, module=request.module, on_device=request.on is not None, run=run)
    share = _share_of(shrink, request.target, way)
    return replace(request, way=way, probe_budget_s=probe_budget_s, shrink=share)


def _share_of(shrink: float | None, target: str, way: str) -> float:
    """The share of its files' rows that a script reads: all of them where nothing was said."""
    if shrink is None:
        return 1.0
    if not 0 <= shrink < 1:
        raise UsageError(f"shrink is a share from 0 to below 1, got {shrink}", slug="cannot-shrink")
    if way != "probed":
        raise UsageError(
            f"{target} fits no estimator of scikit-learn, XGBoost or LightGBM alone: its data cannot be shrunk",
            hint="leave --shrink out: of what is simulated the data is not large beside the model",
            slug="cannot-shrink",
        )
    return shrink


def request_for(
    name: str, arguments: Sequence[str], *, on: str | None, steps: int, module: bool = False, **options: Any
) -> Request:
    """What a child is asked to simulate, on the device that was named, or that this machine has.

    Raises:
        UsageError: no such device, or no steps.
    """
    if steps < 1:
        raise UsageError(f"steps must be 1 or more, got {steps}", slug="bad-steps")
    on = on or devices_here()
    count = device_count(on)
    words = tuple(str(word) for word in arguments)
    return Request(
        target=name, arguments=words, module=module, on=on if count else None, device_count=count, steps=steps,
        **options,
    )  # fmt: skip


def check_script(request: Request) -> None:
    """Say before anything starts that a script is not there.

    Raises:
        JobFailed: it is not.
    """
    if not request.module and ":" not in request.target and not Path(request.target).is_file():
        raise JobFailed(
            f"there is no script {request.target}",
            hint="give the path of a Python file, or -m for a module",
            slug="no-script",
        )


def _run(
    request: Request,
    ranks: str | int | None,
    python: str | None,
    progress: Callable[[Progress], None] | None,
) -> Estimate:
    """The estimate of a script, in one process or in several."""
    if ranks is None:
        return run_job(request, python=python, progress=progress)
    return _estimate_ranks(request, str(ranks), python, progress)


def _estimate_ranks(
    request: Request, ranks: str, python: str | None, progress: Callable[[Progress], None] | None
) -> Estimate:
    from memfit.api.launching import in_ranks, runner
    from memfit.jobs.ranks import estimate_ranks

    request, launch = in_ranks(request, ranks)
    return estimate_ranks(request, launch, runner(python, progress))


def is_estimator(target: str, words: Sequence[str] = ()) -> bool:
    """Whether a name on the command line means an estimator and the shape of its data, not a script.

    >>> is_estimator("sklearn.svm.SVC"), is_estimator("train.py"), is_estimator("mine:pipeline", ["--rows", "20M"])
    (True, False, True)
    """
    from memfit.registry import SCALINGS

    if Path(target).exists():
        return False
    return target.partition(".")[0] in SCALINGS or (
        ":" in target and any(word.startswith(("--rows", "--text")) for word in words)
    )


def name_of(target: Any) -> str:
    """A target as messages name it."""
    if isinstance(target, (str, os.PathLike)):
        return os.fspath(target)
    return getattr(target, "__qualname__", None) or type(target).__name__


def _estimate_object(
    target: Any, batch: Sequence[Any] | None, optimizer: str | None, request: Request, **options: Any
) -> Estimate:
    from memfit.api.keras_objects import is_keras_model
    from memfit.jobs.inprocess import estimate_callable, estimate_module
    from memfit.registry import framework_of

    if is_keras_model(target):
        return _estimate_keras_model(target, batch, optimizer, request, **options)
    if batch is not None and framework_of(target) == "torch":
        return estimate_module(target, tuple(batch), optimizer, request)
    if framework_of(target) is not None:
        raise UsageError(
            f"{request.target} is a model: memfit needs to know what it is called with",
            hint="memfit.estimate(model, batch=(example,), on=...)",
            slug="no-batch",
        )
    if not callable(target):
        raise UsageError(f"expected a script, a callable or a model, got {type(target).__name__}", slug="bad-target")
    return estimate_callable(target, request)


def _estimate_keras_model(
    model: Any,
    batch: Sequence[Any] | None,
    optimizer: str | None,
    request: Request,
    *,
    python: str | None,
    progress: Callable[[Progress], None] | None,
    run: bool,
) -> Estimate:
    """A model of Keras is built again in a process of its own, as its backend's jobs go."""
    import tempfile

    from memfit.api.keras_objects import write_script

    with tempfile.TemporaryDirectory(prefix="memfit-") as folder:
        script = write_script(model, batch, optimizer, Path(folder))
        request = _of_a_script(replace(request, target=str(script)), None, request.probe_budget_s, run=run)
        made = run_job(request, python=python, progress=progress)
    return replace(made, target={"kind": "model", "name": name_of(model), "arguments": []})


def simulate(on: str | None = None, **options: Any) -> Simulation:
    """A simulated device as a context manager: ordinary PyTorch code inside it allocates nothing of its size.

    Args:
        on: the device, "h100-80gb"; None or "cpu" simulates a machine without one.
        options: further arguments of memfit.frameworks.torch.simulation.Simulation.

    >>> with memfit.simulate("h100-80gb") as sim:            # doctest: +SKIP
    ...     model = Model().cuda()
    ...     print(torch.cuda.memory_allocated())
    """
    from memfit.jobs.machine import simulated_machine
    from memfit.registry import adapter

    adapter("torch")
    import sys

    torch = sys.modules["torch"]
    from memfit.frameworks.torch.simulation import Simulation

    machine = simulated_machine(on, torch.__version__, torch.version.cuda)
    return Simulation(**{**machine.simulation_arguments(), **options})
