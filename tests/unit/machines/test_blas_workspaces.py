"""cuBLAS' workspaces: sizes by capability, version and environment, as PyTorch's source and reports have them."""

from __future__ import annotations

import pytest

from memfit.machines import cublas_workspace_bytes, cublaslt_workspace_bytes, lt_workspaces_stay, workspaces_stay
from memfit.quantities import KIB, MIB


@pytest.mark.parametrize(
    ("capability", "torch", "size_bytes"),
    [
        ((8, 0), "2.4.0+cu121", 8_519_680),  # pytorch/pytorch#95668
        ((7, 5), "2.13.0", 8_519_680),
        ((9, 0), "2.4.0", 32 * MIB),
        ((10, 0), "2.7.0", 8_519_680),  # Blackwell before #175344
        ((12, 0), "2.12.0", 32 * MIB),
        ((8, 0), "1.13.1", 0),  # cuBLAS' own, outside of PyTorch's allocator
        ((9, 0), "unknown", 32 * MIB),
    ],
)
def test_default_sizes(capability: tuple[int, int], torch: str, size_bytes: int) -> None:
    """Two blocks of 4 MiB and eight of 16 KiB, or 32 MiB where cuBLAS recommends it."""
    assert cublas_workspace_bytes(capability, torch, {}) == size_bytes


@pytest.mark.parametrize(
    ("setting", "size_bytes"),
    [(":4096:8", 32 * MIB), (":16:8", 128 * KIB), (":4096:2:16:8", 8_519_680), (":0:0", 0), ("nonsense", 8_519_680)],
)
def test_environment_sets_the_size(setting: str, size_bytes: int) -> None:
    """CUBLAS_WORKSPACE_CONFIG is a list of :KiB:count; what cannot be read leaves the default."""
    assert cublas_workspace_bytes((8, 0), "2.4.0", {"CUBLAS_WORKSPACE_CONFIG": setting}) == size_bytes


def test_without_cublas_there_is_none() -> None:
    """The CPU and other makers' devices have no such workspace."""
    assert cublas_workspace_bytes(None, "2.4.0", {}) == 0
    assert cublaslt_workspace_bytes(None, "2.4.0", {}) == 0


@pytest.mark.parametrize(
    ("torch", "env", "size_bytes"),
    [
        ("2.4.0", {}, MIB),
        ("2.10.0", {}, MIB),
        ("2.11.0", {}, MIB),
        ("2.12.0", {}, 0),
        ("2.12.0", {"TORCH_CUBLASLT_UNIFIED_WORKSPACE": "0"}, MIB),
        ("2.9.0", {"TORCH_CUBLASLT_UNIFIED_WORKSPACE": "1"}, 0),
        ("2.4.0", {"CUBLASLT_WORKSPACE_SIZE": "4096"}, 4 * MIB),
    ],
)
def test_cublaslt_shares_or_has_its_own(torch: str, env: dict[str, str], size_bytes: int) -> None:
    """1 MiB of its own until torch 2.11, cuBLAS' block from 2.12."""
    assert cublaslt_workspace_bytes((8, 0), torch, env) == size_bytes


def test_how_long_workspaces_live() -> None:
    """Kept per handle and stream up to torch 2.13; by each call from 2.14."""
    assert [workspaces_stay(version) for version in ("2.0.0", "2.13.0", "2.14.0")] == [True, True, False]
    assert [lt_workspaces_stay(version) for version in ("2.8.0", "2.9.0", "2.14.0")] == [False, True, False]
