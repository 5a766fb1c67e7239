"""Compilers for devices that are not there: libtpu's for TPUs, the CUDA plugin's for NVIDIA GPUs, else the CPU's.

Each compiles a lowered program and gives its buffer assignment; none needs the device, a driver or its libraries.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from memfit.engine.plans import Plan
from memfit.errors import UsageError

# What XLA's cost model asks of a GPU beside its count of multiprocessors, by compute capability: lanes of a
# multiprocessor, its shared memory and the largest part that a block may have, its threads. CUDA C++ Programming Guide
# 13.0, "Technical Specifications per Compute Capability".
_SHAPES = {
    (7, 0): (64, 98304, 98304, 2048),
    (7, 5): (64, 65536, 65536, 1024),
    (8, 0): (64, 167936, 166912, 2048),
    (8, 6): (128, 102400, 101376, 1536),
    (8, 9): (128, 102400, 101376, 1536),
    (9, 0): (128, 233472, 232448, 2048),
    (10, 0): (128, 233472, 232448, 2048),
    (12, 0): (128, 102400, 101376, 1536),
}
# Topologies of a TPU's generation by how many devices they have, as libtpu names them; of v2, v3 and 7x a device is a
# core, and the smallest topology has eight.
_FLAT = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8"}
_CUBES = {1: "1x1x1", 4: "2x2x1", 8: "2x2x2", 16: "2x2x4", 32: "2x4x4", 64: "4x4x4"}
_TOPOLOGIES = {
    "v2": {8: "2x2"}, "v3": {8: "2x2"}, "v4": _CUBES, "v5e": _FLAT, "v5p": _CUBES, "v6e": _FLAT, "tpu7x": {8: "2x2x1"},
}  # fmt: skip
_OPTIONS = {"v4": {"chip_config_name": "megacore"}}  # a chip's two cores as one device, as on real ones
# "… memory required for HLO temporaries (78.00G) exceeds available HBM (15.75G)"; older: "Used 78.00G of …"
_TOO_LARGE = re.compile(r"(?:HLO temporaries \(|Used )([\d.]+)([KMGT])")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class DoesNotCompile(Exception):
    """The compiler said no; with the first line of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device to compile for.

    Args:
        platform: that programs are lowered for: "tpu", "cuda", None for the CPU.
        devices: of its topology; none for the CPU.
        missing: what to install for a compiler of its own, "" where there is one.
        version: of the compiler.
        options: of its compilations.
    """

    platform: str | None
    devices: tuple[Any, ...] = ()
    missing: str = ""
    version: str = ""
    options: Mapping[str, Any] | None = None


def host_target() -> Target:
    """This process's own CPU.

    Buffers are assigned before machine code is made, which is then left as it comes: the same plan to the byte at half
    the time (jaxlib 0.10.2, a ResNet, an encoder and an LSTM of benchmarks/compiled).
    """
    return Target(
        platform=None,
        version=_version("jaxlib"),
        options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
    )


def tpu_target(generation: str, count: int) -> Target:
    """libtpu's compiler, or the CPU's where it is not installed.

    Args:
        generation: "v5e".
        count: how many devices the job has.

    Raises:
        UsageError: no topology of that generation has so many.
    """
    sizes = _TOPOLOGIES[generation]
    wide = next((size for size in sizes if size >= count), None)
    if wide is None or (count > 1 and count != wide and wide > 8):
        raise UsageError(
            f"there is no topology of {count} {generation} devices",
            hint="there are " + ", ".join(map(str, sizes)),
            slug="bad-topology",
        )
    if importlib.util.find_spec("libtpu") is None:
        return Target(platform=None, missing="pip install libtpu")
    from jax.experimental import topologies

    for name, value in (("TPU_SKIP_MDS_QUERY", "1"), ("TPU_WORKER_HOSTNAMES", "localhost")):
        os.environ.setdefault(name, value)  # it asks the cloud otherwise which machine this is
    name = f"{generation}:{sizes[wide]}"
    found = topologies.get_topology_desc(platform="tpu", topology_name=name, **_OPTIONS.get(generation, {}))
    return Target(platform="tpu", devices=tuple(found.devices), version=_version("libtpu"))


def cuda_target(
    product: str, capability: tuple[int, int], multiprocessors: int, memory_bytes: int, count: int
) -> Target:
    """The CUDA plugin's compiler, or the CPU's where it is not installed.

    Args:
        product: the device's name.
        capability, multiprocessors, memory_bytes: of it.
        count: how many of them.
    """
    plugin = next((name for name in ("jax_cuda13_plugin", "jax_cuda12_plugin") if importlib.util.find_spec(name)), None)
    if plugin is None:
        version = _version("jax")
        return Target(
            platform=None, missing=f"pip install --no-deps jax-cuda12-plugin=={version} jax-cuda12-pjrt=={version}"
        )
    from jax.experimental import topologies

    found = topologies.get_topology_desc(
        "memfit",
        "cuda",
        target_config=_gpu(product, capability, multiprocessors, memory_bytes),
        topology=f"1x1x{count}",
    )
    return Target(platform="cuda", devices=tuple(found.devices), version=_version(plugin))


def _gpu(product: str, capability: tuple[int, int], multiprocessors: int, memory_bytes: int) -> str:
    """A GpuTargetConfigProto as text."""
    known = [each for each in _SHAPES if each <= capability] or [min(_SHAPES)]
    lanes, shared, largest, threads = _SHAPES[max(known)]
    return f"""
gpu_device_info {{
  threads_per_block_limit: 1024 threads_per_warp: 32
  shared_memory_per_block: 49152 shared_memory_per_core: {shared} shared_memory_per_block_optin: {largest}
  threads_per_core_limit: {threads} core_count: {multiprocessors} fpus_per_core: {lanes}
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  memory_bandwidth: 2000000000000 l2_cache_size: 41943040 clock_rate_ghz: 1.5
  device_memory_size: {memory_bytes}
  cuda_compute_capability {{ major: {capability[0]} minor: {capability[1]} }}
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}}
platform_name: "CUDA"
runtime_version {{ major: 12 minor: 9 }}
dnn_version_info {{ major: 9 minor: 8 }}
device_description_str: "{product}"
"""


class _Stolen(BaseException):
    """Carries the plan out of JAX's own compilation, which would go on to load the program."""

    def __init__(self, stats: Any) -> None:
        self.stats = stats


def plan(lowered: Any, target: Target, convolution_bytes: int = 0, results_bytes: int = 0) -> Plan:
    """The compiler's plan of a lowered program.

    Args:
        lowered: for the target's platform.
        target: that is compiled for.
        convolution_bytes: of its largest convolution, as the plan tells it on.
        results_bytes: of its results beside donated arguments, for a compiler that gives up without a plan.

    Raises:
        DoesNotCompile: it has none.
    """
    from jax._src import compiler

    def take(backend: Any, module: Any, devices: Any, options: Any, *_: Any, **__: Any) -> Any:
        if target.platform is None:
            made = original(backend, module, devices, options, *_, **__)
        else:
            chosen = target.devices[: len(devices.flatten())]
            made = chosen[0].client.compile(module, executable_devices=_device_list(chosen), compile_options=options)
        raise _Stolen(made.get_compiled_memory_stats())

    original: Callable[..., Any] = compiler.compile_or_get_cached
    compiler.compile_or_get_cached = take
    try:
        stats = _kept(lowered.compile(compiler_options=target.options), target)
    except _Stolen as told:
        stats = told.stats
    except Exception as error:
        return _too_large(str(error), results_bytes)
    finally:
        compiler.compile_or_get_cached = original
    return Plan(
        argument_bytes=int(stats.argument_size_in_bytes),
        output_bytes=int(stats.output_size_in_bytes),
        alias_bytes=int(stats.alias_size_in_bytes),
        temp_bytes=int(stats.temp_size_in_bytes),
        code_bytes=int(stats.generated_code_size_in_bytes) if target.platform == "tpu" else 0,
        convolution_bytes=convolution_bytes,
        stand_in=target.platform is None,
    )


def _kept(compiled: Any, target: Target) -> Any:
    """Of a program that JAX had compiled before, for this process's own devices."""
    if target.platform is not None:
        raise DoesNotCompile("JAX did not ask its compiler")
    return compiled.xla_executable.get_compiled_memory_stats()


def _too_large(said: str, results_bytes: int) -> Plan:
    """libtpu compiles nothing that its device cannot hold, but says what lies between would have taken."""
    found = _TOO_LARGE.search(said)
    if found is None:
        raise DoesNotCompile((said.strip().splitlines() or ["no reason was given"])[0][:300])
    used = round(float(found.group(1)) * _UNITS[found.group(2)])
    return Plan(argument_bytes=0, output_bytes=results_bytes, alias_bytes=0, temp_bytes=used)


def _device_list(devices: tuple[Any, ...]) -> Any:
    from jax._src.lib import _jax

    return _jax.DeviceList(devices)


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return ""
