"""Frameworks, allocator settings and the C library, found without loading anything."""

from __future__ import annotations

import subprocess
import sys

from memfit.sensors import allocator_settings, frameworks_found, libc_version, preloaded_allocator


def test_settings_of_allocators_are_picked_out() -> None:
    """What changes how memory is taken is reported as it stands; the rest of the environment is nobody's business."""
    environment = {
        "MALLOC_ARENA_MAX": "2",
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HOME": "/root",
    }

    assert allocator_settings(environment) == {
        "MALLOC_ARENA_MAX": "2",
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
    }


def test_allocator_in_mallocs_place() -> None:
    """LD_PRELOAD may hold several libraries; the allocator among them is named."""
    found = [
        preloaded_allocator({"LD_PRELOAD": "/opt/x.so:/usr/lib/libtcmalloc_minimal.so.4"}),
        preloaded_allocator({"LD_PRELOAD": "/usr/lib/libmimalloc.so /y.so"}),
        preloaded_allocator({"LD_PRELOAD": "/home/jemalloc/libother.so"}),
        preloaded_allocator({}),
    ]

    assert found == ["tcmalloc", "mimalloc", None, None]


def test_frameworks_are_found_and_not_imported() -> None:
    """Versions come from the packages' metadata: nothing of weight is loaded."""
    script = (
        "import sys; from memfit.sensors import frameworks_found; frameworks_found();"
        "print(sorted({'torch', 'numpy', 'transformers', 'pynvml'} & set(sys.modules)))"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"
    assert all(version[0].isdigit() for version in frameworks_found().values())


def test_c_library_is_named_or_unknown() -> None:
    """glibc with its version on most Linux systems, None where the system does not tell."""
    version = libc_version()

    assert version is None or version.startswith("glibc ")
