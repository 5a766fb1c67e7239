"""The model of glibc's malloc against this machine's own: to the byte on a bare heap, closely inside an interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.accuracy import malloc_replay

from memfit.engine.allocators import GlibcSettings

VERSION = malloc_replay.glibc_version()
SETTINGS = [
    {},
    {"MALLOC_MMAP_THRESHOLD_": "131072"},
    {"MALLOC_TRIM_THRESHOLD_": "1000000", "MALLOC_TOP_PAD_": "65536"},
    {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"},
    {"GLIBC_TUNABLES": "glibc.malloc.tcache_max=64:glibc.malloc.mmap_max=3"},
]
SEQUENCES = {
    "recorded": json.loads(malloc_replay.DATA.read_text())["sequences"]["transformer-adamw"],
    "random": malloc_replay.random_sequence(11, 1500, live_bytes=512 << 20),
}

pytestmark = pytest.mark.skipif(VERSION < (2, 33), reason="mallinfo2 came with glibc 2.33")


@pytest.mark.skipif(VERSION != (2, 36), reason="agreement to the byte was seen on glibc 2.36 alone")
@pytest.mark.parametrize("environment", SETTINGS, ids=str)
@pytest.mark.parametrize("name", SEQUENCES)
def test_a_bare_heap_agrees_to_the_byte(name: str, environment: dict[str, str], tmp_path: Path):
    """Peak and end are what mallinfo2 says, with every setting."""
    program = malloc_replay.compiled_child(str(tmp_path))
    if program is None:
        pytest.skip("needs a C compiler")

    truth = malloc_replay.exactly(SEQUENCES[name], program, environment)

    settings = GlibcSettings.from_environment(environment, version=VERSION)
    assert malloc_replay.modelled_exactly(SEQUENCES[name], settings) == truth


@pytest.mark.parametrize(("environment", "tolerance"), [({}, 0.12), ({"MALLOC_MMAP_THRESHOLD_": "131072"}, 0.01)])
def test_inside_an_interpreter_it_comes_close(environment: dict[str, str], tolerance: float):
    """The interpreter's own blocks shift the heap: 3 to 7 % in two environments seen; hardly with a fixed threshold."""
    truth = malloc_replay.real(SEQUENCES["recorded"], environment)

    settings = GlibcSettings.from_environment(environment, version=VERSION)
    model = malloc_replay.modelled(SEQUENCES["recorded"], settings)

    assert model["peak_bytes"] == pytest.approx(truth["peak_bytes"], rel=tolerance)
