"""What was seen of a simulated job beside its memory: what rules of advice look at. Handed over within memfit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerFacts:
    """One optimizer that stepped: its class, its choice of kernels, and what it trains."""

    kind: str
    foreach: bool | None = None
    fused: bool | None = None
    momentum: bool = False
    trained_bytes: int = 0
    matrix_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderFacts:
    """One data loader; ``trains`` when steps followed its batches."""

    batch_size: int | None = None
    workers: int = 0
    prefetch: int = 0
    pinned: bool = False
    batch_bytes: int = 0
    trains: bool = False
    start_method: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """Modules of one class: how many there are and what activations, or parameters, they keep together."""

    kind: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleFacts:
    """What of a job only Python's collector gives back, because objects refer to each other.

    Args:
        waiting_bytes: the most that waited for it at once, in the steps seen.
        step_bytes: what each step leaves to it.
        where: the line that made most of it.
        through: the exception, class or function of the job that is in the cycles most often; "" for none.
        steps_apart: between two runs of the collector, about; None when unknown.
        collector_on: whether it runs by itself.
        seconds: of CPU that one run of it took.
    """

    waiting_bytes: int = 0
    step_bytes: int = 0
    where: str = ""
    through: str = ""
    steps_apart: int | None = None
    collector_on: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A number by which the job can be made smaller without touching its code, or with one number changed.

    Args:
        name: "--batch_size", "batch_size".
        kind: "argument" (on the command line), "option" (a default of it), "constant" (in the script), "loader",
            "framework" (made by TensorFlow's or Keras's own functions, by no number that was found).
        value: as it is.
        places: "line:column" of a constant in the script.
    """

    name: str
    kind: str
    value: int
    places: tuple[str, ...] = ()

    def on_command_line(self, words: Sequence[str], value: int) -> list[str]:
        """A command line with the number changed, or added as an option at its end.

        >>> Knob(name="--batch", kind="argument", value=8).on_command_line(["--lr", "1", "--batch", "8"], 4)
        ['--lr', '1', '--batch', '4']
        """
        found = list(words)
        for at, word in enumerate(found):
            if word == self.name and at + 1 < len(found):
                found[at + 1] = str(value)
                return found
            if word.startswith(f"{self.name}="):
                found[at] = f"{self.name}={value}"
                return found
        return [*found, self.name, str(value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job as it is.

    Args:
        framework: "torch", "sklearn", …
        pool: the pool in question.
        on_device: whether that is a device.
        machine: the device's name; "cpu".
        script: the file's name, for places.
        text: of the script, for settings that show in it; "" where nobody looks.
        breakdown: of the pool's expected peak.
        phase_peaks: what tensors come to in each phase.
        steps, micro_steps: optimizer steps seen, backward passes for each.
        optimizers, loaders, layers: see there.
        blocks: the repeated part that has most of the parameters, and their bytes; None where nothing is repeated.
        autocast: "bfloat16", … where the job uses mixed precision.
        gradients_in_forward: the last step's gradients still live in the next forward pass.
        evaluates_with_gradients: an evaluation kept a graph.
        activations_bytes: the most that activations come to.
        attention: what Transformers calls the implementation in use; None elsewhere.
        scores: attention scores that are written out: "where", "bytes", "one_bytes".
        logits: elements of the largest input of a cross-entropy, and the line.
        linear_layers: how many.
        linear_sizes: of their matrices, in bytes, those apart that are as large as a table of embeddings.
        outliving_bytes: of results that a step hands to the next one, which lets go of them.
        cycles: what reference cycles hold.
        weight_bytes: of one element of the parameters, by the type that most have; 0 when unknown.
        batch, accumulation: the knobs, where they were found.
        compiler: whose plan the figures are: the "device"'s own, the CPU's as "stand-in"; "" where nothing is planned.
        malloc_set: whether MALLOC_* or GLIBC_TUNABLES are set already.
        expandable: whether expandable segments are on already.
        grows_bytes: what every simulated step left behind more than the one before; 0 for none.
        capability: of the device; None where that means nothing.
        device_count: how many there are.
        sharded: whether weights or the optimizer's states are divided among devices already.
        dtype: of an estimator's data.
        data_ways: lighter ways of the data files that the job reads: "table", "slug", "text", "code", "saves_bytes".
        installed: allocators and other libraries found on this machine.
        params: of an estimator.
        target: what it is called.
    """

    framework: str
    pool: str
    on_device: bool
    machine: str = "cpu"
    script: str = ""
    text: str = ""
    breakdown: Mapping[str, int] = field(default_factory=dict)
    phase_peaks: Mapping[str, int] = field(default_factory=dict)
    steps: int = 0
    micro_steps: int = 0
    optimizers: tuple[OptimizerFacts, ...] = ()
    loaders: tuple[LoaderFacts, ...] = ()
    layers: tuple[LayerFacts, ...] = ()
    blocks: LayerFacts | None = None
    autocast: str | None = None
    gradients_in_forward: bool = False
    evaluates_with_gradients: bool = False
    activations_bytes: int = 0
    attention: str | None = None
    scores: tuple[Mapping[str, Any], ...] = ()
    logits: Mapping[str, Any] = field(default_factory=dict)
    linear_layers: int = 0
    linear_sizes: tuple[int, ...] = ()
    outliving_bytes: int = 0
    cycles: CycleFacts = CycleFacts()
    weight_bytes: int = 0
    batch: Knob | None = None
    accumulation: Knob | None = None
    compiler: str = ""
    malloc_set: bool = False
    expandable: bool = False
    grows_bytes: int = 0
    capability: tuple[int, int] | None = None
    device_count: int = 0
    sharded: bool = False
    dtype: str = ""
    data_ways: tuple[Mapping[str, Any], ...] = ()
    installed: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""

    @property
    def peak_bytes(self) -> int:
        """The expected peak of the pool."""
        return sum(self.breakdown.values())

    @property
    def trains(self) -> bool:
        return bool(self.optimizers)
