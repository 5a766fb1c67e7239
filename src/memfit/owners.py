"""Who in a Python process holds an object: a global, a local of a running function, an attribute, a place in another
container. Looks at exact built-in types alone, runs no code of the job's classes, and keeps nothing.
"""

from __future__ import annotations

import gc
import sys
from types import FrameType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_LARGEST_SCANNED = 10_000  # entries of a dict in which a key is searched
_MOST_REFERRERS = 200
_OWN = __file__.rpartition("/")[0] + "/"


def owners(held: Sequence[Any], *, besides: tuple[Any, ...] = ()) -> dict[int, tuple[str, str]]:
    """The holder of each object, as far as it is found: by id, (label, where).

    Args:
        held: a few objects; each pass over the process's objects serves all of them.
        besides: the caller's own containers, which are no holders.

    >>> kept = [1, 2, 3]
    >>> owners([kept])[id(kept)][0]
    '`kept`'
    """
    wanted = {id(obj): obj for obj in held}
    found: dict[int, tuple[str, str]] = {}
    _in_frames(wanted, found)
    _in_modules(wanted, found)
    left = [obj for key, obj in wanted.items() if key not in found]
    if left:
        _in_referrers(left, found, {id(wanted), id(left), id(held), *map(id, besides)})
    return found


def script_of(module: ModuleType) -> str:
    """The file's name of a module, or its own."""
    file = ModuleType.__getattribute__(module, "__dict__").get("__file__")
    return file.rpartition("/")[2] if isinstance(file, str) else str(module.__name__)


def is_users(module: Any) -> bool:
    """Whether a module is the user's own: no package that was installed, and not of Python itself."""
    if type(module) is not ModuleType:
        return False
    file = module.__dict__.get("__file__")
    if not isinstance(file, str):
        return module.__dict__.get("__name__") == "__main__"
    installed = any(part in file for part in ("site-packages", "dist-packages", sys.base_prefix + "/lib/"))
    return not installed and not file.startswith(_OWN)


def _in_frames(wanted: dict[int, Any], found: dict[int, tuple[str, str]]) -> None:
    """Locals of the functions that are running in this thread."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        code = frame.f_code
        if code.co_flags & 1 and not code.co_filename.startswith(_OWN):  # a function's; others' locals are globals
            where = f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
            for name, key in _locals(frame, wanted):
                found.setdefault(key, (f"local `{name}` of {code.co_name}()", where))
        frame = frame.f_back


def _locals(frame: FrameType, wanted: dict[int, Any]) -> list[tuple[str, int]]:
    """Names of the wanted among a frame's locals, and no trace of having looked."""
    values = frame.f_locals
    names = [(name, id(value)) for name, value in values.items() if id(value) in wanted]
    # Before Python 3.13 the frame keeps what it gave, and all objects in it: empty it, unless the job has it as well.
    if type(values) is dict and sys.getrefcount(values) <= 3:
        values.clear()
    return names


def _in_modules(wanted: dict[int, Any], found: dict[int, tuple[str, str]]) -> None:
    """Globals of the user's own modules."""
    for module in list(sys.modules.values()):
        if not is_users(module):
            continue
        for name, value in list(module.__dict__.items()):
            if id(value) in wanted and id(value) not in found:
                found[id(value)] = (f"`{name}`", script_of(module))


def _in_referrers(left: list[Any], found: dict[int, tuple[str, str]], own: set[int]) -> None:
    """What refers to them: one pass for all, and one more for the dicts that turn out to be attributes."""
    keys = {id(obj) for obj in left}
    referrers = [obj for obj in gc.get_referrers(*left)[:_MOST_REFERRERS] if id(obj) not in own]
    plain = []
    for referrer in referrers:
        kind = type(referrer)
        if kind is dict:
            named = _named_in(referrer, keys)
            module = sys.modules.get(name) if type(name := referrer.get("__name__")) is str else None
            if module is not None and getattr(module, "__dict__", None) is referrer:
                for name, key in named:
                    found.setdefault(key, (f"`{name}`", script_of(module)))
            else:
                plain.append((referrer, named))
        elif kind not in (list, tuple, set, frozenset, FrameType) and kind.__flags__ & (1 << 9):
            _attributes(referrer, keys, found)
    if plain:
        _owners_of_dicts(plain, keys, found)
    for referrer in referrers:
        if type(referrer) in (list, tuple, set, frozenset, dict) and id(referrer) not in own:
            _inside(referrer, keys, found)


def _named_in(values: dict[Any, Any], keys: set[int]) -> list[tuple[str, int]]:
    if len(values) > _LARGEST_SCANNED:
        return []
    return [(name, id(value)) for name, value in list(values.items()) if id(value) in keys and type(name) is str]


def _attributes(owner: Any, keys: set[int], found: dict[int, tuple[str, str]]) -> None:
    """Attributes of an instance whose values Python keeps in the instance itself."""
    try:
        values = object.__getattribute__(owner, "__dict__")
    except (AttributeError, TypeError):
        return
    if type(values) is dict:
        for name, key in _named_in(values, keys):
            found.setdefault(key, (f"`{name}` of a {type(owner).__name__}", type(owner).__module__))


def _owners_of_dicts(
    plain: list[tuple[dict[Any, Any], list[tuple[str, int]]]], keys: set[int], found: dict[int, tuple[str, str]]
) -> None:
    attributes = {id(values): named for values, named in plain if named}
    if not attributes:
        return
    dicts = [values for values, named in plain if named]
    for owner in gc.get_referrers(*dicts)[:_MOST_REFERRERS]:
        if type(owner) in (list, tuple, dict, FrameType):
            continue
        try:
            values = object.__getattribute__(owner, "__dict__")
        except (AttributeError, TypeError):
            continue
        for name, key in attributes.get(id(values), ()):
            found.setdefault(key, (f"`{name}` of a {type(owner).__name__}", type(owner).__module__))


def _inside(container: Any, keys: set[int], found: dict[int, tuple[str, str]]) -> None:
    """Places in another container, when nothing better is known."""
    size = len(container)
    if size > _LARGEST_SCANNED:
        return
    for value in list(container.values() if type(container) is dict else container):
        if id(value) in keys:
            found.setdefault(id(value), (f"in a {type(container).__name__} of {size}", ""))
