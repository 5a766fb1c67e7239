"""Functions that make tensors out of Python values or files, and generators of random numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from memfit.frameworks.torch.surface.patching import Patches


def install(simulation: Any, patches: Patches) -> None:
    """Replace torch.tensor and its peers, torch.Generator, and what compiles or captures."""
    _install_tensor(simulation, patches)
    _install_typed(simulation, patches)
    _install_new(simulation, patches)
    _install_generator(simulation, patches)
    _install_compile(simulation, patches)


def _install_tensor(simulation: Any, patches: Patches) -> None:
    old_tensor, old_as_tensor, old_asarray = torch.tensor, torch.as_tensor, torch.asarray

    def placed(make: Any) -> Any:
        def constructor(data: Any, *, dtype: Any = None, device: Any = None, **kwargs: Any) -> torch.Tensor:
            wanted = _wanted(device)
            requires_grad = kwargs.pop("requires_grad", False)
            kwargs.pop("pin_memory", None)
            if isinstance(data, torch.Tensor):
                out = data.detach().clone() if make is old_tensor else data
                out = out.to(device=wanted, dtype=dtype) if wanted is not None or dtype is not None else out
            else:
                target = wanted if wanted is not None and wanted.type == "meta" else "cpu"
                out = make(_plain(data), dtype=dtype, device=target, **kwargs)
                if wanted is not None and wanted.type == "cuda":
                    out = out.to(wanted)
            return out.requires_grad_() if requires_grad else out

        return constructor

    asked = simulation.dispatch.asked
    patches.set(torch, "tensor", _asked(asked, placed(old_tensor)))
    patches.set(torch, "as_tensor", _asked(asked, placed(old_as_tensor)))

    def asarray(
        obj: Any, *, dtype: Any = None, device: Any = None, copy: Any = None, requires_grad: bool = False
    ) -> Any:
        made = old_asarray(_plain(obj) if not isinstance(obj, torch.Tensor) else obj, dtype=dtype, copy=copy)
        made = made.to(_wanted(device)) if device is not None else made
        return made.requires_grad_() if requires_grad else made

    patches.set(torch, "asarray", asarray)
    for name in _LEAVES:
        patches.set(torch, name, _leaf(asked, getattr(torch, name)))
    for owner, names in ((torch, _OTHERS), (torch.fft, _FREQUENCIES)):
        for name in names:
            patches.set(owner, name, _asked(asked, getattr(owner, name)))


# Factories that are asked for leaves of the graph, which C++ would mark behind the simulation's back, for a device by
# its number, which a build without CUDA does not know, or for the job's own meta tensor, like one that is simulated.
_LEAVES = ("rand", "randn", "zeros", "ones", "empty", "full", "normal", "linspace", "eye", "arange", "randint",
           "randperm", "rand_like", "randn_like", "zeros_like", "ones_like", "empty_like", "full_like")  # fmt: skip
# The others that take a device (torch.utils._device, 2.13).
_OTHERS = ("empty_permuted", "empty_strided", "empty_quantized", "bartlett_window", "blackman_window", "hamming_window",
           "hann_window", "kaiser_window", "logspace", "range", "scalar_tensor", "tril_indices", "triu_indices",
           "sparse_coo_tensor", "sparse_compressed_tensor", "sparse_csr_tensor", "sparse_csc_tensor",
           "sparse_bsr_tensor", "sparse_bsc_tensor")  # fmt: skip
_FREQUENCIES = ("fftfreq", "rfftfreq")


def _asked(asked: Any, factory: Any) -> Any:
    """What Python asks for: on meta it is the job's own."""

    def make(*args: Any, **kwargs: Any) -> Any:
        before, asked.by_python = asked.by_python, True
        try:
            return factory(*args, **kwargs)
        finally:
            asked.by_python = before

    return make


def _leaf(asked: Any, factory: Any) -> Any:
    def made(*args: Any, **kwargs: Any) -> Any:
        if isinstance(kwargs.get("device"), int):
            kwargs["device"] = torch.device("cuda", kwargs["device"])
        if args and isinstance(args[0], torch.Tensor) and str(kwargs.get("device")) == "meta":
            args = (
                torch.empty_strided(args[0].size(), args[0].stride(), dtype=args[0].dtype, device="meta"),
                *args[1:],
            )
        if not kwargs.get("requires_grad"):
            return factory(*args, **kwargs)
        return factory(*args, **{**kwargs, "requires_grad": False}).requires_grad_()

    def make(*args: Any, **kwargs: Any) -> Any:
        if asked.by_python:
            return made(*args, **kwargs)
        asked.by_python = True
        try:
            return factory(*args) if not kwargs else made(*args, **kwargs)
        finally:
            asked.by_python = False

    return make


def _wanted(device: Any) -> torch.device | None:
    if device is None:
        modes = reversed(_get_current_function_mode_stack())
        default = next((mode.device for mode in modes if isinstance(mode, DeviceContext)), None)
        return default if default is not None and default.type in ("cuda", "meta") else None
    return torch.device("cuda", device) if isinstance(device, int) else torch.device(device)


def _plain(data: Any) -> Any:
    """Nested sequences with their tensors turned into Python numbers: C++ would look inside them by itself."""
    if isinstance(data, torch.Tensor):
        return data.tolist()
    if isinstance(data, (list, tuple)) and any(isinstance(item, (torch.Tensor, list, tuple)) for item in data):
        return [_plain(item) for item in data]
    return data


def _install_typed(simulation: Any, patches: Patches) -> None:
    """torch.cuda.FloatTensor and its kind, which older scripts call with sizes or data and use in isinstance."""
    if not simulation.device_count:
        return

    class Kind(type):
        def __instancecheck__(cls, item: Any) -> bool:
            return isinstance(item, torch.Tensor) and item.is_cuda and item.dtype is cls.dtype  # type: ignore[attr-defined]

        def __call__(cls, *words: Any) -> torch.Tensor:
            return _of_words(words, cls.dtype, torch.device("cuda"))  # type: ignore[attr-defined]

    for name in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"):
        dtype = getattr(torch, f"{name}Tensor").dtype
        patches.set(torch.cuda, f"{name}Tensor", Kind(f"{name}Tensor", (), {"dtype": dtype, "is_cuda": True}))

    before: list[Any] = []  # the default device while a type of CUDA is the default

    def set_default_tensor_type(kind: Any) -> None:
        name = kind if isinstance(kind, str) else ""
        found = getattr(torch.cuda if ".cuda." in name else torch, name.rsplit(".", 1)[-1]) if name else kind
        if found.is_cuda and not before:
            device = torch.get_default_device()
            before.append(None if device.type == "cpu" else device)  # None: no mode that names it stays behind
            torch.set_default_device("cuda")
        elif before and not found.is_cuda:
            torch.set_default_device(before.pop())
        torch.set_default_dtype(found.dtype)

    patches.set(torch, "set_default_tensor_type", set_default_tensor_type)


def _of_words(words: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """What the old constructors make: of one list or array its values, of numbers or a Size an empty tensor."""
    if len(words) == 1 and not isinstance(words[0], (int, torch.Size)):
        return torch.tensor(words[0], dtype=dtype, device=device)
    size = words[0] if words and isinstance(words[0], torch.Size) else words
    return torch.empty(size or (0,), dtype=dtype, device=device)


def _install_new(simulation: Any, patches: Patches) -> None:
    """Tensor.new and new_tensor: in C++ they would follow the meta device, and nobody would follow what they made."""
    old_new, old_new_tensor = torch.Tensor.new, torch.Tensor.new_tensor
    pool_of, dispatch = simulation.ledger.pool, simulation.dispatch

    def new(tensor: torch.Tensor, *words: Any, **kwargs: Any) -> torch.Tensor:
        of_others = kwargs or any(isinstance(word, torch.Tensor) for word in words)
        if of_others or dispatch.inside or pool_of(tensor) is None:
            made: torch.Tensor = old_new(tensor, *words, **kwargs)
            return made
        return _of_words(words, tensor.dtype, tensor.device)

    def new_tensor(tensor: torch.Tensor, data: Any, *, dtype: Any = None, device: Any = None, **kwargs: Any) -> Any:
        if dispatch.inside or (device is None and pool_of(tensor) is None):
            return old_new_tensor(tensor, data, dtype=dtype, device=device, **kwargs)
        wanted = tensor.device if device is None else device
        return torch.tensor(data, dtype=dtype or tensor.dtype, device=wanted, **kwargs)

    patches.set(torch.Tensor, "new", new)
    patches.set(torch.Tensor, "new_tensor", new_tensor)


def _install_generator(simulation: Any, patches: Patches) -> None:
    class Generator(torch._C.Generator):
        """A generator of the simulated device; draws on the CPU."""

        def __new__(cls, device: Any = "cpu") -> Any:
            made = super().__new__(cls)
            made._simulated = torch.device(device)
            return made

        def __init__(self, device: Any = "cpu") -> None:
            pass

        @property
        def device(self) -> torch.device:
            return self._simulated

    patches.set(torch, "Generator", Generator)


def _install_compile(simulation: Any, patches: Patches) -> None:
    def compile_(model: Any = None, *args: Any, **kwargs: Any) -> Any:
        simulation.assume(
            "compiled-as-eager",
            "torch.compile was traced as eager: fusion usually needs less memory, never the parameters",
        )
        return (lambda function: function) if model is None else model

    patches.set(torch, "compile", compile_)
    patches.set(torch.nn.Module, "compile", lambda module, *args, **kwargs: compile_())

    def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
        return obj

    patches.set(torch.jit, "script", script)
    patches.set(torch.jit, "trace", script)
