"""PYTORCH_CUDA_ALLOC_CONF is read as torch reads it; what torch refuses becomes a sentence."""

from __future__ import annotations

import pytest

from memfit.engine.allocators import AllocatorSettings
from memfit.quantities import MIB


def test_nothing_set_is_the_default():
    """An empty environment gives torch's defaults and no problem."""
    settings = AllocatorSettings.from_environment({"PATH": "/bin"})

    assert settings == AllocatorSettings()
    assert settings.problems == ()


def test_the_cuda_variable_wins_over_the_general_one():
    """The order of torch 2.13: PYTORCH_CUDA_ALLOC_CONF, PYTORCH_HIP_ALLOC_CONF, PYTORCH_ALLOC_CONF."""
    environment = {
        "PYTORCH_ALLOC_CONF": "max_split_size_mb:21",
        "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:22",
    }

    assert AllocatorSettings.from_environment(environment).max_split_size_bytes == 22 * MIB
    del environment["PYTORCH_CUDA_ALLOC_CONF"]
    assert AllocatorSettings.from_environment(environment).max_split_size_bytes == 21 * MIB


def test_every_setting_is_read():
    """One string with all that matters, white space included."""
    text = (
        "max_split_size_mb: 128, max_non_split_rounding_mb:64,garbage_collection_threshold:0.8,"
        "expandable_segments:True,large_segment_size_mb:40,per_process_memory_fraction:0.5,"
        "pinned_use_background_threads:True,backend:native"
    )

    settings = AllocatorSettings.parse(text)

    assert settings.max_split_size_bytes == 128 * MIB
    assert settings.max_non_split_rounding_bytes == 64 * MIB
    assert settings.garbage_collection_threshold == 0.8
    assert settings.expandable_segments
    assert settings.large_segment_size_bytes == 40 * MIB
    assert settings.per_process_memory_fraction == 0.5
    assert settings.problems == ()


def test_the_rounding_of_oversize_blocks_follows_the_segment():
    """A larger segment size raises the other limit with it, unless that is set."""
    settings = AllocatorSettings.parse("large_segment_size_mb:64")

    assert settings.max_non_split_rounding_bytes == 64 * MIB


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4", [4] * 16),
        ("[64:8,256:4,1024:4,>:1]", [8, 8, 8, 8, 8, 8, 8, 0, 4, 0, 4, 1, 1, 1, 1, 1]),
        ("[>:8]", [0] + [8] * 15),
        ("[1:2,>:16]", [2] + [16] * 15),
        ("[131072:2]", [2] * 16),
        ("[256:4,128:2]", [4, 4, 4, 4, 4, 4, 4, 2, 4, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_divisions_are_filled_as_torch_fills_them(value: str, expected: list[int]):
    """The expected lists were read from torch 2.13.0's own parser."""
    settings = AllocatorSettings.parse(f"roundup_power2_divisions:{value}")

    assert list(settings.roundup_power2_divisions) == expected


@pytest.mark.parametrize(
    "text",
    [
        "bogus:1",
        "max_split_size_mb:10",
        "max_split_size_mb:ten",
        "large_segment_size_mb:10",
        "max_split_size_mb:30,large_segment_size_mb:40",
        "garbage_collection_threshold:1.5",
        "roundup_power2_divisions:3",
        "roundup_power2_divisions:0",
        "expandable_segments:true",
        "backend:cudaMallocAsync",
        "max_split_size_mb",
    ],
)
def test_what_is_refused_is_reported_and_not_fatal(text: str):
    """The setting is left at its default, apart from one of a pair that is right."""
    settings = AllocatorSettings.parse(text)

    assert len(settings.problems) == 1
    assert settings.max_split_size_bytes is None


def test_a_setting_that_came_later_is_reported_for_an_older_torch():
    """expandable_segments came with torch 2.1."""
    old = AllocatorSettings.parse("expandable_segments:True", torch_version="2.0.1")
    new = AllocatorSettings.parse("expandable_segments:True", torch_version="2.13.0+cu128")

    assert not old.expandable_segments
    assert "2.1" in old.problems[0]
    assert new.expandable_segments
