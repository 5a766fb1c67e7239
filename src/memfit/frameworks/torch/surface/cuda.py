"""The torch.cuda namespace of a device that is not there. Figures come from the simulation: a script that prints
`torch.cuda.memory_allocated()` prints a prediction."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace
from typing import Any

import torch

from memfit.frameworks.torch.surface import data_parallel
from memfit.frameworks.torch.surface.patching import Patches


def install(simulation: Any, patches: Patches) -> None:
    """Answer as a machine with the simulated devices (none of them: as a machine without a GPU)."""
    patches.set(torch.cuda, "is_available", lambda: simulation.device_count > 0)
    patches.set(torch.cuda, "device_count", lambda: simulation.device_count)
    patches.set(torch.cuda, "_device_count_nvml", lambda: simulation.device_count)
    _install_accelerator(simulation, patches)
    if simulation.device_count == 0:
        return
    data_parallel.install(simulation, patches)
    patches.set(torch.cuda, "_lazy_init", lambda: None)
    patches.set(torch.cuda, "init", lambda: None)
    patches.set(torch.cuda, "is_initialized", lambda: True)
    if torch.version.cuda is None:
        patches.set(torch.version, "cuda", simulation.cuda_version)
    patches.set(torch, "device", _device_by_number(torch.device))
    old_parse = torch._C._nn._parse_to

    def parse_to(*words: Any, **named: Any) -> Any:
        """The arguments of Module.to and Tensor.to, with a device by its number."""
        if words and type(words[0]) is int:
            words = (torch.device("cuda", words[0]), *words[1:])
        if type(named.get("device")) is int:
            named["device"] = torch.device("cuda", named["device"])
        return old_parse(*words, **named)

    patches.set(torch._C._nn, "_parse_to", parse_to)
    _install_properties(simulation, patches)
    _install_current(simulation, patches)
    _install_memory(simulation, patches)
    _install_streams(simulation, patches)
    _install_random(patches)
    _install_backends(patches)


def _device_by_number(real: type) -> type:
    """torch.device, for which a bare number means a CUDA device: a build without CUDA knows none by its number."""

    class Kind(type):
        def __instancecheck__(cls, item: Any) -> bool:
            return isinstance(item, real)

        def __subclasscheck__(cls, item: type) -> bool:
            return issubclass(item, real)

        def __call__(cls, *words: Any, **named: Any) -> Any:
            if len(words) == 1 and not named and isinstance(words[0], int):
                return real("cuda", words[0])
            return real(*words, **named)

    return Kind("device", (), {"__module__": "torch", "__doc__": real.__doc__})


def _install_accelerator(simulation: Any, patches: Patches) -> None:
    def exchange(index: int) -> int:
        before: int = simulation.current
        simulation.current = index
        return before

    for name in ("_accelerator_exchangeDevice", "_accelerator_maybeExchangeDevice"):
        if hasattr(torch._C, name):
            patches.set(torch._C, name, exchange)
    accelerator = getattr(torch, "accelerator", None)
    if accelerator is not None:
        present = simulation.device_count > 0
        patches.set(accelerator, "is_available", lambda: present)
        patches.set(accelerator, "device_count", lambda: simulation.device_count)
        patches.set(
            accelerator,
            "current_accelerator",
            lambda check_available=False: torch.device("cuda") if present else None,
        )
        if hasattr(torch._C, "_get_accelerator"):
            patches.set(torch._C, "_get_accelerator", lambda check=False: torch.device("cuda" if present else "cpu"))
        for name, value in (
            ("current_device_index", lambda: simulation.current),
            ("current_device_idx", lambda: simulation.current),
            ("synchronize", lambda device=None: None),
            ("current_stream", lambda device=None: Stream()),
            ("set_stream", lambda stream: None),
            ("set_device_index", lambda index: None),
            ("empty_cache", lambda: simulation.empty_cache()),
            ("max_memory_allocated", lambda device=None: simulation.stat(device, "allocated_bytes.all.peak")),
            ("memory_allocated", lambda device=None: simulation.stat(device, "allocated_bytes.all.current")),
            ("max_memory_reserved", lambda device=None: simulation.stat(device, "reserved_bytes.all.peak")),
            ("memory_reserved", lambda device=None: simulation.stat(device, "reserved_bytes.all.current")),
        ):
            if hasattr(accelerator, name):
                patches.set(accelerator, name, value)
    for absent in ("mps", "xpu"):
        module = getattr(torch, absent, None)
        if module is not None and hasattr(module, "is_available"):
            patches.set(module, "is_available", lambda: False)
    if hasattr(torch.backends, "mps"):
        patches.set(torch.backends.mps, "is_available", lambda: False)


def _install_properties(simulation: Any, patches: Patches) -> None:
    def properties(device: Any = None) -> Any:
        spec = simulation.device
        major, minor = spec.capability
        return SimpleNamespace(
            name=spec.product,
            total_memory=spec.memory_bytes,
            major=major,
            minor=minor,
            multi_processor_count=spec.multiprocessors or 0,
            is_integrated=0,
            is_multi_gpu_board=0,
            warp_size=32,
            max_threads_per_multi_processor=2048,
            regs_per_multiprocessor=65536,
            shared_memory_per_block=49152,
            shared_memory_per_block_optin=101376,
            shared_memory_per_multiprocessor=102400,
            gcnArchName="",
            uuid="memfit-simulated",
            pci_bus_id=0,
            L2_cache_size=0,
        )

    patches.set(torch.cuda, "get_device_properties", properties)
    patches.set(torch.cuda, "get_device_name", lambda device=None: simulation.device.product)
    patches.set(torch.cuda, "get_device_capability", lambda device=None: tuple(simulation.device.capability))
    patches.set(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: simulation.device.capability >= (8, 0) or including_emulation,
    )
    patches.set(torch.cuda, "is_tf32_supported", lambda: simulation.device.capability >= (8, 0))
    patches.set(torch.cuda, "get_arch_list", lambda: ["sm_{}{}".format(*simulation.device.capability)])
    patches.set(torch.cuda, "can_device_access_peer", lambda device, peer: True)
    patches.set(torch.cuda, "utilization", lambda device=None: 0)
    patches.set(torch.cuda, "temperature", lambda device=None: 0)
    patches.set(torch.cuda, "power_draw", lambda device=None: 0)


def _install_current(simulation: Any, patches: Patches) -> None:
    def set_device(device: Any) -> None:
        found = simulation.cuda_device(device)
        if found.index is not None:
            simulation.current = found.index

    class Device:
        """`with torch.cuda.device(1):`"""

        def __init__(self, device: Any) -> None:
            self.idx = simulation.cuda_device(device).index if not _nowhere(device) else -1
            self.prev_idx = -1

        def __enter__(self) -> None:
            self.prev_idx = simulation.current
            if self.idx >= 0:
                simulation.current = self.idx

        def __exit__(self, *_: Any) -> None:
            simulation.current = self.prev_idx

    patches.set(torch.cuda, "set_device", set_device)
    patches.set(torch.cuda, "current_device", lambda: simulation.current)
    patches.set(torch.cuda, "device", Device)
    patches.set(torch.cuda, "device_of", lambda tensor: Device(tensor.get_device()))
    patches.set(torch.cuda, "_exchange_device", lambda index: simulation.current)
    patches.set(torch.cuda, "_maybe_exchange_device", lambda index: simulation.current)
    patches.set(torch.cuda, "synchronize", lambda device=None: None)
    patches.set(torch.cuda, "ipc_collect", lambda: None)


def _nowhere(device: Any) -> bool:
    return device is None or (isinstance(device, int) and device < 0)


def _install_memory(simulation: Any, patches: Patches) -> None:
    stat = simulation.stat
    figures = {
        "memory_allocated": "allocated_bytes.all.current",
        "max_memory_allocated": "allocated_bytes.all.peak",
        "memory_reserved": "reserved_bytes.all.current",
        "max_memory_reserved": "reserved_bytes.all.peak",
        "memory_cached": "reserved_bytes.all.current",
        "max_memory_cached": "reserved_bytes.all.peak",
    }
    memory = torch.cuda.memory
    for name, key in figures.items():
        _both(patches, name, lambda device=None, key=key: stat(device, key))
    _both(patches, "memory_stats", lambda device=None: simulation.stats(device))
    _both(patches, "memory_stats_as_nested_dict", lambda device=None: {})
    _both(patches, "mem_get_info", lambda device=None: simulation.free_and_total(device))
    _both(patches, "empty_cache", lambda: simulation.empty_cache())
    for name in ("reset_peak_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached"):
        _both(patches, name, lambda device=None: simulation.reset_peaks(device))
    _both(patches, "reset_accumulated_memory_stats", lambda device=None: None)
    _both(patches, "set_per_process_memory_fraction", lambda fraction, device=None: None)
    _both(patches, "memory_summary", lambda device=None, abbreviated=False: "memfit: simulated device")
    _both(patches, "memory_snapshot", lambda mempool_id=None: [])
    patches.set(memory, "_record_memory_history", lambda *args, **kwargs: None)
    patches.set(memory, "_dump_snapshot", lambda *args, **kwargs: None)


def _both(patches: Patches, name: str, value: Any) -> None:
    for owner in (torch.cuda, torch.cuda.memory):
        if hasattr(owner, name):
            patches.set(owner, name, value)


class Stream:
    """A stream of the simulated device. Work happens in program order; memory is tracked on the default stream."""

    def __init__(self, device: Any = None, priority: int = 0, **_: Any) -> None:
        self.device = torch.device("cuda", 0) if device is None else torch.device(device)
        self.priority, self.cuda_stream, self.stream_id, self.device_index = priority, 0, 0, 0

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def wait_event(self, event: Any) -> None: ...

    def wait_stream(self, stream: Any) -> None: ...

    def synchronize(self) -> None: ...

    def record_event(self, event: Any = None) -> Any:
        return event if event is not None else Event()

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return False


class Event:
    """An event of the simulated device; it tells the simulation's own clock."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at = 0.0

    def record(self, stream: Any = None) -> None:
        self._at = time.perf_counter()

    def elapsed_time(self, end: Any) -> float:
        return max((end._at - self._at) * 1000.0, 1e-3)

    def wait(self, stream: Any = None) -> None: ...

    def synchronize(self) -> None: ...

    def query(self) -> bool:
        return True


class CudaGraph:
    """Capture runs the code once; replay does nothing, since the memory is already held."""

    def capture_begin(self, *_: Any, **__: Any) -> None: ...

    def capture_end(self) -> None: ...

    def replay(self) -> None: ...

    def reset(self) -> None: ...

    def pool(self) -> tuple[int, int]:
        return (0, 0)


def _install_streams(simulation: Any, patches: Patches) -> None:
    default = Stream()
    patches.set(torch.cuda, "Stream", Stream)
    patches.set(torch.cuda, "ExternalStream", Stream)
    patches.set(torch.cuda, "Event", Event)
    for name in ("Stream", "Event"):
        if hasattr(torch, name):
            patches.set(torch, name, Stream if name == "Stream" else Event)
    patches.set(torch.cuda, "current_stream", lambda device=None: default)
    patches.set(torch.cuda, "default_stream", lambda device=None: default)
    patches.set(torch.cuda, "set_stream", lambda stream: None)
    patches.set(torch.cuda, "stream", lambda stream: contextlib.nullcontext(stream))
    patches.set(torch.cuda, "is_current_stream_capturing", lambda: False)
    patches.set(torch.cuda, "CUDAGraph", CudaGraph)
    patches.set(torch.cuda, "graph", lambda *args, **kwargs: contextlib.nullcontext())
    patches.set(torch.cuda, "make_graphed_callables", lambda callables, *args, **kwargs: callables)
    nvtx = torch.cuda.nvtx
    for name in ("range_push", "range_pop", "mark", "range_start", "range_end"):
        patches.set(nvtx, name, lambda *args, **kwargs: 0)
    patches.set(nvtx, "range", lambda *args, **kwargs: contextlib.nullcontext())
    profiler = torch.cuda.profiler
    for name in ("start", "stop"):
        patches.set(profiler, name, lambda *args, **kwargs: None)


def _install_random(patches: Patches) -> None:
    state = torch.zeros(16, dtype=torch.uint8)
    for owner in (torch.cuda, torch.cuda.random):
        for name in ("manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state", "set_rng_state_all"):
            if hasattr(owner, name):
                patches.set(owner, name, lambda *args, **kwargs: None)
        patches.set(owner, "initial_seed", lambda: 0)
        patches.set(owner, "get_rng_state", lambda device="cuda": state.clone())
        patches.set(owner, "get_rng_state_all", lambda: [state.clone()])
    patches.set(torch.cuda, "_is_in_bad_fork", lambda: False)


def _install_backends(patches: Patches) -> None:
    cudnn = torch.backends.cudnn
    patches.set(cudnn, "is_available", lambda: True)
    patches.set(cudnn, "is_acceptable", lambda tensor: False)  # flattening weights is part of the recurrent model
    patches.set(cudnn, "version", lambda: 91000)
    if hasattr(torch.distributed, "is_nccl_available"):
        patches.set(torch.distributed, "is_nccl_available", lambda: True)
    patches.set(torch.cuda.nccl, "version", lambda: (2, 27, 5))
    if hasattr(torch.backends, "mha"):
        fastpath = torch.backends.mha
        patches.set(fastpath, "get_fastpath_enabled", lambda: False)
