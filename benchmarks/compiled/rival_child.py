"""What the frameworks themselves say of the jobs' memory: one process for all jobs of a kind, one JSON line for each.

python -m benchmarks.compiled.rival_child keras|jax|tensorflow
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES, IN_EQUINOX, Case

FOUR = 4  # bytes of a float32, which all of these models are made of
UNITS = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}  # as nn.tabulate writes them


def module(case: Case) -> ModuleType:
    """The job's script, imported and not run."""
    spec = importlib.util.spec_from_file_location("script", ROOT / case.script)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["script"] = found
    spec.loader.exec_module(found)
    return found


def keras(case: Case) -> dict[str, int]:
    """Sizes of model.summary(), and parameters + outputs x batch; the backend does not change them."""
    import numpy as np

    script = module(case)
    model, shape, _, _ = script.MODELS[case.model](case.width)
    if not model.built:
        model(np.zeros((1, *shape), "int32"))
    parameters = FOUR * model.count_params()
    found = {"model.summary()": parameters}
    if hasattr(model, "outputs"):
        outputs = sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
        found["parameters + outputs x batch"] = parameters + FOUR * case.batch * outputs
    return found


def jax(case: Case) -> dict[str, int]:
    """memory_analysis() of the compiled step, and the parameters in nn.tabulate's table."""
    import jax as real
    import numpy as np
    from flax import linen as nn
    from flax.training import train_state

    script = module(case)
    kind, shape, labels, _ = script.MODELS[case.model]
    whole = case.model in ("lstm", "encoder")
    x = real.ShapeDtypeStruct((case.batch, *shape), np.int32 if whole else np.float32)
    y = real.ShapeDtypeStruct((case.batch, *labels), np.int32)
    model = kind(case.width)

    def begin() -> Any:
        params = model.init(real.random.key(0), real.numpy.zeros(x.shape, x.dtype))["params"]
        return train_state.TrainState.create(
            apply_fn=model.apply, params=params, tx=script.OPTIMIZERS[case.optimizer](1e-3)
        )

    plan = script.step.lower(real.eval_shape(begin), x, y).compile().memory_analysis()
    sizes = plan.argument_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes + plan.temp_size_in_bytes
    text = nn.tabulate(model, real.random.key(0), console_kwargs={"width": 200})(np.zeros(x.shape, x.dtype))
    amount, unit = re.findall(r"Total Parameters: [\d,]+ .*?([\d.]+) (\w+)", text)[-1]
    return {"memory_analysis()": sizes, "nn.tabulate": int(float(amount) * UNITS[unit])}


def tensorflow(case: Case) -> dict[str, int]:
    """Grappler's report of the peak of the training step's graph."""
    import tensorflow as tf
    from tensorflow.python.grappler import cluster, item

    script = module(case)
    made: list[Any] = []
    real = tf.function
    tf.function = lambda body: made.append(real(body)) or made[-1]
    words = [*case.words]
    words[words.index("--steps") + 1] = "1"
    sys.argv = words
    try:
        script.main()
    finally:
        tf.function = real
    concrete = made[0]._list_all_concrete_functions()[0]
    with concrete.graph.as_default():
        graph = tf.compat.v1.train.export_meta_graph()
    graph.collection_def["train_op"].node_list.value.append(concrete.structured_outputs.op.name)
    machine = cluster.Cluster(disable_detailed_stats=True)
    peaks = machine.DeterminePeakMemoryUsage(item.Item(graph))
    return {"Grappler": max(peak for peak, _ in peaks.values())}


KINDS: dict[str, tuple[Callable[[Case], dict[str, int]], Callable[[Case], bool]]] = {
    "keras": (keras, lambda case: case.flavour.startswith("keras-")),
    "jax": (jax, lambda case: case.flavour == "jax" and case.model not in IN_EQUINOX),
    "tensorflow": (tensorflow, lambda case: case.flavour == "tensorflow"),
}


def rows(kind: str) -> Iterator[dict[str, Any]]:
    """One for each job; what a rival cannot say is its failure."""
    ask, belongs = KINDS[kind]
    for case in filter(belongs, CASES.values()):
        try:
            yield {"job": case.name, "bytes": ask(case)}
        except Exception as problem:  # whatever a rival dies of is its answer
            yield {"job": case.name, "bytes": {}, "failure": f"{type(problem).__name__}: {problem}"[:200]}


if __name__ == "__main__":
    for row in rows(sys.argv[1]):
        print("RIVAL " + json.dumps(row), flush=True)
