"""Models of memory allocators: from requests to what is held from the driver or the operating system."""

from memfit.engine.allocators.cuda_caching import CudaCachingAllocator
from memfit.engine.allocators.glibc import GlibcAllocator
from memfit.engine.allocators.interface import Allocator, AllocatorOutOfMemory, OutOfMemory
from memfit.engine.allocators.plain import PlainAllocator
from memfit.engine.allocators.settings import AllocatorSettings

__all__ = [
    "Allocator",
    "AllocatorOutOfMemory",
    "AllocatorSettings",
    "CudaCachingAllocator",
    "GlibcAllocator",
    "OutOfMemory",
    "PlainAllocator",
]
