"""Tensor attributes and methods that betray where a tensor lives, or need its values."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy
import torch
import torch._functorch.eager_transforms as transforms
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack

from memfit.frameworks.torch.arguments import is_real
from memfit.frameworks.torch.ledger import HOST, whole_of
from memfit.frameworks.torch.operators.transfer import LARGEST_REAL_COPY_BYTES
from memfit.frameworks.torch.surface import lazy
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category

_Base = torch._C.TensorBase
_real_device = _Base.device.__get__
_CPU = torch.device("cpu")


def install(simulation: Any, patches: Patches) -> None:
    """Replace the attributes on torch.Tensor, which parameters and other subclasses inherit."""
    _install_place(simulation, patches)
    _install_moves(simulation, patches)
    _install_values(simulation, patches)
    _install_autograd(simulation, patches)


_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor  # what torch.func sees in place of a tensor


def _install_place(simulation: Any, patches: Patches) -> None:
    find, dispatch = simulation.ledger.entry, simulation.dispatch
    devices: dict[str, torch.device] = {HOST: _CPU}

    def device(tensor: torch.Tensor) -> torch.device:
        real = _real_device(tensor)
        if real.type != "meta" or dispatch.inside:
            return real
        entry = find(tensor)
        if entry is None:
            held = whole_of(tensor)
            if held is not None:
                return device(held)
            pool = simulation.dispatch._pool_of_components(tensor) if tensor.layout is not torch.strided else None
            if pool is None:
                return real
        else:
            pool = entry.pool
        found = devices.get(pool)
        if found is None:
            found = devices[pool] = torch.device(pool)
        return found

    def is_type(kind: str) -> property:
        return property(lambda tensor: device(tensor).type == kind)

    patches.set(torch.Tensor, "device", property(device))
    patches.set(torch.Tensor, "is_cuda", is_type("cuda"))
    patches.set(torch.Tensor, "is_cpu", is_type("cpu"))
    patches.set(torch.Tensor, "is_meta", is_type("meta"))

    def get_device(tensor: torch.Tensor) -> int:
        found = device(tensor)
        return -1 if found.type == "cpu" else (found.index or 0)

    patches.set(torch.Tensor, "get_device", get_device)
    old_type = torch.Tensor.type

    def type_(tensor: torch.Tensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
        if dtype is None:
            name = old_type(tensor).rsplit(".", 1)[-1]
            return f"torch.cuda.{name}" if device(tensor).type == "cuda" else f"torch.{name}"
        if isinstance(dtype, torch.dtype):
            return tensor.to(dtype)
        if isinstance(dtype, str):
            kind, on_cuda = getattr(torch, dtype.rsplit(".", 1)[-1]), ".cuda." in dtype
        else:
            kind, on_cuda = dtype, dtype.is_cuda
        if not on_cuda:
            return tensor.cpu().to(kind.dtype)
        return (tensor if device(tensor).type == "cuda" else tensor.cuda()).to(kind.dtype)

    patches.set(torch.Tensor, "type", type_)
    old_pointer = _Base.data_ptr
    patches.set(
        torch.Tensor,
        "data_ptr",
        lambda tensor: (
            old_pointer(tensor)
            if _real_device(tensor).type != "meta"
            else torch.Tensor.untyped_storage(tensor)._cdata + tensor.storage_offset() * tensor.element_size()
        ),
    )
    old_resize = torch.UntypedStorage.resize_

    def resize_(storage: Any, size: int) -> Any:
        old_resize(storage, size)
        simulation.ledger.resized(storage)
        return storage

    patches.set(torch.UntypedStorage, "resize_", resize_)


class _Moves:
    """Tensor.to, .cuda and .cpu between the simulated pools."""

    def __init__(self, simulation: Any) -> None:
        self.simulation = simulation
        self._old_to = _Base.to

    def place(self, tensor: torch.Tensor) -> str | None:
        """The pool, HOST for a real CPU tensor, None for a tensor that is not ours."""
        simulation = self.simulation
        if simulation.dispatch.inside:
            return None
        entry = simulation.ledger.entry(tensor)
        if entry is not None:
            return str(entry.pool)
        if tensor.layout is not torch.strided and _real_device(tensor).type == "meta":
            found: str | None = simulation.dispatch._pool_of_components(tensor)
            return found
        return HOST if _real_device(tensor).type == "cpu" else None

    def move(
        self, tensor: torch.Tensor, device: torch.device | None, dtype: Any, copy: bool, memory_format: Any
    ) -> Any:
        """The tensor on a device and in a type; itself where nothing changes."""
        if lazy.is_lazy(tensor):
            return lazy.moved(tensor, device, dtype)
        kwargs: dict[str, Any] = {"copy": copy} if copy else {}
        if memory_format is not None:
            kwargs["memory_format"] = memory_format
        source = self.place(tensor)
        if device is not None and device.type == "meta" and source is not None:
            return self.simulation.transfers.emptied(tensor, dtype)
        if device is None or source is None or device.type not in ("cpu", "cuda"):
            if device is not None:
                kwargs["device"] = device
            return self._old_to(tensor, dtype=dtype, **kwargs)
        target = HOST if device.type == "cpu" else self.simulation.pool_name(device)
        if source == target:
            return self._old_to(tensor, dtype=dtype or tensor.dtype, **kwargs)
        moved = self.simulation.transfers.move(tensor, target, dtype)
        return self._old_to(moved, **kwargs) if memory_format is not None else moved

    def to(self, tensor: torch.Tensor, *words: Any, **kwargs: Any) -> Any:
        """Every form of Tensor.to's arguments."""
        copy = kwargs.pop("copy", False)
        args = list(words)
        other = args[0] if args and isinstance(args[0], torch.Tensor) else kwargs.pop("other", None)
        if other is not None:
            return self.move(tensor, other.device, other.dtype, copy, kwargs.get("memory_format"))
        if len(args) > 3:
            device, dtype, _, copy = args[:4]
            wanted = None if device is None else torch.device(device)
            return self.move(tensor, wanted, dtype, copy, kwargs.get("memory_format"))
        if len(args) == 3 and args[0].__class__ is torch.dtype:
            copy = args.pop()
        device, dtype, _, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        return self.move(tensor, device, dtype, copy, memory_format)


def _install_moves(simulation: Any, patches: Patches) -> None:
    moves = _Moves(simulation)

    def to(tensor: torch.Tensor, *words: Any, **kwargs: Any) -> Any:
        return moves.to(tensor, *words, **kwargs)

    def cuda(tensor: torch.Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        return moves.move(tensor, simulation.cuda_device(device), None, False, memory_format)

    def cpu(tensor: torch.Tensor, memory_format: Any = None) -> Any:
        return moves.move(tensor, _CPU, None, False, memory_format)

    def pin_memory(tensor: torch.Tensor, device: Any = None) -> torch.Tensor:
        simulation.host.pinned(tensor.numel() * tensor.element_size())
        return tensor

    patches.set(torch.Tensor, "to", to)
    patches.set(torch.Tensor, "type_as", lambda tensor, other: tensor.to(other))  # C++ sees the meta device
    patches.set(torch.Tensor, "cuda", cuda)
    patches.set(torch.Tensor, "cpu", cpu)
    patches.set(torch.Tensor, "pin_memory", pin_memory)
    patches.set(torch.Tensor, "is_pinned", lambda tensor, device=None: False)
    patches.set(torch.Tensor, "record_stream", lambda tensor, stream: None)


def _install_values(simulation: Any, patches: Patches) -> None:
    ledger = simulation.ledger
    old_numpy, old_tolist = _Base.numpy, _Base.tolist
    old_repr, old_array = torch.Tensor.__repr__, torch.Tensor.__array__

    def simulated(tensor: torch.Tensor) -> bool:
        return _real_device(tensor).type == "meta" and ledger.entry(tensor) is not None

    def real(tensor: torch.Tensor) -> torch.Tensor:
        known = ledger.values(tensor)
        return known.clone() if known is not None else simulation.stand_ins.fill(tensor)

    def as_numpy(tensor: torch.Tensor, *, force: bool = False) -> Any:
        if not simulated(tensor):
            return old_numpy(tensor, force=force)
        if tensor.device.type == "cuda" and not force:
            raise TypeError(
                f"can't convert {tensor.device} device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if tensor.numel() * tensor.element_size() <= LARGEST_REAL_COPY_BYTES or ledger.values(tensor) is not None:
            return old_numpy(real(tensor.detach()))
        dtype = old_numpy(torch.empty(0, dtype=tensor.dtype)).dtype
        return numpy.zeros(tuple(tensor.shape), dtype)  # untouched pages: costs nothing here

    def array(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not simulated(tensor):
            return old_array(tensor, *args, **kwargs)
        found = as_numpy(tensor.detach())
        return found.astype(args[0], copy=False) if args and args[0] is not None else found

    def text(tensor: torch.Tensor, **kwargs: Any) -> str:
        if not simulated(tensor):
            return old_repr(tensor, **kwargs)
        known = ledger.values(tensor)
        body = str(known.tolist()) if known is not None and known.numel() <= 64 else f"..., size={tuple(tensor.shape)}"
        return f"tensor({body}, device='{tensor.device}', dtype={tensor.dtype})"

    old_finite = torch.isfinite

    def isfinite(tensor: torch.Tensor) -> torch.Tensor:
        out = old_finite(tensor)
        entry = ledger.entry(out) if simulated(out) else None
        if entry is not None and entry.mirror is None:
            entry.uniform = True  # nothing is out of the ordinary; in C++ it is made of comparisons
        return out

    patches.set(torch, "isfinite", isfinite)
    patches.set(torch.Tensor, "isfinite", isfinite)
    patches.set(torch.Tensor, "numpy", as_numpy)
    patches.set(torch.Tensor, "__array__", array)
    patches.set(torch.Tensor, "__repr__", text)
    patches.set(torch.Tensor, "tolist", lambda t: old_tolist(real(t.detach())) if simulated(t) else old_tolist(t))


def _install_autograd(simulation: Any, patches: Patches) -> None:
    """Gradients of real CPU leaves, parameters, and hooks that free gradients early."""
    old_requires, old_hook = torch.Tensor.requires_grad_, torch.Tensor.register_post_accumulate_grad_hook
    data, gradient = _Base.data, _Base.grad
    wants = _Base.requires_grad

    def follow(tensor: torch.Tensor) -> None:
        """Make a real tensor that is to be trained a simulated one, in place."""
        if is_real(tensor) and tensor.layout is torch.strided and tensor.is_leaf and not _is_wrapped(tensor):
            simulated = simulation.transfers.born(tensor, HOST, tensor if tensor.numel() <= 4096 else None)
            # where someone else holds on to it, it stays real; its operators are simulated all the same
            with contextlib.suppress(RuntimeError, AttributeError, TypeError):
                torch.utils.swap_tensors(tensor, simulated)

    def requires_grad_(tensor: torch.Tensor, requires_grad: bool = True) -> torch.Tensor:
        if requires_grad and not tensor.requires_grad:
            follow(tensor)
        return old_requires(tensor, requires_grad)

    def set_requires(tensor: torch.Tensor, value: bool) -> None:
        if value and not wants.__get__(tensor):
            follow(tensor)
        wants.__set__(tensor, value)

    def set_data(tensor: torch.Tensor, value: torch.Tensor) -> None:
        if _real_device(tensor).type == "meta" and is_real(value) and ledger.entry(tensor):
            value = simulation.transfers.born(value, HOST, value if value.numel() <= 4096 else None)
        elif is_real(tensor) and _real_device(value).type == "meta" and ledger.entry(value):
            torch.utils.swap_tensors(tensor, value.detach())  # moved by hand; C++ takes no data of another device
            return
        data.__set__(tensor, value)

    def set_grad(tensor: torch.Tensor, value: torch.Tensor | None) -> None:
        if value is not None and _real_device(tensor).type == "meta":
            if is_real(value):
                value = simulation.transfers.born(value, HOST)
            elif (local := getattr(value, "_local_tensor", None)) is not None and is_real(local):
                value = type(value)(simulation.transfers.born(local, HOST), value._spec, requires_grad=False)
        gradient.__set__(tensor, value)

    def hook(tensor: torch.Tensor, function: Any) -> Any:
        def named(parameter: torch.Tensor) -> Any:
            if parameter.grad is not None:
                ledger.classify(parameter.grad, Category.GRADIENTS)
            return function(parameter)

        return old_hook(tensor, named)

    old_wrap = transforms._wrap_tensor_for_grad

    def wrap(tensor: Any, level: int) -> Any:
        """What torch.func differentiates by: on a job's CPU its gradient will be simulated, and so must it be."""
        real = not simulation.device_count and isinstance(tensor, torch.Tensor) and is_real(tensor)
        if real and tensor.is_floating_point() and tensor.layout is torch.strided and not _is_wrapped(tensor):
            with temporarily_pop_interpreter_stack():
                tensor = ledger.stand_in(tensor, HOST)
        return old_wrap(tensor, level)

    ledger = simulation.ledger
    patches.set(transforms, "_wrap_tensor_for_grad", wrap)
    patches.set(torch.Tensor, "requires_grad_", requires_grad_)
    patches.set(torch.Tensor, "requires_grad", property(wants.__get__, set_requires))
    patches.set(torch.Tensor, "data", property(data.__get__, set_data))
    patches.set(torch.Tensor, "grad", property(gradient.__get__, set_grad, lambda tensor: set_grad(tensor, None)))
    patches.set(torch.Tensor, "register_post_accumulate_grad_hook", hook)
    old_new = torch.nn.Parameter.__new__

    def new(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        if isinstance(data, torch.Tensor) and type(data) in (torch.Tensor, torch.nn.Parameter):
            if _real_device(data).type == "cpu" and data.layout is torch.strided and not simulation.ledger.closed:
                data = simulation.transfers.born(data.detach(), HOST)
            parameter = old_new(cls, data, requires_grad)
            ledger.classify(parameter, Category.PARAMETERS)
            return parameter
        return old_new(cls, data, requires_grad)

    patches.set(torch.nn.Parameter, "__new__", staticmethod(new))
