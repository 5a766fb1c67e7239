"""What waits for a module is told when the job imports it, whatever way, and the module is as it would be."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from memfit.recording.child.imports import Watch


class Told:
    """A watch with what it told."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.failures: list[str] = []
        self.watch = Watch(self.failures.append)

    def after(self, module: ModuleType) -> None:
        self.modules.append(module.__name__)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    (tmp_path / "framework").mkdir()
    (tmp_path / "framework" / "__init__.py").write_text("from framework import part\nvalue = 1\n", encoding="utf-8")
    (tmp_path / "framework" / "part.py").write_text("value = 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Told()
    found.watch.start()
    yield found
    found.watch.stop()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("framework", "zipped")]:
        del sys.modules[name]


def test_told_after_the_import(told: Told) -> None:
    """Once, when the module is whole, and its loader is the usual one."""
    told.watch.after("framework", told.after)

    module = importlib.import_module("framework")

    assert told.modules == ["framework"]
    assert type(module.__loader__) is SourceFileLoader
    assert module.__spec__ is not None and module.__spec__.loader is module.__loader__
    assert "exec_module" not in vars(module.__loader__)
    assert module.value == 1


def test_told_of_a_part_before_the_whole(told: Told) -> None:
    """A part is there before the package is."""
    told.watch.after("framework", told.after)
    told.watch.after("framework.part", told.after)

    importlib.import_module("framework")

    assert told.modules == ["framework.part", "framework"]


def test_told_of_what_is_there_already(told: Told) -> None:
    """What was imported before the watch began is told at once."""
    importlib.import_module("framework")

    told.watch.after("framework", told.after)
    told.watch.before("framework", lambda: told.modules.append("before"))

    assert told.modules == ["framework", "before"]


def test_told_when_the_import_begins(told: Told) -> None:
    """There is time to say what to wait for, which is told in the same import."""
    told.watch.before("framework", lambda: told.watch.after("framework", told.after))

    importlib.import_module("framework")

    assert told.modules == ["framework"]


def test_told_again_after_a_reload(told: Told) -> None:
    """What a reload undid can be done again."""
    told.watch.after("framework.part", told.after)
    part = importlib.import_module("framework.part")

    importlib.reload(part)

    assert told.modules == ["framework.part"] * 2


def test_a_look_for_the_module_is_no_import(told: Told) -> None:
    """importlib.util.find_spec, by which libraries ask what is installed, tells nothing and changes nothing."""
    told.watch.after("framework", told.after)

    spec = importlib.util.find_spec("framework")

    assert told.modules == []
    assert spec is not None
    assert type(spec.loader) is SourceFileLoader
    importlib.import_module("framework")
    assert told.modules == ["framework"]


def test_a_lazy_loader_tells_on_first_use(told: Told) -> None:
    """importlib's own lazy loading: the module is executed when it is looked into."""
    told.watch.after("framework.part", told.after)
    spec = importlib.util.find_spec("framework.part")
    assert spec is not None and spec.loader is not None
    lazy = importlib.util.LazyLoader(spec.loader)
    spec.loader = lazy
    module = importlib.util.module_from_spec(spec)
    sys.modules["framework.part"] = module
    lazy.exec_module(module)
    before = list(told.modules)

    value = module.value

    assert (value, before[1:], told.modules[-1]) == (2, [], "framework.part")


def test_a_finder_of_the_jobs_own(told: Told) -> None:
    """A loader that is shared by many modules is hung onto for the one that is waited for."""

    class Own:
        def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return ModuleSpec(name, self) if name.startswith("framework_own") else None  # type: ignore[arg-type]

        def create_module(self, spec: ModuleSpec) -> None:
            return None

        def exec_module(self, module: ModuleType) -> None:
            module.value = 3  # type: ignore[attr-defined]

    own = Own()
    sys.meta_path.insert(0, own)  # before ours: it wins, and ours is not asked
    sys.meta_path.remove(own)
    sys.meta_path.append(own)
    told.watch.after("framework_own", told.after)
    try:
        other, module = importlib.import_module("framework_own2"), importlib.import_module("framework_own")
    finally:
        sys.meta_path.remove(own)

    assert told.modules == ["framework_own"]
    assert (other.value, module.value) == (3, 3)
    assert vars(own) == {}


def test_a_zip_archive(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package in an archive is executed as ever, and told where its loader allows."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("zipped.py", "value = 4\n")
    monkeypatch.syspath_prepend(str(tmp_path / "a.zip"))
    told.watch.after("zipped", told.after)

    module = importlib.import_module("zipped")

    assert module.value == 4
    assert told.modules == ["zipped"]


def test_what_fails_in_ours_is_not_the_jobs(told: Told) -> None:
    """The import goes through, and the failure is told elsewhere."""

    def failing(module: ModuleType) -> None:
        raise KeyError("x")

    told.watch.after("framework", failing)

    importlib.import_module("framework")

    assert told.failures == ["framework: KeyError: 'x'"]


def test_what_fails_in_the_module_is_the_jobs(told: Told, tmp_path: Path) -> None:
    """A package that cannot be imported fails as ever, and nothing is told of it."""
    (tmp_path / "framework" / "part.py").write_text("raise ZeroDivisionError\n", encoding="utf-8")
    told.watch.after("framework", told.after)

    with pytest.raises(ZeroDivisionError):
        importlib.import_module("framework")

    assert told.modules == []
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("framework_missing")
