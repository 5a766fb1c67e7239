"""What PyTorch sets aside for cuBLAS through its own allocator, by capability, version and environment.

These bytes are part of "allocated", not of the context. One workspace lives per handle and stream: a job that runs its
backward pass has two handles (the autograd engine's thread has its own), so two workspaces of this size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memfit.machines.versions import version_pair
from memfit.quantities import KIB, MIB

# ":4096:2:16:8", cuBLAS' own default: 2 x 4 MiB + 8 x 16 KiB. torch 2.0 and newer (pytorch/pytorch#89027, #91564).
_DEFAULT_BYTES = 2 * 4096 * KIB + 8 * 16 * KIB
# What cuBLAS recommends for Hopper and newer. torch 2.0 to 2.11: capability 9.0 only (#89027);
# from 2.12: Blackwell as well (#175344, February 2026; its revert #182669 was closed unmerged).
_LARGE_BYTES = 32 * MIB
_FIRST_IN_ALLOCATOR = (2, 0)  # before, cuBLAS took its workspace from the driver: it is part of the context
_FIRST_LARGE_ON_BLACKWELL = (2, 12)
_FIRST_PER_CALL = (2, 14)  # pytorch/pytorch#194311 (August 2026): allocated by each call, freed after it
# cublasLt: 1 MiB (#73328), taken by each call until 2.8, kept per handle and stream from 2.9 (#156495; measured: torch
# 2.11 keeps one of its own), and from 2.12 the same block as cuBLAS' (#168175, not measured): then it adds nothing.
_LT_DEFAULT_BYTES = MIB
_FIRST_LT_KEPT = (2, 9)
_FIRST_LT_SHARED = (2, 12)


def cublas_workspace_bytes(capability: tuple[int, int] | None, torch_version: str, env: Mapping[str, str]) -> int:
    """The size of one cuBLAS workspace, in bytes, as PyTorch allocates it per handle and stream.

    Args:
        capability: the device's compute capability; None for a device without cuBLAS (then 0).
        torch_version: "2.13.0", with or without a local label; a text without a number counts as the newest.
        env: the process's environment; ``CUBLAS_WORKSPACE_CONFIG`` is read.

    >>> cublas_workspace_bytes((8, 0), "2.4.0", {}), cublas_workspace_bytes((9, 0), "2.4.0", {})
    (8519680, 33554432)
    """
    version = version_pair(torch_version) or (99, 0)
    if capability is None or version < _FIRST_IN_ALLOCATOR:
        return 0
    given = re.findall(r":([0-9]+):([0-9]+)", env.get("CUBLAS_WORKSPACE_CONFIG", ""))
    if given:
        return sum(int(size) * KIB * int(count) for size, count in given)
    large = capability[0] >= 9 if version >= _FIRST_LARGE_ON_BLACKWELL else capability == (9, 0)
    return _LARGE_BYTES if large else _DEFAULT_BYTES


def cublaslt_workspace_bytes(capability: tuple[int, int] | None, torch_version: str, env: Mapping[str, str]) -> int:
    """The size of one cublasLt workspace beside cuBLAS' own, in bytes; 0 where it shares cuBLAS'.

    >>> cublaslt_workspace_bytes((8, 0), "2.9.1", {})
    1048576
    """
    version = version_pair(torch_version) or (99, 0)
    shared = env.get("TORCH_CUBLASLT_UNIFIED_WORKSPACE", "1" if version >= _FIRST_LT_SHARED else "0") == "1"
    if capability is None or version < _FIRST_IN_ALLOCATOR or shared:
        return 0
    given = env.get("CUBLASLT_WORKSPACE_SIZE", "")
    return int(given) * KIB if given.isdigit() else _LT_DEFAULT_BYTES


def workspaces_stay(torch_version: str) -> bool:
    """Whether a cuBLAS workspace, once made, lives to the end of the process (torch before 2.14)."""
    version = version_pair(torch_version) or (99, 0)
    return version < _FIRST_PER_CALL


def lt_workspaces_stay(torch_version: str) -> bool:
    """Whether a cublasLt workspace of its own lives to the end of the process (torch 2.9 to 2.13)."""
    version = version_pair(torch_version) or (99, 0)
    return _FIRST_LT_KEPT <= version < _FIRST_PER_CALL
