"""Models of memory allocators: from requests to what is held from the driver or the operating system."""

from memfit.engine.allocators.cuda_caching import CudaCachingAllocator
from memfit.engine.allocators.glibc import NO_SMALL_BLOCKS, TORCH_SMALL_BLOCKS, GlibcAllocator, SmallBlocks
from memfit.engine.allocators.glibc_settings import GlibcSettings
from memfit.engine.allocators.interface import Allocator, AllocatorOutOfMemory, OutOfMemory
from memfit.engine.allocators.plain import PlainAllocator
from memfit.engine.allocators.settings import AllocatorSettings

__all__ = [
    "NO_SMALL_BLOCKS",
    "TORCH_SMALL_BLOCKS",
    "Allocator",
    "AllocatorOutOfMemory",
    "AllocatorSettings",
    "CudaCachingAllocator",
    "GlibcAllocator",
    "GlibcSettings",
    "OutOfMemory",
    "PlainAllocator",
    "SmallBlocks",
]
