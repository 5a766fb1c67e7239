"""Convolutions on a device: cuDNN's workspaces.

On tensor cores cuDNN computes channels-last: it lays contiguous images, filters and results out anew in its workspace,
channels padded to what one instruction reads. Read off 230 single convolutions on an H200 (torch 2.11, cuDNN 9.19,
benchmarks/accuracy/data/device): there this rule holds to a few percent; what it leaves out is said beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from memfit.frameworks.torch.arguments import as_meta, tensors_in
from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import MIB, Category

aten = torch.ops.aten
_HALF = (torch.float16, torch.bfloat16)

# Without tensor cores the algorithm, and with it the workspace, is not known: published whole-process readings of VGG-,
# PSPNet- and SDXL-like convolutions lie 6 to 15 % above their tensors, which such a share gives. Assumed.
PLAIN_SHARE = 0.5
# Partial sums of filter gradients: up to 14 copies of the filter (of 64 channels: just that many), at most so much.
_PARTIAL_COPIES, _PARTIAL_BYTES = 14, 8 * MIB
_WIDE_CHANNELS = 256
# For filter gradients of few channels over small float32 images cuDNN writes out every window of image and result:
# seen up to so many channels and elements of a plane, for 3x3 filters that move by one (17.5 to 18 times the image).
_WINDOW_CHANNELS, _WINDOW_PLANE, _WINDOW = 32, 32 * 32, 9
# Two more such convolutions, of up to 96 channels, did the same in part; a plan has to reckon with it up to here.
_POSSIBLE_WINDOW_CHANNELS = 96
# Up to so many input channels, and a small filter, the forward pass has kernels that read images as they lie.
_FIRST_LAYER_CHANNELS, _FIRST_LAYER_FILTER = 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """One convolution as the library sees it.

    Args:
        image, filter, result: shapes; of a transposed convolution the image is what cuDNN calls the result.
        item_bytes: of the type computed in.
        half: whether that is a 16-bit type.
        channels_last: how image and filter lie in memory.
        stride, groups: as given.
    """

    image: tuple[int, ...]
    filter: tuple[int, ...]
    result: tuple[int, ...]
    item_bytes: int
    half: bool
    channels_last: bool
    stride: tuple[int, ...]
    groups: int

    @property
    def depthwise(self) -> bool:
        return self.groups > 1 and self.groups == self.image[1]

    @property
    def pointwise(self) -> bool:
        """A plain matrix product."""
        return all(size == 1 for size in self.filter[2:]) and self.groups == 1

    @property
    def first_layer(self) -> bool:
        return self.image[1] <= _FIRST_LAYER_CHANNELS and math.prod(self.filter[2:]) <= _FIRST_LAYER_FILTER**2

    def forward_bytes(self) -> int:
        """The workspace of the forward pass."""
        if self.depthwise or self.pointwise or (self.first_layer and not self.channels_last):
            return 0
        return self._laid_out(self.channels_last)

    def image_gradient_bytes(self) -> int:
        """The workspace for the image's gradient."""
        if self.depthwise or self.pointwise or (self.first_layer and not self.half):
            return 0
        return self._laid_out(self.channels_last)

    def filter_gradient_bytes(self) -> int:
        """The workspace for the filter's gradient."""
        partial = min(_PARTIAL_COPIES * self._size(self.filter), _PARTIAL_BYTES)
        if self.depthwise:
            return 0
        if self.first_layer and not self.half:
            return 0
        if self._writes_windows(_WINDOW_CHANNELS):
            return self._windows()
        if self.pointwise and not self.half and self.result[1] % 4:
            return self._size(self.image) + self._size(self.result) + partial
        if self.pointwise and self.image[1] < _WIDE_CHANNELS and all(step == 1 for step in self.stride):
            return partial
        return self._laid_out(self.channels_last) + partial

    def possible_bytes(self) -> int:
        """The largest workspace that was seen for the like: what a plan has to reckon with."""
        return self._windows() if self._writes_windows(_POSSIBLE_WINDOW_CHANNELS) else 0

    def trial_bytes(self) -> int:
        """About the largest workspace among all algorithms: every window of the image written out. Four jobs that were
        measured with benchmarking on took 0.7 to 1.6 times as much for their largest convolutions."""
        return math.prod(self.filter[2:]) * self._size(self.image)

    def _writes_windows(self, channels: int) -> bool:
        return (
            not self.half
            and not self.channels_last
            and self.groups == 1
            and math.prod(self.filter[2:]) == _WINDOW
            and len(self.filter) == 4
            and all(step == 1 for step in self.stride)
            and _FIRST_LAYER_CHANNELS < max(self.image[1], self.result[1]) <= channels
            and self.image[1] > _FIRST_LAYER_CHANNELS
            and math.prod(self.image[2:]) <= _WINDOW_PLANE
        )

    def _windows(self) -> int:
        return _WINDOW * (self._size(self.image) + self._size(self.result))

    def _laid_out(self, only_padded: bool) -> int:
        """Copies of image, filter and result; of channels-last ones only those that must be padded."""
        step = 8 if self.half else 4
        total = 0
        for shape, channels in ((self.image, 1), (self.result, 1), (self.filter, 1)):
            padded = -(-shape[channels] // step) * step if self.groups == 1 else shape[channels]
            if not only_padded or padded != shape[channels]:
                total += self._size(shape) // max(shape[channels], 1) * padded
        return total

    def _size(self, shape: Sequence[int]) -> int:
        return math.prod(shape) * self.item_bytes


def _seen(image: torch.Tensor, weight: torch.Tensor, result: Any, stride: Any, transposed: bool, groups: int) -> Any:
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(image.dim())
    channels_last = last is not None and any(
        item.is_contiguous(memory_format=last) and not item.is_contiguous() for item in (image, weight)
    )
    first, second = (result, image) if transposed else (image, result)
    return Convolution(
        image=tuple(first.shape),
        filter=tuple(weight.shape),
        result=tuple(second.shape),
        item_bytes=image.element_size(),
        half=image.dtype in _HALF,
        channels_last=channels_last,
        stride=tuple(stride),
        groups=groups,
    )


def on_tensor_cores(capability: tuple[int, int], dtype: torch.dtype) -> bool:
    """Whether cuDNN computes in that type on tensor cores: halves from Volta on, float32 as TF32 from Ampere on."""
    if dtype in _HALF:
        return capability >= (7, 0)
    return dtype is torch.float32 and capability >= (8, 0) and torch.backends.cudnn.allow_tf32


def handlers(simulation: Any) -> dict[Any, Handler]:
    """The table: forward and backward of every convolution."""

    def workspace(dispatch: Dispatch, pool: str, image: torch.Tensor, size_bytes: int, args: Any) -> None:
        if not on_tensor_cores(simulation.capability(pool), image.dtype):
            size_bytes = int(sum(item.numel() * item.element_size() for item in tensors_in(args, {})) * PLAIN_SHARE)
        dispatch.ledger.transient(pool, size_bytes, Category.WORKSPACES, "cuDNN convolution workspace")

    tried: set[tuple[bool, Convolution]] = set()

    def trials(dispatch: Dispatch, pool: str, seen: Convolution, backward: bool) -> None:
        """With torch.backends.cudnn.benchmark every algorithm is tried once for a shape, then the cache is emptied."""
        if not torch.backends.cudnn.benchmark or (backward, seen) in tried:
            return
        tried.add((backward, seen))
        simulation.assume(
            "cudnn-benchmark", "cuDNN tries its algorithms: their largest workspace is taken as the images' windows"
        )
        dispatch.ledger.transient(pool, seen.trial_bytes(), Category.WORKSPACES, "cuDNN trial")
        simulation.workspace_doubt_bytes = max(simulation.workspace_doubt_bytes, seen.trial_bytes())
        simulation.empty_cache()

    def forward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        out = dispatch.run_simulated(func, args, kwargs, pool)
        if pool != HOST:
            image, weight, _, stride, _, _, transposed, _, groups = args[:9]
            simulation.libraries.add("cuDNN")
            seen = _seen(image, weight, out, stride, transposed, groups)
            trials(dispatch, pool, seen, backward=False)
            workspace(dispatch, pool, image, seen.forward_bytes(), args)
        return out

    def backward(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        """The image's gradient is done with before the filter's is made."""
        if pool == HOST:
            return dispatch.run_simulated(func, args, kwargs, pool)
        gradient, image, weight, _, stride, _, _, transposed, _, groups = args[:10]
        seen = _seen(image, weight, gradient, stride, transposed, groups)
        out = func(*[as_meta(item) for item in args], **kwargs)
        for made, size_bytes in zip(out, (seen.image_gradient_bytes(), seen.filter_gradient_bytes(), 0), strict=True):
            if made is not None:
                dispatch.record(made, pool, dispatch.facts(func).label)
                if size_bytes:
                    trials(dispatch, pool, seen, backward=True)
                    workspace(dispatch, pool, image, size_bytes, args)
        more = seen.possible_bytes() - seen.filter_gradient_bytes()
        simulation.workspace_doubt_bytes = max(simulation.workspace_doubt_bytes, more)
        return out

    return {aten.convolution.default: forward, aten.convolution_backward.default: backward}
