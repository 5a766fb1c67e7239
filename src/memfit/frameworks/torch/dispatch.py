"""Every operator of the simulated job passes here. Sizes and strides come from PyTorch's own meta kernels.

An operator whose tensors are all real CPU tensors runs for real (loaders, tokenizers, small host arithmetic). As soon
as one tensor is simulated the whole operator is: real arguments are seen by shape only, results are born in the
simulated tensor's pool. Operators whose device behaviour differs from their meta kernel are in operators/.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from memfit.frameworks.torch.arguments import META, PLAIN_DISPATCH, as_meta, components, real_device, tensors_in, zeros
from memfit.frameworks.torch.ledger import HOST, Ledger, worth_mirroring
from memfit.frameworks.torch.operators import mixing
from memfit.frameworks.torch.shapes import ShapeMemory
from memfit.frameworks.torch.situation import Situation
from memfit.quantities import Category

Handler = Callable[["Dispatch", Any, tuple[Any, ...], dict[str, Any], str], Any]

_Tensor = torch.Tensor
_active_mode = torch._C._get_dispatch_mode
_FAKE = torch._C._TorchDispatchModeKey.FAKE
_CALLED_BY_NAME = (torch._ops.OpOverload.__call__.__code__, torch._ops.OpOverloadPacket.__call__.__code__)
aten = torch.ops.aten

# A real CPU tensor that a factory would fill beyond this is simulated instead: nothing of the job's size is allocated.
# Random tensors are cheaper to leave out, and their values are nobody's business.
_LARGEST_REAL_FACTORY_BYTES = 64 << 20
_LARGEST_REAL_RANDOM_BYTES = 4 << 20
# An operator without a shape rule is run on real zeros up to this size of its arguments.
_LARGEST_ZEROS_BYTES = 256 << 20
_RANDOM = frozenset({"rand", "randn", "randint", "normal", "rand_like", "randn_like", "randint_like"})
_FACTORIES = frozenset({"empty", "zeros", "ones", "full", "empty_strided", "new_empty", "new_zeros", "new_ones",
                        "new_full", "zeros_like", "ones_like", "empty_like", "full_like", "arange", "eye",
                        "linspace"}) | _RANDOM  # fmt: skip
_PLAIN_FACTORIES = frozenset({"zeros", "ones", "full", "arange", "eye", "linspace", "scalar_tensor", "randint",
                              "randperm", "tril_indices", "triu_indices"})  # fmt: skip


class Facts:
    """What is read once of an operator: which arguments it writes to, whether it is made of others."""

    __slots__ = ("composite", "label", "name", "one_device", "positions", "random", "writes")

    def __init__(self, func: Any) -> None:
        schema = func._schema
        self.name: str = schema.name.split("::")[-1]
        self.label = str(func)
        self.one_device = mixing.refuses(self.name)
        has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
        # a few (silu_backward, mish_backward) have kernels of their own on the devices, beside a composite one
        self.composite: bool = has_kernel(func.name(), "CompositeImplicitAutograd") and not has_kernel(
            func.name(), "CPU"
        )
        self.positions = [
            (index, argument.name)
            for index, argument in enumerate(schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        self.writes = bool(self.positions)
        self.random = torch.Tag.nondeterministic_seeded in func.tags


class _Asked(threading.local):
    """Whether this thread is within a factory that Python called."""

    by_python = False


class Dispatch(TorchDispatchMode):
    """The dispatch mode of one simulation.

    Args:
        ledger: where births go.
        situation: told when autograd makes a node.
        handlers: operators with rules of their own, by overload.
        keys: dispatch keys that must not act inside meta kernels (autocast and the composite overrides).
        device_pool: turns a "cuda" device into its pool's name.
        assume: told (slug, text) when something was guessed.
    """

    def __init__(
        self,
        ledger: Ledger,
        situation: Situation,
        handlers: dict[Any, Handler],
        keys: torch._C.DispatchKeySet,
        device_pool: Callable[[torch.device], str],
        assume: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self.ledger = ledger
        self.situation = situation
        self.handlers = handlers
        self.keys = keys
        self.device_pool = device_pool
        self.assume = assume
        self.operators = 0
        self.inside = 0  # > 0 while PyTorch's own meta kernels run: they must see meta devices
        self.shapes = ShapeMemory()
        self.in_group = False  # one rank of several
        self.asked = _Asked()
        self._made_inside: str | None = None
        self._last: str | None = None  # the pool of the last tensors on meta, None where they were the job's own
        self._facts: dict[Any, Facts] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No detour through the compiler's frontend: importing it costs more than the simulation."""
        return False

    @contextlib.contextmanager
    def made_inside(self, pool: str | None) -> Iterator[None]:
        """For as long as PyTorch makes tensors in C++, on the device that it sees: they belong to this pool."""
        before, self._made_inside = self._made_inside, pool
        try:
            yield
        finally:
            self._made_inside = before

    # -- the way of an operator --------------------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if _active_mode(_FAKE) is not None:
            return func(*args, **kwargs)  # somebody looks for shapes: no tensor of the job
        if types and any(kind.__torch_dispatch__ is not PLAIN_DISPATCH for kind in types):
            return NotImplemented  # a tensor made of tensors (DTensor, …) takes itself apart and comes back
        if self.ledger.closed:
            return func(*args, **kwargs)
        facts = self.facts(func)
        if facts.composite and func not in self.handlers:
            # without autograd (inference mode) composite operators arrive whole: take them apart as autograd would
            with self:
                return func.decompose(*args, **kwargs)
        self.operators += 1
        pool, any_real, mixed = self._pool_of_arguments(args, kwargs)
        if mixed and facts.one_device and not self.in_group and not self.situation.in_backward:
            mixing.check(facts.label, tensors_in(args, kwargs), self._device_name)
        device = kwargs.get("device")
        if device is not None:
            device = torch.device(device)
            if device.type == "cuda":
                pool = self.device_pool(device)
            elif device.type == "cpu" and func is not aten._to_copy.default:
                pool = None  # a factory asked for the host; its size decides below
            elif device.type == "meta" and pool is None:
                pool = self._pool_inside(func)
                if pool is None:
                    return func(*args, **kwargs)  # the user's own meta tensor
        if pool is None:
            return self._run_real(func, args, kwargs)
        self.situation.note_graph_node()
        handler = self.handlers.get(func)
        self.inside += 1
        try:
            with torch._C._ExcludeDispatchKeyGuard(self.keys):
                if handler is not None:
                    return handler(self, func, args, kwargs, pool)
                return self.run_simulated(func, args, kwargs, pool, any_real)
        finally:
            self.inside -= 1

    def _pool_of_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str | None, bool, bool]:
        """The pool that the operator works in (a device before the host), whether a real tensor takes part, and whether
        tensors of two pools do."""
        pool: str | None = None
        any_real = any_own = mixed = False
        find = self.ledger.entry
        for tensor in tensors_in(args, kwargs):
            device = real_device(tensor)
            if device.type == "meta":
                entry = find(tensor)
                found = self._pool_of_components(tensor) if entry is None else entry.pool
                if found is None:
                    any_own = True
                elif found != pool:
                    mixed = mixed or pool is not None
                    if pool is None or pool == HOST:
                        pool = found
            else:
                any_real = True
        if pool is not None or any_own:
            self._last = pool
        return pool, any_real, mixed or (any_real and pool is not None and pool != HOST)

    def _pool_inside(self, func: Any) -> str | None:
        """The pool of what a factory makes on meta, None for the job's own meta tensors.

        What Python asks for there is the job's own. C++ asks where an operator made of others, or a formula of the
        backward pass, needs a tensor beside its operands and sees that they are on meta: it belongs where they do.
        """
        if self._made_inside is not None:
            return self._made_inside
        caller = sys._getframe(2)  # of the factory itself, as torch.ops.aten.empty
        direct = caller.f_code in _CALLED_BY_NAME and caller.f_locals["self"] in (func, func.overloadpacket)
        return None if self.asked.by_python or direct else self._last

    def _device_name(self, tensor: torch.Tensor) -> str | None:
        """Where a tensor is, as torch names it; None for the user's own meta tensor."""
        pool = HOST if real_device(tensor).type != "meta" else self.ledger.pool(tensor)
        return mixing.HOST_NAME if pool == HOST else pool

    def _pool_of_components(self, tensor: torch.Tensor) -> str | None:
        """The pool of a sparse tensor, by its values."""
        if tensor.layout is torch.sparse_coo:
            return self.ledger.pool(tensor._values())
        return None

    def _run_real(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        facts = self.facts(func)
        if facts.name in _FACTORIES and not _of_meta(args, kwargs) and self._too_large(func, args, kwargs, facts):
            self.situation.note_graph_node()
            with torch._C._ExcludeDispatchKeyGuard(self.keys):
                return self.run_simulated(func, args, {**kwargs, "device": META}, HOST, True)
        out = func(*args, **kwargs)
        for tensor in tensors_in((out,), {}):
            if real_device(tensor).type == "cpu" and tensor.layout is torch.strided:
                self.ledger.adopt(tensor, HOST, operator=str(func), real=True)
        return out

    def _too_large(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], facts: Facts) -> bool:
        limit = _LARGEST_REAL_RANDOM_BYTES if facts.name in _RANDOM else _LARGEST_REAL_FACTORY_BYTES
        try:
            shape = func(*[as_meta(item) for item in args], **{**kwargs, "device": META, "pin_memory": None})
        except Exception:
            return False
        if self.in_group and shape.is_floating_point():
            limit = 0  # a rank's share of a weight, what is gathered of it and its gradient must be simulated alike
        return bool(shape.numel() * shape.element_size() > limit)

    # -- simulated operators -----------------------------------------------------------------------------------

    def run_simulated(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], pool: str, any_real: bool = True
    ) -> Any:
        """Run the operator's meta kernel, write down what it made, and keep small values exact."""
        if kwargs.get("generator") is not None:
            kwargs = {**kwargs, "generator": None}
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": META}
        if kwargs.get("pin_memory"):
            kwargs = {**kwargs, "pin_memory": None}
        facts = self.facts(func)
        values = self._values(func, args, kwargs, facts)
        key = self.shapes.key(func, args, kwargs)
        if key is not None:
            try:
                out = self.shapes.recall(key, args)
            except KeyError:
                pass
            else:
                return self._written_down(out, func, args, kwargs, pool, values, facts)
        meta_args, meta_kwargs = args, kwargs
        if any_real:
            meta_args = tuple(as_meta(item) for item in args)
            meta_kwargs = {name: as_meta(item) for name, item in kwargs.items()}
        try:
            made = func(*meta_args, **meta_kwargs)
        except NotImplementedError as error:
            made = self._shapes_from_zeros(func, args, kwargs, error)
        out = self._same_objects(made, meta_args, args)
        if key is not None:
            self.shapes.keep(key, out, args)
        return self._written_down(out, func, args, kwargs, pool, values, facts)

    def _shapes_from_zeros(self, func: Any, args: Any, kwargs: Any, error: NotImplementedError) -> Any:
        """The result's shapes of an operator without a meta kernel: it is run on real zeros, where they are small."""
        name = func._schema.name.split("::")[-1]
        size_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(args, kwargs))
        if size_bytes <= _LARGEST_ZEROS_BYTES and not self.facts(func).writes:
            try:
                out = func(*[zeros(item) for item in args], **{key: zeros(item) for key, item in kwargs.items()})
            except (RuntimeError, NotImplementedError, ValueError):
                pass
            else:
                if any(tensor.layout is torch._mkldnn for tensor in tensors_in((out,), {})):
                    raise NotImplementedError(
                        f"{name} cannot be simulated: its result is in a library's own layout"
                    ) from error
                self.assume("operator-run-on-zeros", f"{name} has no shape rule: its result was taken from zeros")
                return as_meta(out)
        raise NotImplementedError(f"{name} cannot be simulated: PyTorch has no shape rule for it") from error

    def _written_down(self, out: Any, func: Any, args: Any, kwargs: Any, pool: str, values: Any, facts: Facts) -> Any:
        self.record(out, pool, facts.label, values)
        if facts.writes and values is None:
            for tensor in written(facts, args, kwargs):
                self.ledger.forget_values(tensor)
        return out

    def record(self, out: Any, pool: str, operator: str, values: Any = None, category: Category | None = None) -> None:
        """Write down the storages of an operator's results.

        Args:
            out: a tensor or a (nested) sequence of them.
            pool: where they are born.
            operator: who made them.
            values: real tensors of the same structure, where the values are known.
            category: what they are for, if known.
        """
        adopt = self.ledger.adopt
        if isinstance(out, _Tensor):
            for part in components(out):
                adopt(part, pool, operator=operator, category=category)
            if isinstance(values, _Tensor):
                self.ledger.remember(out, values)
        elif isinstance(out, (list, tuple)):
            known = values if isinstance(values, (list, tuple)) and len(values) == len(out) else [None] * len(out)
            for item, value in zip(out, known, strict=True):
                if item is not None:
                    self.record(item, pool, operator, value, category)

    def _values(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], facts: Facts) -> Any:
        """The operator's result on the true values, when all of them are known and small; else None.

        An operator that writes runs on the mirrors themselves, which keeps them true.
        """
        found = False
        for tensor in tensors_in(args, kwargs):
            found = True
            if real_device(tensor).type == "cpu":
                if facts.writes or not worth_mirroring(tensor):
                    return None
                continue
            entry = self.ledger.entry(tensor)
            if entry is None or (entry.mirror is None and (entry.uniform is None or facts.writes)):
                return None
            if not worth_mirroring(tensor):
                return None
        if not found and facts.name not in _PLAIN_FACTORIES:
            return None
        if found and facts.random:
            return None
        if not found and not self._small_factory(func, args, kwargs):
            return None
        try:
            real_kwargs = {name: self._valued(item) for name, item in kwargs.items()}
            if "device" in real_kwargs:
                real_kwargs["device"] = torch.device("cpu")
            return func(*[self._valued(item) for item in args], **real_kwargs)
        except Exception:
            return None

    def _small_factory(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        try:
            return worth_mirroring(func(*args, **{**kwargs, "device": META}))
        except Exception:
            return False

    def _valued(self, item: Any) -> Any:
        if isinstance(item, _Tensor):
            return self.ledger.values(item)
        if isinstance(item, (list, tuple)):
            return type(item)(self._valued(part) for part in item) if not hasattr(item, "_fields") else item
        return item

    def facts(self, func: Any) -> Facts:
        found = self._facts.get(func)
        if found is None:
            found = self._facts[func] = Facts(func)
        return found

    @staticmethod
    def _same_objects(out: Any, meta_args: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
        """An operator that writes returns the object it wrote to, also where a stand-in was written instead."""
        if isinstance(out, _Tensor):
            for stand_in, original in zip(meta_args, args, strict=True):
                if out is stand_in:
                    return original
        return out


def plainly(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
    """The rule of an operator that has none of its own."""
    return dispatch.run_simulated(func, args, kwargs, pool)


def _of_meta(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a factory makes what is like a tensor of no pool: the user's own on meta, and nothing of the host's."""
    return kwargs.get("device") is None and any(
        real_device(tensor).type == "meta" for tensor in tensors_in(args, kwargs)
    )


def written(facts: Facts, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[torch.Tensor]:
    """The tensors that an operator writes to."""
    for index, name in facts.positions:
        item = args[index] if index < len(args) else kwargs.get(name)
        yield from tensors_in((item,), {})
