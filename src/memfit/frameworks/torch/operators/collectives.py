"""Collectives of process groups: what they fill was allocated by their callers, and holds what this rank holds."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from memfit.engine.observation import HostSide
from memfit.frameworks.torch.arguments import tensors_in
from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

# c10d's operators by their schema: which arguments are filled. Those that reduce or send in place fill what they read.
_FILLED = {
    "allreduce_": 0, "allreduce_coalesced_": 0, "broadcast_": 0, "reduce_": 0, "recv_": 0, "recv_any_source_": 0,
    "allgather_": 0, "_allgather_base_": 0, "allgather_coalesced_": 0, "allgather_into_tensor_coalesced_": 0,
    "reduce_scatter_": 0, "_reduce_scatter_base_": 0, "reduce_scatter_tensor_coalesced_": 0, "gather_": 0,
    "scatter_": 0, "alltoall_": 0, "alltoall_base_": 0, "send": None, "barrier": None,
}  # fmt: skip
_RETURN_FILLED = frozenset({
    "allreduce_", "broadcast_", "allgather_", "_allgather_base_", "reduce_scatter_", "_reduce_scatter_base_",
    "scatter_", "alltoall_",
})  # fmt: skip
# Of tensors on the host, which gloo sends: gathered ones arrive in a second copy, and what is scattered after a
# reduction is reduced as a whole in a clone (ProcessGroupGloo.cpp, torch 2.13; on a device NCCL writes where it is to).
_GATHERED = frozenset({"allgather_", "_allgather_base_", "allgather_coalesced_", "allgather_into_tensor_coalesced_"})
_SCATTERED = frozenset({"reduce_scatter_", "_reduce_scatter_base_", "reduce_scatter_tensor_coalesced_"})


def handlers(host: HostSide) -> dict[Any, Handler]:
    """The rules of c10d's operators; none in a build without distributed.

    Args:
        host: told what passes it.
    """
    if not torch.distributed.is_available():
        return {}
    found: dict[Any, Handler] = {}
    for name in _FILLED:
        operator = getattr(torch.ops.c10d, name, None)
        if operator is not None:
            found[operator.default] = partial(_communicate, host)
    return found


def functional() -> dict[Any, Handler]:
    """The rule of what functional collectives define in Python: of a job with a group, since it loads them."""
    import torch.distributed._functional_collectives

    wrap = getattr(torch.ops._c10d_functional, "_wrap_tensor_autograd", None)  # not in every version
    return {} if wrap is None else {wrap.default: _wrap}


def _wrap(dispatch: Dispatch, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], pool: str) -> Any:
    """A gathered tensor as autograd sees it: the same memory, of which its meta kernel would make a second (2.13)."""
    return dispatch.run_simulated(torch.ops.aten.alias.default, args, kwargs, pool)


def _communicate(
    host: HostSide, dispatch: Dispatch, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], pool: str
) -> Any:
    """Nothing is sent: what is filled goes back as it is, with the handle of a work that is done."""
    name = func._schema.name.split("::")[-1]
    at = _FILLED[name]
    filled = () if at is None else args[at]
    given = args[1] if len(args) > 1 else ()
    _fill(dispatch, filled, given)
    for tensor in tensors_in((filled, given), {}):
        entry = dispatch.ledger.entry(tensor)
        if entry is not None and entry.record.category is Category.OTHER:
            entry.record.category = Category.COLLECTIVES  # a buffer, unless it turns out to be a gradient
    copied = filled if name in _GATHERED else given if name in _SCATTERED else ()
    if pool == HOST:
        size_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors_in((copied,), {}))
        if name in _GATHERED and not dispatch.situation.in_backward:
            host.gathered[dispatch.situation.module_name(), size_bytes] = size_bytes
        dispatch.ledger.transient(HOST, size_bytes, Category.COLLECTIVES, f"gloo's copy for {name.strip('_')}")
    done: Any = torch.futures.Future()
    done.set_result(list(tensors_in((filled,), {})))
    work = torch._C._distributed_c10d._create_work_from_future(done).boxed()
    return (filled, work) if name in _RETURN_FILLED else work


def _fill(dispatch: Dispatch, filled: Any, given: Any) -> None:
    """Small values go round: every rank is taken to have this one's."""
    known = [dispatch.ledger.values(tensor) for tensor in tensors_in((given,), {})]
    sources = [values for values in known if values is not None]
    for tensor in tensors_in((filled,), {}):
        if len(sources) == 1 and dispatch.ledger.entry(tensor) is not None:
            times = tensor.numel() / max(sources[0].numel(), 1)
            if times >= 1 and times == int(times):
                value = sources[0].reshape(-1).repeat(int(times)).reshape(tensor.shape).to(tensor.dtype)
                dispatch.ledger.remember(tensor, value)
