"""Tells when a module that somebody waits for has been imported by the job; imports none itself.

A finder at the head of sys.meta_path asks the others, and hangs a call onto the ``exec_module`` of the loader that
they found. The loader and the module's spec stay the job's own.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Watch:
    """A finder that finds nothing by itself.

    Args:
        failed: told what went wrong in a call of ours; the job never hears of it.
    """

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._waiting: dict[str, list[Callable[[ModuleType], None]]] = {}
        self._first: dict[str, Callable[[], None]] = {}
        self._busy: set[str] = set()
        self._failed = failed

    def before(self, name: str, call: Callable[[], None]) -> None:
        """Call once when the job begins to import ``name``, or now if it has it already."""
        if name in sys.modules:
            self._safely(name, call)
        else:
            self._first[name] = call

    def after(self, name: str, call: Callable[[ModuleType], None]) -> None:
        """Call with the module whenever it has been executed, and now if it is there already."""
        self._waiting.setdefault(name, []).append(call)
        module = sys.modules.get(name)
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            self._safely(name, lambda: call(module))

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Part of the import system: nothing for nearly every name."""
        first = self._first.pop(name, None)
        if first is not None:
            self._safely(name, first)
        if name not in self._waiting or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = self._ask_the_others(name, path, target)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            self._safely(name, lambda: self._hang_onto(spec.loader, name))
        return spec

    def _ask_the_others(self, name: str, path: object, target: ModuleType | None) -> ModuleSpec | None:
        finders: Iterable[Any] = list(sys.meta_path)
        for finder in finders:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                return spec
        return None

    def _hang_onto(self, loader: Any, name: str) -> None:
        """Put a call of ours behind this loader's exec_module, for this name."""
        if isinstance(loader, type) or getattr(loader, "exec_module", None) is None:
            return  # frozen and built-in modules, and loaders of the old kind
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if getattr(module, "__name__", None) != name:
                execute(module)
                return
            if vars(loader).get("exec_module") is exec_module:
                del loader.exec_module
            execute(module)
            self._executed(name, module)

        loader.exec_module = exec_module

    def _executed(self, name: str, module: ModuleType) -> None:
        module = sys.modules.get(name, module)  # some replace themselves
        for call in list(self._waiting.get(name, ())):
            self._safely(name, lambda call=call: call(module))  # type: ignore[misc]

    def _safely(self, name: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._failed(f"{name}: {type(error).__name__}: {error}")

    def start(self) -> None:
        """Take the first place among the finders."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Leave them."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
