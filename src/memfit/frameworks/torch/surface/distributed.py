"""One rank of a process group whose other ranks are not there: the wrappers are the real ones, nothing is sent.

The group is PyTorch's own fake one. Collectives return at once; what they write to was allocated by their callers, and
keeps the values of this rank: the others are taken to be like it.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches

_BACKEND = "fake"
_ASSUMED = "the other ranks were not run: what they would send is taken to be like what this one holds"


def install(simulation: Any, patches: Patches) -> None:
    """Put the replacements in place; does nothing in a build without distributed."""
    distributed: Any = torch.distributed
    if not distributed.is_available():
        return
    _install_groups(simulation, patches, distributed)
    _install_objects(patches, distributed)
    _install_reducer(simulation, patches, distributed)
    _install_meshes(simulation, patches)


def _install_groups(simulation: Any, patches: Patches, distributed: Any) -> None:
    core = distributed.distributed_c10d
    old_init, old_new, old_backend = core.init_process_group, core.new_group, core.get_backend
    names: dict[str, str] = {}

    def init_process_group(
        backend: Any = None,
        init_method: str | None = None,
        timeout: Any = None,
        world_size: int = -1,
        rank: int = -1,
        store: Any = None,
        **options: Any,
    ) -> None:
        _register()
        world_size = world_size if world_size > 0 else int(os.environ.get("WORLD_SIZE", "1"))
        rank = rank if rank >= 0 else int(os.environ.get("RANK", "0"))
        names["backend"] = str(backend or ("nccl" if simulation.device_count else "gloo")).rpartition(":")[2]
        simulation.joins_group(rank, world_size)
        simulation.assume("other-ranks-like-this", _ASSUMED)
        old_init(_BACKEND, rank=rank, world_size=world_size, store=distributed.HashStore())

    def new_group(ranks: Any = None, timeout: Any = None, backend: Any = None, **options: Any) -> Any:
        options.pop("pg_options", None)
        options.pop("device_id", None)
        return old_new(ranks, backend=_BACKEND, **options)

    def get_backend(group: Any = None) -> str:
        old_backend(group)  # its own error where there is no group
        return names.get("backend", "gloo")

    for owner in (core, distributed):
        patches.set(owner, "init_process_group", init_process_group)
        patches.set(owner, "new_group", new_group)
        patches.set(owner, "get_backend", get_backend)
        for name in ("barrier", "monitored_barrier"):
            patches.set(owner, name, lambda *args, **kwargs: None)


def _register() -> None:
    """Make PyTorch's fake group known by its name, as its own test helper does."""
    from torch._C._distributed_c10d import FakeProcessGroup

    backends = torch.distributed.Backend
    if getattr(backends, "_memfit_knows_fake", False) or _BACKEND.upper() in backends._plugins:
        return
    make = getattr(FakeProcessGroup, "_create_internal", None)

    def create(common: Any, backend_options: Any) -> Any:
        if make is None:  # before torch 2.9
            return FakeProcessGroup(common.group_rank, common.group_size)
        return make(common.group_rank, common.group_size, backend_options)

    backends.register_backend(_BACKEND, create, extended_api=True, devices=["cpu", "cuda"])


def _install_objects(patches: Patches, distributed: Any) -> None:
    """Collectives of Python objects: every rank has what this one has."""
    core = distributed.distributed_c10d

    def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
        object_list[:] = [copy.copy(obj) for _ in object_list]

    def gather_object(
        obj: Any, object_gather_list: list[Any] | None = None, dst: Any = None, group: Any = None, group_dst: Any = None
    ) -> None:
        if object_gather_list is not None:
            all_gather_object(object_gather_list, obj)

    def scatter_object_list(
        output: list[Any], given: list[Any] | None = None, src: Any = None, group: Any = None, group_src: Any = None
    ) -> None:
        if given:
            output[0] = given[min(distributed.get_rank(group), len(given) - 1)]

    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    for owner in (core, distributed):
        patches.set(owner, "all_gather_object", all_gather_object)
        patches.set(owner, "gather_object", gather_object)
        patches.set(owner, "scatter_object_list", scatter_object_list)
        patches.set(owner, "broadcast_object_list", nothing)


def _install_reducer(simulation: Any, patches: Patches, distributed: Any) -> None:
    """DistributedDataParallel's buckets are made in C++, on the device that a simulated parameter really has."""
    old = distributed.Reducer

    class Reducer(old):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            with simulation.dispatch.made_inside(_pool_of(simulation, args)):
                super().__init__(*args, **kwargs)
            self._memfit_pool = _pool_of(simulation, args)

        def _rebuild_buckets(self) -> bool:
            with simulation.dispatch.made_inside(self._memfit_pool):
                return bool(super()._rebuild_buckets())

    patches.set(distributed, "Reducer", Reducer)
    patches.set(distributed, "_verify_params_across_processes", lambda *args, **kwargs: None)  # looks at other ranks


def _install_meshes(simulation: Any, patches: Patches) -> None:
    """How the ranks are laid out tells which of them are alike."""
    module = torch.distributed.device_mesh
    old = module.init_device_mesh

    def init_device_mesh(device_type: str, mesh_shape: Any, *, mesh_dim_names: Any = None, **options: Any) -> Any:
        names = mesh_dim_names or [f"dim{index}" for index in range(len(mesh_shape))]
        simulation.meshes.append(tuple(zip(map(str, names), map(int, mesh_shape), strict=True)))
        return old(device_type, mesh_shape, mesh_dim_names=mesh_dim_names, **options)

    for owner in (module, torch.distributed):
        if hasattr(owner, "init_device_mesh"):
            patches.set(owner, "init_device_mesh", init_device_mesh)


def _pool_of(simulation: Any, args: tuple[Any, ...]) -> str | None:
    parameters = args[0] if args else ()
    return next((simulation.ledger.pool(tensor) for tensor in parameters), None)
