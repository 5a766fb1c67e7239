"""Containers that grow, and kinds of objects that become more, found in one pass over what the collector tracks.

Exact built-in types alone: nothing of the job's own classes is called, and nothing of the job is kept but numbers.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from itertools import islice
from typing import Any

from memfit import registry
from memfit.owners import is_users, owners
from memfit.quantities import Held

_LARGE = 1000
_MOST_REPORTED = 10
_WORTH_BYTES = 1 << 20  # of one that does not grow
_MOST_REMEMBERED = 2000
_SAMPLED = 32
_MORE_OBJECTS = 1000
_CONTAINERS = (list, dict, set, deque)
_SECONDS_PER_BLOCK = 2e-7
_PLAIN = (int, float, complex, str, bytes, bytearray, bool, type(None), list, tuple, dict, set, frozenset, deque)


def expected_seconds() -> float:
    """What a pass over all objects will take, from how many blocks Python has (measured: 0.1 to 0.2 µs each)."""
    return sys.getallocatedblocks() * _SECONDS_PER_BLOCK


class Containers:
    """Looks at the containers of this process, and at what has become of them since the look before."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._kinds: Counter[str] = Counter()
        self._caches: dict[str, int] = {}
        self._looks = 0

    def look(self) -> list[Held]:
        """Large containers, those that grew first; kinds of objects that grew; caches of functions."""
        tracked = gc.get_objects()
        kinds = Counter(map(type, tracked))
        sized = [obj for obj in tracked if type(obj) in _LOOKED_AT]
        del tracked
        large = [obj for obj in sized if type(obj) is not _LRU_CACHE and len(obj) > _LARGE]
        caches = [obj for obj in sized if type(obj) is _LRU_CACHE]
        del sized
        large += _untracked({id(obj) for obj in large})
        found = self._large(large) + self._objects(kinds) + self._cached(caches)
        self._looks += 1
        return found

    def _large(self, large: list[Any]) -> list[Held]:
        own = {id(self._sizes), id(large), id(sys.modules)}
        large[:] = [obj for obj in large if id(obj) not in own]
        grown = {id(obj): len(obj) - self._sizes[id(obj)] for obj in large if id(obj) in self._sizes}
        large.sort(key=lambda obj: (grown.get(id(obj), 0), len(obj)), reverse=True)
        shown = [obj for obj in large if grown.get(id(obj), 0) > 0][:_MOST_REPORTED]
        shown += [obj for obj in large if grown.get(id(obj), 0) <= 0 and size_of(obj) >= _WORTH_BYTES][:_MOST_REPORTED]
        self._sizes = {id(obj): len(obj) for obj in large[:_MOST_REMEMBERED]}
        holders = owners(shown, besides=(large,))
        return [
            Held(
                category="container",
                label=f"{type(obj).__name__} {holders.get(id(obj), ('', ''))[0]}".rstrip(),
                held_bytes=size_of(obj),
                count=len(obj),
                where=holders.get(id(obj), ("", ""))[1],
                grows=grown[id(obj)] > 0 if id(obj) in grown else None,
            )
            for obj in shown
        ]

    def _objects(self, kinds: Counter[type]) -> list[Held]:
        """Kinds of objects of which there are ever more; their size is their own alone."""
        now: Counter[str] = Counter()
        sizes: dict[str, int] = {}
        for kind, count in kinds.items():
            if count >= _MORE_OBJECTS and kind not in _CONTAINERS:
                name = f"{kind.__module__}.{kind.__qualname__}"
                now[name] += count
                sizes[name] = type.__getattribute__(kind, "__basicsize__")
        before, self._kinds = self._kinds, now
        if not self._looks:
            return []
        grown = [
            (count - before[name], name) for name, count in now.items() if count > before[name] + _MORE_OBJECTS // 4
        ]
        return [
            Held(category="objects", label=name, held_bytes=now[name] * sizes[name], count=now[name], grows=True)
            for _, name in sorted(grown, reverse=True)[:_MOST_REPORTED]
        ]

    def _cached(self, caches: list[Any]) -> list[Held]:
        """functools.lru_cache and functools.cache: how many results they keep."""
        found = []
        for cache in caches:
            count = cache.cache_info().currsize
            if count > _LARGE:
                name = f"cache of {getattr(cache, '__qualname__', '?')}()"
                before = self._caches.get(name)
                self._caches[name] = count
                where = str(getattr(cache, "__module__", ""))
                grows = None if before is None else count > before
                found.append(Held(category="cache", label=name, held_bytes=None, count=count, where=where, grows=grows))
        return found[:_MOST_REPORTED]


def _lru_cache_type() -> type:
    import functools

    return type(functools.lru_cache(int))


_LRU_CACHE = _lru_cache_type()
_LOOKED_AT = frozenset({*_CONTAINERS, _LRU_CACHE})


def _untracked(known: set[int]) -> list[Any]:
    """Dicts of plain values, which the collector leaves out: globals of the user's own modules and their classes."""
    found = []
    for module in list(sys.modules.values()):
        if not is_users(module):
            continue
        for value in list(module.__dict__.values()):
            if type(value) is dict and len(value) > _LARGE and id(value) not in known:
                found.append(value)
    return found


def size_of(obj: Any) -> int:
    """A container with what is directly in it, from a sample; what is shared is counted for each that shares it."""
    size = sys.getsizeof(obj)
    count = len(obj)
    if type(obj) is list:
        sample = [obj[at * count // _SAMPLED] for at in range(min(_SAMPLED, count))]
    elif type(obj) is dict:
        sample = [part for item in islice(obj.items(), _SAMPLED) for part in item]
        count *= 2
    else:
        sample = list(islice(obj, _SAMPLED))
    return size + int(sum(map(_own_size, sample)) / max(1, len(sample)) * count)


def _own_size(obj: Any) -> int:
    kind = type(obj)
    if kind in _PLAIN:
        size = sys.getsizeof(obj)
        if kind in (list, tuple) and len(obj) <= _SAMPLED:
            size += sum(sys.getsizeof(part) for part in obj if type(part) in _PLAIN)
        return size
    basic: int = type.__getattribute__(kind, "__basicsize__")
    if kind.__module__.partition(".")[0] in registry.ARRAYS:
        held = getattr(obj, "nbytes", 0)
        return basic + (held if type(held) is int else 0)
    return basic
