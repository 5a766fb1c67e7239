"""What DataParallel moves between the devices of one process: inputs, replicas, outputs and gradients.

PyTorch does it in C++ (torch/csrc/cuda/comm.cpp, 2.13), which a build without CUDA lacks; here the same copies are made
by Tensor.to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.parallel import _functions, comm

from memfit.frameworks.torch.surface.patching import Patches

Tensors = Sequence[torch.Tensor]


def install(simulation: Any, patches: Patches) -> None:
    """Replace the four functions that torch.nn.DataParallel calls."""
    place = simulation.cuda_device

    def scatter(
        tensor: torch.Tensor, devices: Any = None, chunk_sizes: Any = None, dim: int = 0, streams: Any = None, **_: Any
    ) -> tuple[torch.Tensor, ...]:
        chunks = tensor.chunk(len(devices), dim) if chunk_sizes is None else tensor.split(list(chunk_sizes), dim)
        return tuple(chunk.to(place(device)) for chunk, device in zip(chunks, devices, strict=False))

    def gather(tensors: Tensors, dim: int = 0, destination: Any = None, **_: Any) -> torch.Tensor:
        size = list(tensors[0].shape)
        size[dim] = sum(tensor.shape[dim] for tensor in tensors)
        target = torch.device("cpu") if destination in ("cpu", -1) else place(destination)
        whole, start = torch.empty(size, dtype=tensors[0].dtype, device=target), 0
        for tensor in tensors:
            whole.narrow(dim, start, tensor.shape[dim]).copy_(tensor)
            start += tensor.shape[dim]
        return whole

    def broadcast_coalesced(tensors: Tensors, devices: Any, buffer_size: int = 0) -> list[list[torch.Tensor]]:
        return [[tensor.to(place(device)) for tensor in tensors] for device in devices]

    def reduce_add_coalesced(inputs: Sequence[Tensors], destination: Any = None, buffer_size: int = 0) -> Any:
        target = place(destination)
        return tuple(_sum([tensor.to(target) for tensor in tensors]) for tensors in zip(*inputs, strict=True))

    patches.set(_functions, "_streams", None)  # one a device of the machine that asked first
    for function in (scatter, gather, broadcast_coalesced, reduce_add_coalesced):
        patches.set(comm, function.__name__, function)


def _sum(tensors: Tensors) -> torch.Tensor:
    whole = tensors[0]
    for tensor in tensors[1:]:
        whole = whole + tensor
    return whole
