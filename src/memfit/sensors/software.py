"""What software will hold memory, found without loading it: frameworks, the C library, allocator settings.

The environment is passed in; a setting is reported as it stands, not interpreted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import metadata

# Packages whose version decides how much memory a job takes.
FRAMEWORKS = (
    "torch", "tensorflow", "tensorflow-cpu", "keras", "jax", "jaxlib", "scikit-learn", "xgboost",
    "xgboost-cpu", "lightgbm", "catboost", "transformers", "accelerate", "lightning", "pytorch-lightning", "deepspeed",
    "bitsandbytes", "triton", "numpy", "pandas", "polars", "pyarrow",
)  # fmt: skip

# Settings that change how memory is taken or kept, on the host or on a device.
_SETTINGS = (
    "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF", "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO", "CUBLAS_WORKSPACE_CONFIG", "CUBLASLT_WORKSPACE_SIZE", "CUDA_MODULE_LOADING",
    "CUDA_VISIBLE_DEVICES", "NCCL_BUFFSIZE", "XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_ALLOCATOR", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "GLIBC_TUNABLES", "LD_PRELOAD",
    "MKL_DISABLE_FAST_MM", "PYTHONMALLOC", "OMP_NUM_THREADS",
)  # fmt: skip
_PREFIXES = ("MALLOC_", "MIMALLOC_", "TCMALLOC_", "_RJEM_MALLOC_")
_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


def allocator_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables set in the environment that change how memory is taken or kept, by name."""
    names = sorted(name for name in environment if name in _SETTINGS or name.startswith(_PREFIXES))
    return {name: environment[name] for name in names}


def preloaded_allocator(environment: Mapping[str, str]) -> str | None:
    """The allocator that LD_PRELOAD puts in malloc's place; None for the C library's own.

    >>> preloaded_allocator({"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"})
    'jemalloc'
    """
    loaded = re.split(r"[\s:]+", environment.get("LD_PRELOAD", ""))
    return next((name for name in _ALLOCATORS for path in loaded if name in path.rsplit("/", 1)[-1]), None)


def libc_version() -> str | None:
    """The C library and its version, "glibc 2.36"; None where the system does not tell (musl, macOS, Windows)."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None


def frameworks_found() -> dict[str, str]:
    """Versions of the installed frameworks by package, read from their metadata: none of them is imported."""
    found: dict[str, str] = {}
    for name in FRAMEWORKS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
