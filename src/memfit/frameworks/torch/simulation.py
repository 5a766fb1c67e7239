"""The simulated device as a context manager: puts every replacement in place and takes it away again."""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils._device import _device_constructors

from memfit.engine.allocators import AllocatorSettings, CudaCachingAllocator
from memfit.engine.allocators.settings import ENVIRONMENT_VARIABLES
from memfit.engine.observation import HostSide, Observation
from memfit.engine.trace import Trace
from memfit.errors import UsageError
from memfit.frameworks.torch.arguments import components
from memfit.frameworks.torch.dispatch import Dispatch
from memfit.frameworks.torch.ledger import HOST, Allocator, Ledger
from memfit.frameworks.torch.operators import collectives, composite, sparse, table, transfer, values
from memfit.frameworks.torch.operators.autocast import CPU_KEY, CUDA_KEY, Autocast
from memfit.frameworks.torch.situation import Situation
from memfit.frameworks.torch.surface import (
    constructors,
    cuda,
    distributed,
    files,
    late,
    lazy,
    lbfgs,
    lifecycle,
    loaders,
    tensor,
    writing,
)
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category

_KEYS = torch._C.DispatchKeySet(CUDA_KEY) | torch._C.DispatchKeySet(CPU_KEY) | composite.KEYS
_TO_INCLUDE = (CUDA_KEY, CPU_KEY, composite.KEY)


class SimulatedDevice(Protocol):
    """What a simulation needs to know of a device (memfit.machines.Device has it)."""

    @property
    def name(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def capability(self) -> tuple[int, int] | None: ...
    @property
    def multiprocessors(self) -> int | None: ...


class Simulation:
    """One simulated machine with ``device_count`` equal CUDA devices, or none.

    Args:
        device: the device; ignored when ``device_count`` is 0.
        device_count: how many there are.
        total_memory_bytes: what the job sees as a device's total memory.
        context_bytes: what is taken from it before the first tensor (context and libraries).
        workspace_bytes: the library workspace that matrix products take from the allocator.
        workspace_stays: whether the first product takes it for good, or each one for its own time.
        lt_workspace_bytes, lt_workspace_stays: the same of the library that products with a bias go through.
        environment: allocator settings are read from it.
        root: folder of the user's code, for the lines shown.
        steps_per_epoch: optimizer steps after which a data loader's epoch ends early.
        whole_evaluations: whether an evaluation before the first step has all its batches, instead of a few.
        on_step: called after every optimizer step.
        on_pass: called after every forward pass without gradients.
        on_backward: called after every backward pass.

    >>> with Simulation(device_count=0) as sim:          # doctest: +SKIP
    ...     loss = model(batch).sum(); loss.backward()
    >>> sim.trace.storages                               # doctest: +SKIP
    """

    def __init__(
        self,
        device: SimulatedDevice | None = None,
        *,
        device_count: int = 0,
        total_memory_bytes: int | None = None,
        context_bytes: int = 0,
        workspace_bytes: int = 0,
        workspace_stays: bool = True,
        lt_workspace_bytes: int = 0,
        lt_workspace_stays: bool = True,
        environment: Mapping[str, str] | None = None,
        root: Path | None = None,
        steps_per_epoch: int = 3,
        whole_evaluations: bool = False,
        on_step: Callable[[Simulation], None] | None = None,
        on_pass: Callable[[Simulation], None] | None = None,
        on_backward: Callable[[Simulation], None] | None = None,
    ) -> None:
        if device_count and device is None:
            raise UsageError("a simulation with devices needs to know which device")
        self.device: Any = _DeviceView(device, total_memory_bytes) if device is not None else None
        self.device_count = device_count
        self.context_bytes = context_bytes
        self.workspace_bytes = workspace_bytes
        self.workspace_stays = workspace_stays
        self.lt_workspace_bytes = lt_workspace_bytes
        self.lt_workspace_stays = lt_workspace_stays
        self._environment = os.environ if environment is None else environment
        self.settings = AllocatorSettings.from_environment(self._environment, torch_version=torch.__version__)
        self.steps_per_epoch, self.whole_evaluations = steps_per_epoch, whole_evaluations
        self.current = 0
        self.active = False
        self.assumptions: dict[str, str] = {}
        self.total_steps = 0
        self.passes = 0
        self.backward_passes = 0
        self.epochs_ended = 0
        self.writes_are_redirected = False
        self.loaders_in_use = 0
        self.rank, self.ranks = 0, 1  # of the job's process group
        self.meshes: list[tuple[tuple[str, int], ...]] = []  # (name, size), the outermost dimension first
        self.imports_compiler = False  # whether the job itself imports torch's compiler, as this simulation does
        self.host = HostSide(device_build=torch.version.cuda is not None)
        self.optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.modules: weakref.WeakSet[Any] = weakref.WeakSet()
        self.stepped: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self.hooks: list[Any] = []
        self.libraries: set[str] = set()  # those that woke up on a device, beside what PyTorch always loads
        self.workspace_doubt_bytes = 0  # by how much a library's workspace may be larger than the one taken here
        self._dropout_pools: set[str] = set()
        self.cuda_version = torch.version.cuda or "12.8"
        self._on_step, self._on_pass, self._on_backward = on_step, on_pass, on_backward
        self.situation = Situation(root)
        self.ledger = Ledger(self.situation, self._make_allocator)
        self.stand_ins = values.StandIns(self.assume)
        self.dispatch = Dispatch(self.ledger, self.situation, {}, _KEYS, self.pool_name, self.assume)
        self.transfers = transfer.Transfers(self.dispatch, self.stand_ins)
        table.join(self)
        self.autocast_cuda = Autocast(self.ledger, "cuda")
        self.autocast_cpu = Autocast(self.ledger, "cpu")
        self._patches = Patches()
        self._library: torch.library.Library | None = None
        self._exit = contextlib.ExitStack()

    # -- in and out --------------------------------------------------------------------------------------------

    def __enter__(self) -> Simulation:
        # Every optimizer imports the compiler's frontend, and that looks at torch's functions one by one: it must see
        # them before they are replaced.
        importlib.import_module("torch._dynamo")
        _device_constructors()  # a list of functions that torch.set_default_device keeps: of the true ones
        self._library = torch.library.Library("aten", "IMPL")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overriding kernels for a while is what we are here for
            composite.install(self, self._library)
            self.autocast_cuda.install(self._library)
            self.autocast_cpu.install(self._library)
        for part in (tensor, writing, lazy, lbfgs, constructors, cuda, lifecycle, loaders, files, sparse, distributed):
            part.install(self, self._patches)
        self._exit.callback(late.install(self, self._patches))
        self._exit.enter_context(self.thread())
        self.active = True
        return self

    def __exit__(self, *_: Any) -> None:
        self.finish()
        self._exit.close()
        for hook in self.hooks:
            hook.remove()
        self._patches.undo()
        if self._library is not None:
            self._library._destroy()
            self._library = None

    def finish(self) -> None:
        """Close the books: nothing that happens later is written down."""
        if self.active:
            self.active = False
            self.ledger.close()

    @contextlib.contextmanager
    def thread(self) -> Iterator[None]:
        """Let this thread's operators take part."""
        before = [
            (
                key,
                torch._C._dispatch_tls_is_dispatch_key_included(key),
                torch._C._dispatch_tls_is_dispatch_key_excluded(key),
            )
            for key in _TO_INCLUDE
        ]
        for key in _TO_INCLUDE:
            torch._C._dispatch_tls_set_dispatch_key_included(key, True)
        torch._C._dispatch_tls_set_dispatch_key_excluded(composite.KEY, False)
        try:
            with self.dispatch:
                yield
        finally:
            for key, included, excluded in before:
                torch._C._dispatch_tls_set_dispatch_key_included(key, included)
                torch._C._dispatch_tls_set_dispatch_key_excluded(key, excluded)

    # -- results -----------------------------------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        return self.ledger.trace

    def assume(self, slug: str, text: str) -> None:
        """Note, once, something the result rests on that was not seen."""
        self.assumptions.setdefault(slug, text)

    def observation(self, variables: Mapping[str, str] | None = None) -> Observation:
        """What was seen, for memfit.estimating.

        Args:
            variables: the environment that the allocators' settings are read from; the simulation's own by default.
        """
        variables = self._environment if variables is None else variables
        environment = {"torch": torch.__version__, "allocator_settings": _set_variables(variables)}
        settings = AllocatorSettings.from_environment(variables, torch_version=torch.__version__)
        return Observation(
            trace=self.trace,
            host=self.host,
            device_allocator=lambda pool: self.new_allocator(settings),
            libraries=frozenset(self.libraries),
            workspace_doubt_bytes=self.workspace_doubt_bytes,
            assumptions=dict(self.assumptions),
            environment=environment,
            steps=self.total_steps,
            passes=self.passes,
            ranks=self.ranks,
            meshes=tuple(self.meshes),
        )

    # -- devices -----------------------------------------------------------------------------------------------

    def cuda_device(self, device: Any = None) -> torch.device:
        """The device meant by an index, a name, a torch.device or None (the current one), with its index."""
        if device is None:
            return torch.device("cuda", self.current)
        if isinstance(device, int):
            return torch.device("cuda", device)
        found = torch.device(device)
        return found if found.index is not None else torch.device("cuda", self.current)

    def pool_name(self, device: torch.device) -> str:
        """The pool of a CUDA device.

        Raises:
            RuntimeError: as PyTorch would for a device that the simulated machine does not have.
        """
        index = self.current if device.index is None else device.index
        if self.device_count == 0:
            raise AssertionError("Torch not compiled with CUDA enabled (memfit simulates a machine without a GPU)")
        if index >= self.device_count:
            raise RuntimeError(
                f"CUDA error: invalid device ordinal (memfit simulates {self.device_count} device(s); "
                f"ask for more with --on {index + 1}x{self.device.name})"
            )
        return f"cuda:{index}"

    def capability(self, pool: str) -> tuple[int, int]:
        return tuple(self.device.capability)

    def parts(self, item: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return components(item)

    def transient_like(self, like: torch.Tensor, size_bytes: int, operator: str) -> None:
        """A workspace beside a tensor, taken and given back."""
        pool = self.ledger.pool(like)
        if pool is not None:
            self.ledger.transient(pool, size_bytes, Category.WORKSPACES, operator)

    def dropout_states(self, like: torch.Tensor, bytes_each: int) -> None:
        """The random states of cuDNN's dropout: one block a device, made once and kept."""
        pool = self.ledger.pool(like)
        if pool is not None and pool not in self._dropout_pools:
            self._dropout_pools.add(pool)
            size_bytes = bytes_each * (self.device.multiprocessors or 0)
            self.ledger.hold(pool, size_bytes, Category.WORKSPACES, "cuDNN dropout states")

    # -- figures that scripts ask for --------------------------------------------------------------------------

    def allocator(self, device: Any = None) -> CudaCachingAllocator:
        pool = self.pool_name(self.cuda_device(device))
        found = self.ledger._allocator(pool)
        assert isinstance(found, CudaCachingAllocator)
        return found

    def stats(self, device: Any = None) -> dict[str, int]:
        return self.allocator(device).memory_stats()

    def stat(self, device: Any, key: str) -> int:
        return self.stats(device).get(key, 0)

    def free_and_total(self, device: Any = None) -> tuple[int, int]:
        total = self.device.memory_bytes
        return max(total - self.context_bytes - self.allocator(device).reserved_bytes, 0), total

    def empty_cache(self) -> None:
        for pool, allocator in self.ledger.allocators.items():
            if isinstance(allocator, CudaCachingAllocator):
                allocator.empty_cache()
                self.ledger.mark("empty_cache", pool)

    def reset_peaks(self, device: Any = None) -> None:
        self.allocator(device).reset_peaks()

    def _make_allocator(self, pool: str) -> Allocator | None:
        if pool == HOST:
            return None
        return self.new_allocator()

    def new_allocator(self, settings: AllocatorSettings | None = None) -> CudaCachingAllocator:
        """The allocator of one simulated device, before its first tensor."""
        capacity = self.device.memory_bytes - self.context_bytes
        return CudaCachingAllocator(settings or self.settings, capacity_bytes=capacity)

    # -- what the surface tells --------------------------------------------------------------------------------

    def clear_autocast(self) -> None:
        self.autocast_cuda.clear()
        self.autocast_cpu.clear()

    def after_step(self, optimizer: Any) -> None:
        self.stepped[optimizer] = self.stepped.get(optimizer, 0) + 1
        self.total_steps = max(self.stepped.values())
        self.situation.step = self.total_steps
        self.ledger.mark("step")
        if self._on_step is not None:
            self._on_step(self)

    def joins_group(self, rank: int, ranks: int) -> None:
        """The job is one rank of a process group."""
        self.rank, self.ranks = rank, ranks
        self.dispatch.in_group = ranks > 1
        self.dispatch.handlers.update(collectives.functional())

    def after_backward(self) -> None:
        self.backward_passes += 1
        if self._on_backward is not None:
            self._on_backward(self)

    def after_pass(self) -> None:
        if self._on_pass is not None:
            self._on_pass(self)

    def all_optimizers_stepped(self, times: int = 2) -> bool:
        """Whether every optimizer that holds trainable parameters has stepped so often, or the busiest far more."""
        waiting = [item for item in self.optimizers if self.stepped.get(item, 0) < times and _trains(item)]
        return not waiting or self.total_steps >= 16

    def epoch_ended(self, trained: bool, *, cut: bool) -> None:
        """A data loader ended, by itself or because enough was seen of it."""
        if trained:
            self.epochs_ended += 1
        if cut:
            self.assume("epoch-cut-short", "epochs were cut short: later steps are taken to be like those simulated")


class _DeviceView:
    """The device as torch.cuda shows it: the catalogue's facts with this job's total memory."""

    def __init__(self, device: SimulatedDevice, memory_bytes: int | None) -> None:
        self.name, self.product = device.name, device.product
        self.capability = tuple(device.capability or (8, 0))
        self.multiprocessors = device.multiprocessors
        self.memory_bytes = memory_bytes or 0


def _set_variables(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}={environment[name]}" for name in ENVIRONMENT_VARIABLES if environment.get(name))


def _trains(optimizer: Any) -> bool:
    return any(parameter.requires_grad for group in optimizer.param_groups for parameter in group["params"])
