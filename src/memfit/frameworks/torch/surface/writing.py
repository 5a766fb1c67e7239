"""Writing into a real tensor what gradients flow through: it is a simulated one from then on.

``out = torch.zeros(steps, width)`` and later ``out[step] = layer(x)``: the first is small and real, the second is not.
PyTorch notes with every node of the graph on which device its result was, and refuses a gradient from another one
(validate_outputs in engine.cpp, 2.13); nothing that is done after the operator was entered changes that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.arguments import META, as_meta, is_real, real_device, tensors_in
from memfit.frameworks.torch.surface.patching import Patches

_wants_gradient = torch._C.TensorBase.requires_grad.__get__
_BY_OPERATOR = {
    "__setitem__",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ipow__",
    "__imod__",
    "__ifloordiv__",
}


def install(simulation: Any, patches: Patches) -> None:
    """Wrap the methods of torch.Tensor that write to the tensor itself."""
    for name in _writing_methods():
        patches.set(torch.Tensor, name, _followed(getattr(torch.Tensor, name), simulation.ledger))


def _writing_methods() -> list[str]:
    return sorted(name for name in dir(torch._C.TensorBase)
                  if name in _BY_OPERATOR or (name.endswith("_") and not name.startswith("_")))  # fmt: skip


def _followed(method: Callable[..., Any], ledger: Any) -> Callable[..., Any]:
    def write(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        untouched = is_real(tensor) and torch.is_grad_enabled() and not _wants_gradient(tensor)
        if untouched and any(_flows(item, ledger) for item in tensors_in(args, kwargs)):
            _simulate(tensor, ledger)
        return method(tensor, *args, **kwargs)

    return write


def _flows(tensor: torch.Tensor, ledger: Any) -> bool:
    return real_device(tensor).type == "meta" and _wants_gradient(tensor) and ledger.entry(tensor) is not None


def _simulate(tensor: torch.Tensor, ledger: Any) -> None:
    """Make a real tensor a simulated one, in place; what it is a view of, too.

    Where other views of it live it stays real: C++ swaps only what nobody else holds.
    """
    if tensor.layout is not torch.strided:
        return
    base = tensor._base
    with contextlib.suppress(RuntimeError, AttributeError, TypeError):
        if base is None:
            with torch._C._DisableTorchDispatch():
                other = as_meta(tensor)
            torch.utils.swap_tensors(tensor, other)
            ledger.moved(other, tensor)
            return
        size, stride, offset = tensor.size(), tensor.stride(), tensor.storage_offset()
        torch.utils.swap_tensors(tensor, torch.empty(0, device=META))  # a view holds on to its base
        _simulate(base, ledger)
        torch.utils.swap_tensors(tensor, base.as_strided(size, stride, offset))
