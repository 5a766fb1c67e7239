"""Small training jobs of several processes on the CPU, as a launcher starts them: python job.py NAME.

Each rank reads its place from the environment (RANK, WORLD_SIZE, …), as under torchrun.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

STEPS = 4


class Feedforward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(torch.nn.functional.gelu(self.up(x)))


def mlp(depth: int = 6, width: int = 1024, inner: int = 3072) -> nn.Sequential:
    return nn.Sequential(*[Feedforward(width, inner) for _ in range(depth)])


def transformer(layers: int = 4, width: int = 512) -> nn.Sequential:
    layer = [nn.TransformerEncoderLayer(width, 8, 2048, dropout=0.0, batch_first=True) for _ in range(layers)]
    return nn.Sequential(*layer)


def convolutions() -> nn.Sequential:
    parts: list[nn.Module] = []
    channels = 3
    for wide in (64, 128, 256):
        parts += [nn.Conv2d(channels, wide, 3, stride=2, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
        channels = wide
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(256 * 8 * 8, 1024), nn.ReLU(), nn.Linear(1024, 1000))


def train(
    model: nn.Module,
    optimizer: Any,
    shape: tuple[int, ...],
    *,
    clip: bool = False,
    accumulate: Callable[[], Any] | None = None,
) -> None:
    for _ in range(STEPS):
        if accumulate is not None:
            with accumulate():
                model(torch.randn(shape)).square().mean().backward()
        loss = model(torch.randn(shape)).square().mean()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        dist.all_reduce(loss.detach())


def adamw(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=1e-4)


def ddp_mlp() -> None:
    model = DistributedDataParallel(mlp())
    train(model, adamw(model.parameters()), (64, 1024))


def ddp_bucket_view() -> None:
    model = DistributedDataParallel(transformer(), gradient_as_bucket_view=True)
    train(model, adamw(model.parameters()), (8, 128, 512))


def ddp_unused() -> None:
    model = mlp(depth=4)
    model.extra = nn.Linear(1024, 1024)
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)
    model.forward = lambda x: nn.Sequential(*list(model.children())[:4])(x)  # type: ignore[method-assign]
    train(wrapped, adamw(wrapped.parameters()), (64, 1024))


def ddp_convolutions() -> None:
    model = DistributedDataParallel(convolutions())
    train(model, torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9), (16, 3, 64, 64))


def ddp_accumulation() -> None:
    model = DistributedDataParallel(mlp())
    train(model, adamw(model.parameters()), (64, 1024), accumulate=model.no_sync)


def zero_redundancy() -> None:
    model = DistributedDataParallel(mlp())
    optimizer = ZeroRedundancyOptimizer(model.parameters(), optimizer_class=torch.optim.AdamW, lr=1e-4)
    train(model, optimizer, (64, 1024))


def _sharded(model: nn.Sequential, mesh: Any, **options: Any) -> nn.Module:
    for layer in model:
        fully_shard(layer, mesh=mesh, **options)
    return fully_shard(model, mesh=mesh, **options)


def fsdp_mlp() -> None:
    model = _sharded(mlp(), init_device_mesh("cpu", (dist.get_world_size(),)))
    train(model, adamw(model.parameters()), (64, 1024), clip=True)


def fsdp_keep() -> None:
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    model = _sharded(transformer(), mesh, reshard_after_forward=False)
    train(model, adamw(model.parameters()), (8, 128, 512))


def fsdp_mixed() -> None:
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    model = _sharded(mlp(), mesh, mp_policy=policy)
    train(model, adamw(model.parameters()), (64, 1024))


def fsdp_uneven() -> None:
    model = _sharded(mlp(width=1021, inner=2049), init_device_mesh("cpu", (dist.get_world_size(),)))
    train(model, adamw(model.parameters()), (64, 1021))


def hybrid_shard() -> None:
    mesh = init_device_mesh("cpu", (2, dist.get_world_size() // 2), mesh_dim_names=("replicate", "shard"))
    model = _sharded(mlp(), mesh)
    train(model, adamw(model.parameters()), (64, 1024))


def _tensor_parallel(model: nn.Sequential, mesh: Any) -> nn.Sequential:
    for layer in model:
        parallelize_module(layer, mesh, {"up": ColwiseParallel(), "down": RowwiseParallel()})
    return model


def tensor_parallel() -> None:
    model = _tensor_parallel(mlp(), init_device_mesh("cpu", (dist.get_world_size(),)))
    train(model, adamw(model.parameters()), (64, 1024))


def tensor_and_data() -> None:
    mesh = init_device_mesh("cpu", (2, dist.get_world_size() // 2), mesh_dim_names=("dp", "tp"))
    model = _sharded(_tensor_parallel(mlp(), mesh["tp"]), mesh["dp"])
    train(model, adamw(model.parameters()), (64, 1024))


def plain_reduce() -> None:
    """Without a wrapper: gradients are averaged one by one."""
    model = transformer()
    optimizer = adamw(model.parameters())
    for _ in range(STEPS):
        with nullcontext():
            model(torch.randn(8, 128, 512)).square().mean().backward()
        for parameter in model.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= dist.get_world_size()
        optimizer.step()
        optimizer.zero_grad()


def _by_name(model: str, *words: str) -> None:
    """A model by its configuration, spread by transformers' own wrappers."""
    from memfit.recipes import language

    language.main([str(Path(__file__).parent / "models" / model), "--seq", "256", *words])


def named_serve() -> None:
    _by_name("dense", "--serve", "--context", "2048", "--concurrent", "4", "--mesh", f"tp={dist.get_world_size()}")


def named_generate() -> None:
    _by_name("experts", "--generate", "8", "--batch", "4", "--mesh", f"tp={dist.get_world_size()}")


def named_tensor_parallel() -> None:
    _by_name("dense", "--train", "full", "--batch", "2", "--mesh", f"tp={dist.get_world_size()}")


def named_mesh() -> None:
    _by_name("dense", "--train", "full", "--batch", "2", "--mesh", f"tp=2,fsdp={dist.get_world_size() // 2}")


def named_stages() -> None:
    mesh = f"pp=2,tp={dist.get_world_size() // 2}"
    _by_name("dense", "--train", "full", "--batch", "2", "--accumulate", "4", "--mesh", mesh)


def named_lora_sharded() -> None:
    _by_name("small", "--train", "lora", "--batch", "2", "--parallel", "fsdp")


def named_lora_mesh() -> None:
    mesh = f"tp=2,fsdp={dist.get_world_size() // 2}"
    _by_name("small", "--train", "lora", "--batch", "2", "--mesh", mesh)


def named_experts() -> None:
    _by_name("experts", "--train", "full", "--batch", "2", "--mesh", f"tp={dist.get_world_size()}")


def main(name: str) -> None:
    torch.manual_seed(0)
    dist.init_process_group("gloo")
    globals()[name]()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
