"""From a model on "meta" to one in memory: on one device, or over the ranks of a job by the wrappers that shard it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import torch
import transformers

from memfit.errors import MemfitError, UsageError
from memfit.recipes import notes
from memfit.recipes.earlier import as_then
from memfit.recipes.flat import flat_shards
from memfit.recipes.mesh import Mesh
from memfit.recipes.notes import said
from memfit.recipes.shards import Shards
from memfit.recipes.stages import cut


def device_of_job() -> torch.device:
    """This rank's device, or the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def in_place(model: Any, device: torch.device) -> Any:
    """Give every weight and buffer of a model on "meta" memory, shared ones once."""
    made: dict[int, Any] = {}
    for module in model.modules():
        fill(module, device, made)
    return model


def fill(module: Any, device: torch.device, made: MutableMapping[int, Any]) -> None:
    """Give a module's own weights and buffers memory.

    Args:
        module: whose others stay as they are.
        device: where.
        made: by the identity of a weight on "meta", what stands for it; of all modules that share weights.
    """
    from torch.distributed.tensor import DTensor

    for name, weight in module._parameters.items():
        if weight is None or weight.device.type != "meta":
            continue
        own = made.get(id(weight))
        if own is None:
            filled = torch.zeros_like(weight, device=device, requires_grad=False)
            if filled.is_floating_point() and filled.itemsize > 1 and not isinstance(filled, DTensor):
                filled.normal_(std=0.02)
            made[id(weight)] = own = torch.nn.Parameter(filled, requires_grad=weight.requires_grad)
        module._parameters[name] = own
    for name, buffer in module._buffers.items():
        if buffer is not None and buffer.device.type == "meta":
            module._buffers[name] = torch.zeros_like(buffer, device=device)


def placed(model: Any, wishes: argparse.Namespace, device: torch.device) -> Any:
    """In memory, over this job's ranks where there are several.

    Raises:
        UsageError: the ranks cannot be laid out so, or the model cannot be shared so.
        MemfitError: this transformers cannot.
    """
    as_then(model, wishes, layers_of(model))
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if wishes.mesh is not None and wishes.mesh.ranks != ranks:
        raise UsageError(f"the mesh has {wishes.mesh.ranks} ranks, and the job {ranks}", slug="bad-ranks")
    if wishes.train and wishes.parallel == "zero3":
        Shards(model, ranks, device, on_host=wishes.zero_offload == "all")
    if ranks < 2:
        return in_place(model, device)
    if wishes.mesh is not None and hasattr(model, "get_base_model"):
        return in_place(share_weights(model, wishes.mesh), device)
    if wishes.mesh is not None or not wishes.train:
        return in_place(_over_mesh(model, wishes, ranks), device)
    if not torch.distributed.is_initialized():  # a second model of the job
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if wishes.parallel.startswith("zero"):
        return in_place(model, device)
    if wishes.parallel == "ddp":
        places = [device] if device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(in_place(model, device), device_ids=places)
    if wishes.accumulate > 1 and not wishes.no_sync:
        notes.note(
            "gradients-exchanged",
            f"ranks exchange gradients after each of {wishes.accumulate} batches, not once a step",
        )
    if wishes.parallel == "fsdp1":
        made: MutableMapping[int, Any] = WeakValueDictionary()  # units let go of what they took over
        apart = wishes.train != "full" and wishes.fsdp_units == "adapters"
        filled = partial(fill, device=device, made=made)
        return flat_shards(model, list(layers_of(model)), device, fill=filled, adapters_apart=apart)
    from torch.distributed.fsdp import fully_shard

    for layer in layers_of(model):
        fully_shard(layer)
    return in_place(fully_shard(model), device)


@contextmanager
def unsynchronised(model: Any, *, until_last: bool) -> Iterator[None]:
    """A pass whose gradients the ranks do not exchange: each keeps them whole until the last one of a step.

    Args:
        model: over the ranks, by one of torch's wrappers.
        until_last: whether this one is not the last.
    """
    by_weight = getattr(model, "set_requires_gradient_sync", None)  # of fully_shard
    if by_weight is not None:
        by_weight(not until_last)
    with model.no_sync() if until_last and by_weight is None and hasattr(model, "no_sync") else nullcontext():
        yield


def _over_mesh(model: Any, wishes: argparse.Namespace, ranks: int) -> Any:
    """Shared as `from_pretrained(..., distributed_config=...)` does it, before weights are loaded."""
    _check_library(model)
    from transformers.distributed import DistributedConfig

    mesh = wishes.mesh or Mesh(tp=ranks)
    config, kind = DistributedConfig(**_sizes(mesh)), type(model)
    with _told(kind.__name__):
        if mesh.pp > 1:  # first: plans of the others name modules that this stage must have
            spread = _with_stages(mesh)
            cut(model, spread.get_mesh("pp"), to_train=bool(wishes.train))
        else:
            _, _, spread = kind.prepare_distribute_model(config)
        return kind.maybe_distribute_model(model, config, spread)


def share_layers(model: Any, mesh: Mesh) -> Any:
    """Every layer shared among tensor-parallel ranks, before a model gets adapters: peft lays them out alike.

    Its weights are shared over the rest of the mesh by `share_weights`, once the adapters are there.

    Raises:
        UsageError: the model cannot be shared so.
    """
    _check_library(model)
    from transformers.distributed import DistributedConfig

    kind = type(model)
    with _told(kind.__name__):
        _, _, spread = kind.prepare_distribute_model(DistributedConfig(**_sizes(mesh)))
        return kind.maybe_distribute_model(model, DistributedConfig(tp_size=mesh.tp), spread)


def share_weights(model: Any, mesh: Mesh) -> Any:
    """A model with adapters, whose layers `share_layers` has shared, with its weights over the other ranks."""
    from torch.distributed.tensor import DTensor
    from transformers.distributed import DistributedConfig
    from transformers.distributed.fsdp import apply_fully_sharded_data_parallelism

    for (
        module
    ) in model.modules():  # peft 0.21 writes a rank's sizes on shared layers, transformers 5.23 reads whole ones
        if isinstance(module, torch.nn.Linear) and isinstance(module.weight, DTensor):
            module.out_features, module.in_features = module.weight.shape
    if mesh.fsdp * mesh.dp > 1:
        plain, config = model.get_base_model(), DistributedConfig(**_sizes(mesh))
        with _told(type(plain).__name__):
            _, experts, weights = plain._resolve_parallel_plans(config)
            plain.config.distributed_config = config
            apply_fully_sharded_data_parallelism(plain, plain._mesh_manager, weights, experts)
    return model


def _check_library(model: Any) -> None:
    if not hasattr(model, "maybe_distribute_model"):
        raise MemfitError(
            f"transformers {transformers.__version__} does not spread a model over a mesh by itself",
            hint="pip install -U transformers",
        )


def _sizes(mesh: Mesh) -> dict[str, int]:
    return {"tp_size": mesh.tp, "fsdp_size": mesh.fsdp, "dp_replicate_size": mesh.dp, "ep_size": mesh.ep}


@contextmanager
def _told(model: str) -> Iterator[None]:
    """A library's refusal in a sentence."""
    try:
        yield
    except (ValueError, NotImplementedError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{model} cannot be spread so: {said(error)}", hint="another --mesh, or fewer devices", slug="bad-ranks"
        ) from error


def _with_stages(mesh: Mesh) -> Any:
    """What transformers makes of a configuration, for combinations that it refuses: stages beside FSDP."""
    from transformers.distributed.utils import TransformersDeviceMesh

    kind = "cuda" if torch.cuda.is_available() else "cpu"
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    dense, experts = (
        torch.distributed.init_device_mesh(
            kind, (mesh.pp, mesh.dp, across, within), mesh_dim_names=("pp", "dp_replicate", *names)
        )
        for across, within, names in (
            (mesh.fsdp, mesh.tp, ("fsdp", "tp")),
            (mesh.fsdp * mesh.tp // mesh.ep, mesh.ep, ("efsdp", "ep")),
        )
    )
    return TransformersDeviceMesh(dense, experts)


def layers_of(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The blocks that the model is a stack of: the children of every list of several of one class."""
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) > 1 and len({type(each) for each in module}) == 1:
            yield from module
