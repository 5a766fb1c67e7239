"""The ledger: every storage of the simulated job, in which memory it lives, since when and what for.

Trusts weak references to tell when a storage dies: the job's own references keep it alive exactly as long as in a
real run. Leaves the meaning of sizes to the engine's allocators, which it drives as births and deaths happen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch

from memfit.engine.trace import Mark, Storage, Trace
from memfit.frameworks.torch.arguments import real_device
from memfit.frameworks.torch.situation import Situation
from memfit.quantities import Category, Phase

HOST = "host"

_storage_of = torch._C.TensorBase.untyped_storage

# A small tensor keeps its values beside it, so that lengths, masks and counters stay exact. Index-like tensors may be
# larger: token ids of a whole batch are what scripts count and compare.
_MIRROR_INTEGER_BYTES = 512 << 10
_MIRROR_FLOAT_BYTES = 16 << 10


class Allocator(Protocol):
    """What the ledger needs of an engine allocator (memfit.engine.allocators)."""

    def malloc(self, size_bytes: int, stream: int = 0) -> Any: ...

    def free(self, handle: Any) -> None: ...


class Entry:
    """A live storage: its line in the trace, its pool, and its values where they are known.

    ``real`` storages hold true bytes in this process (host only). ``mirror`` is a real CPU storage of the same bytes
    for a small simulated one; ``uniform`` a value that all elements share; ``original`` the storage that a stand-in
    keeps alive.
    """

    __slots__ = ("alive", "handle", "mirror", "original", "pool", "real", "record", "reference", "uniform")

    def __init__(self, record: Storage, pool: str, real: bool) -> None:
        self.record = record
        self.pool = pool
        self.real = real
        self.handle: Any = None
        self.reference: Any = None
        self.mirror: torch.UntypedStorage | None = None
        self.original: torch.UntypedStorage | None = None
        self.uniform: Any = None
        self.alive = True


class _Reference(weakref.ref):  # type: ignore[type-arg]
    __slots__ = ("key",)

    key: int


class Ledger:
    """Births and deaths of storages, and the online state of each pool's allocator.

    Args:
        situation: asked at every birth for step, phase, module and line.
        make_allocator: gives the allocator model of a pool by its name, or None for a pool that has none.
    """

    def __init__(self, situation: Situation, make_allocator: Callable[[str], Allocator | None]) -> None:
        self.situation = situation
        self.trace = Trace()
        self.allocators: dict[str, Allocator | None] = {}
        self.live_bytes: dict[str, int] = {}
        self.peak_bytes: dict[str, int] = {}
        self.closed = False
        self._make_allocator = make_allocator
        self._entries: dict[int, Entry] = {}
        self._tick = 0
        self._unsettled: set[int] = set()

    # -- finding -----------------------------------------------------------------------------------------------

    def entry(self, tensor: torch.Tensor) -> Entry | None:
        """The line of the tensor's storage, or None for a tensor that the simulation does not follow."""
        try:
            found = self._entries.get(_storage_of(tensor)._cdata)
        except (RuntimeError, NotImplementedError, ValueError):  # sparse ones, those of lazy layers: without a storage
            found = None
        if found is None:
            held = whole_of(tensor)
            return self.entry(held) if held is not None else None
        return found

    def pool(self, tensor: torch.Tensor) -> str | None:
        """The pool of a simulated tensor; None when it is a real or an unknown one."""
        entry = self.entry(tensor)
        return entry.pool if entry is not None and not entry.real else None

    def alive(self) -> list[Storage]:
        """The lines of the trace whose storages live at this moment, also after the books are closed."""
        return [entry.record for entry in self._entries.values() if entry.original is None]

    @property
    def tick(self) -> int:
        """Of the last birth or death."""
        return self._tick

    # -- births and deaths -------------------------------------------------------------------------------------

    def adopt(
        self,
        tensor: torch.Tensor,
        pool: str,
        *,
        operator: str | None = None,
        category: Category | None = None,
        real: bool = False,
    ) -> Entry:
        """Write down the tensor's storage if it is new, and return its entry.

        Args:
            tensor: a meta tensor (simulated) or a real CPU tensor.
            pool: where the storage lives.
            operator: the operator that made it.
            category: what it is for, when that is already known.
            real: whether the bytes truly exist in this process.
        """
        storage = _storage_of(tensor)
        key = storage._cdata
        known = self._entries.get(key)
        if known is not None:
            return known
        record = self._birth(pool, storage.nbytes(), operator, category)
        entry = Entry(record, pool, real)
        self._follow(entry, storage, self._died)
        if not self.closed:
            allocator = self._allocator(pool)
            if allocator is not None:
                entry.handle = allocator.malloc(record.size_bytes, record.stream)
        return entry

    def stand_in(self, tensor: torch.Tensor, pool: str) -> torch.Tensor:
        """A meta tensor in place of a real one that is already accounted for: it takes no memory of its own.

        For operators that look at their arguments' devices before they are dispatched.
        """
        with torch._C._DisableTorchDispatch():
            meta = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
        storage = _storage_of(meta)
        entry = Entry(Storage(pool=pool, size_bytes=0, born=self._tick), pool, False)
        entry.original = _storage_of(tensor)
        self._follow(entry, storage, self._forget)
        return meta

    def moved(self, tensor: torch.Tensor, to: torch.Tensor) -> None:
        """A real tensor's bytes are simulated from now on: its line goes on with the storage of a meta tensor."""
        entry = self._entries.pop(_storage_of(tensor)._cdata, None)
        if entry is None:
            self.adopt(to, HOST)
            return
        entry.real = False
        self._follow(entry, _storage_of(to), self._died)

    def _follow(self, entry: Entry, storage: torch.UntypedStorage, died: Callable[[Any], None]) -> None:
        """The line is this storage's, until it dies."""
        entry.reference = _Reference(storage, died)
        entry.reference.key = storage._cdata
        self._entries[storage._cdata] = entry

    def _forget(self, reference: Any) -> None:
        self._entries.pop(reference.key, None)

    def transient(self, pool: str, size_bytes: int, category: Category, operator: str | None = None) -> None:
        """A block that an operator takes and gives back within itself: a workspace, an internal buffer."""
        if size_bytes <= 0 or self.closed:
            return
        record = self._birth(pool, size_bytes, operator, category)
        allocator = self._allocator(pool)
        if allocator is not None:
            allocator.free(allocator.malloc(size_bytes, record.stream))
        self._death(record)

    def hold(self, pool: str, size_bytes: int, category: Category, operator: str | None = None) -> Storage:
        """A block that stays to the end: a library's own workspace taken from the same allocator."""
        record = self._birth(pool, size_bytes, operator, category)
        allocator = self._allocator(pool)
        if allocator is not None:
            allocator.malloc(size_bytes, record.stream)
        return record

    def resized(self, storage: torch.UntypedStorage) -> None:
        """A storage was given another size in place: what it held went, and what it holds is new."""
        entry = self._entries.get(storage._cdata)
        if entry is None or self.closed or entry.record.size_bytes == storage.nbytes():
            return
        old = entry.record
        allocator = self._allocator(entry.pool)
        self._death(old)
        if allocator is not None and entry.handle is not None:
            allocator.free(entry.handle)
        entry.record = self._birth(entry.pool, storage.nbytes(), old.operator, old.category)
        entry.mirror = entry.uniform = None
        entry.handle = allocator.malloc(entry.record.size_bytes, entry.record.stream) if allocator is not None else None

    def mark(self, kind: str, pool: str | None = None) -> None:
        if not self.closed:
            self._tick += 1
            self.trace.marks.append(Mark(tick=self._tick, kind=kind, step=self.situation.step, pool=pool))

    def close(self) -> None:
        """Stop writing: what dies from now on dies after the end of the trace."""
        self.closed = True
        for entry in self._entries.values():
            self._settle(entry.record)

    def _allocator(self, pool: str) -> Allocator | None:
        if pool not in self.allocators:
            self.allocators[pool] = self._make_allocator(pool)
        return self.allocators[pool]

    def _birth(self, pool: str, size_bytes: int, operator: str | None, category: Category | None) -> Storage:
        situation = self.situation
        self._tick += 1
        record = Storage(
            pool=pool,
            size_bytes=size_bytes,
            born=self._tick,
            category=category or Category.OTHER,
            phase=situation.phase,
            step=situation.step,
            operator=operator,
            stream=situation.stream,
        )
        record.module, record.where = situation.place()
        if self.closed:
            return record
        self.trace.storages.append(record)
        live = self.live_bytes.get(pool, 0) + size_bytes
        self.live_bytes[pool] = live
        if live > self.peak_bytes.get(pool, 0):
            self.peak_bytes[pool] = live
        return record

    def _died(self, reference: Any) -> None:
        entry = self._entries.pop(reference.key, None)
        if entry is None:
            return
        entry.alive = False
        if self.closed:
            return
        self._death(entry.record)
        if entry.handle is not None:
            allocator = self.allocators[entry.pool]
            assert allocator is not None
            allocator.free(entry.handle)

    def _death(self, record: Storage) -> None:
        self._tick += 1
        record.died = self._tick
        self.live_bytes[record.pool] = self.live_bytes.get(record.pool, 0) - record.size_bytes
        self._settle(record)

    # -- what for ----------------------------------------------------------------------------------------------

    def classify(self, tensor: torch.Tensor, category: Category, *, certain: bool = False) -> None:
        """Say what a tensor's storage is for; a parameter stays one whatever is said later, unless it is certain."""
        entry = self.entry(tensor)
        if entry is not None and (certain or entry.record.category is not Category.PARAMETERS):
            entry.record.category = category

    def _settle(self, record: Storage) -> None:
        """Decide the category of a storage that nobody named, from when it was born and when it died."""
        if record.category is not Category.OTHER:
            return
        if record.phase is Phase.FORWARD:
            outlived = record.died is None or self.situation.phase is not Phase.FORWARD
            record.category = Category.ACTIVATIONS if outlived else Category.TEMPORARIES
        elif record.phase is Phase.EVALUATION:
            record.category = Category.ACTIVATIONS
        elif record.phase is not Phase.SETUP and (record.phase is not Phase.DATA or record.pool != HOST):
            record.category = Category.TEMPORARIES

    # -- values ------------------------------------------------------------------------------------------------

    def values(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """A real CPU tensor with the tensor's values, where they are known. It shares the mirror: write to it and
        the simulated tensor's values change."""
        if real_device(tensor).type == "cpu":
            return tensor
        entry = self.entry(tensor)
        if entry is None:
            return None
        if entry.mirror is not None:
            with torch._C._DisableTorchDispatch():  # the mirror is ours, whatever device is the job's default
                empty = torch.empty(0, dtype=tensor.dtype, device="cpu")
                return empty.set_(entry.mirror, tensor.storage_offset(), tensor.size(), tensor.stride())
        if entry.uniform is not None:
            with torch._C._DisableTorchDispatch():
                return torch.full((), entry.uniform, dtype=tensor.dtype, device="cpu").expand(tensor.size())
        return None

    def remember(self, tensor: torch.Tensor, values: torch.Tensor) -> None:
        """Keep the values of a small, freshly made simulated tensor beside it."""
        entry = self.entry(tensor)
        if entry is None or not worth_mirroring(tensor):
            return
        if tensor.storage_offset() or not _covers_storage(tensor):
            return
        with torch._C._DisableTorchDispatch():  # within a group the job's own tensors would be simulated
            mirror = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="cpu")
            mirror.copy_(values)
        if mirror.untyped_storage().nbytes() == entry.record.size_bytes:
            entry.mirror = mirror.untyped_storage()

    def forget_values(self, tensor: torch.Tensor) -> None:
        entry = self.entry(tensor)
        if entry is not None:
            entry.mirror = None
            entry.uniform = None


def whole_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """What a tensor made of tensors holds: a rank's share of a distributed one, the values of a jagged one."""
    if tensor.layout is torch.jagged:
        found: torch.Tensor | None = getattr(tensor, "_values", None)
        return found
    return getattr(tensor, "_local_tensor", None)


def worth_mirroring(tensor: torch.Tensor) -> bool:
    """Whether a tensor is small enough to keep its values."""
    size_bytes = tensor.numel() * tensor.element_size()
    return size_bytes <= (
        _MIRROR_FLOAT_BYTES if tensor.dtype.is_floating_point or tensor.dtype.is_complex else _MIRROR_INTEGER_BYTES
    )


def _covers_storage(tensor: torch.Tensor) -> bool:
    return tensor.numel() * tensor.element_size() == _storage_of(tensor).nbytes()
