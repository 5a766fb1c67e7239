"""Files that a simulated script opens for writing land in a scratch folder: the user's own files stay as they are.

What was written is found again under its own name, so a script that reads back its log or cache goes on; what it
removes of what was there before is no longer found, and stays. Covers what goes through Python's open, the os module
and shutil.rmtree; a library that writes or removes by itself is not seen.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_CACHES = ("HF_HOME", "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "TRANSFORMERS_CACHE", "TORCH_HOME", "XDG_CACHE_HOME",
           "NLTK_DATA", "KERAS_HOME", "MPLCONFIGDIR", "TRITON_CACHE_DIR")  # fmt: skip
_DEVICES = ("/dev/", "/proc/", "/sys/")
_WRITING = frozenset("wax+")


def _now_ns(folder: Path) -> int:
    """Now by the clock that stamps files: it lags behind the process's own."""
    handle, name = tempfile.mkstemp(dir=folder)
    try:
        return os.fstat(handle).st_ctime_ns
    finally:
        os.close(handle)
        os.remove(name)  # noqa: PTH107


class Overlay:
    """Redirects writes below ``scratch`` until the process ends.

    Args:
        scratch: an existing folder that is removed later.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._written: dict[str, str] = {}
        self._folders: list[str] = []
        self._gone: set[str] = set()  # the user's own, that the job removed
        self._began_ns = _now_ns(scratch)
        # devices, our own folder, what Python's tempfile makes for the process itself, and caches, which libraries
        # fill for the next run too and read back by other ways than Python's open
        self._untouched = (
            *_DEVICES,
            str(scratch.parent),
            str(Path(tempfile.gettempdir()) / "tmp"),
            str(Path.home() / ".cache"),
            *(os.path.abspath(os.environ[name]) for name in _CACHES if os.environ.get(name)),  # noqa: PTH100
        )
        self._open, self._stat, self._mkdir, self._remove = io.open, os.stat, os.mkdir, os.remove

    def install(self) -> None:
        """Replace open and the os functions that name files."""
        builtins.open = self.open
        io.open = self.open
        os.stat = self.stat
        for name in ("rename", "replace"):
            setattr(os, name, self._renaming(getattr(os, name)))
        os.mkdir = self.mkdir
        for name in ("remove", "unlink"):
            setattr(os, name, self._removing(getattr(os, name)))
        shutil.rmtree = self._removing_trees(shutil.rmtree)
        for name in ("chmod", "utime", "access"):
            setattr(os, name, self._finding(getattr(os, name)))

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """As the built-in; a file opened for writing is another one."""
        if not isinstance(file, (str, bytes, os.PathLike)):
            return self._open(file, mode, *args, **kwargs)
        key = self._key(file)
        self._look_for(key, writes=bool(_WRITING.intersection(mode)))
        if not _WRITING.intersection(mode) or key.startswith(self._untouched) or "opener" in kwargs:
            return self._open(self._written.get(key, file), mode, *args, **kwargs)
        return self._open(self._redirect(key, keep="w" not in mode), mode, *args, **kwargs)

    def stat(self, path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        """As os.stat; knows the files that were redirected."""
        return self._stat(self._found(path), *args, **kwargs)

    def mkdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        """As os.mkdir; the folder is taken away at the end if it stayed empty."""
        if self._key(path) in self._gone:
            self._gone.remove(self._key(path))  # it is there, with what was in it
            return
        self._mkdir(path, *args, **kwargs)
        if not self._key(path).startswith(self._untouched):
            self._folders.append(self._key(path))

    def clean(self) -> None:
        """Take away the empty folders that the job made."""
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()

    def _redirect(self, key: str, *, keep: bool) -> str:
        target = self._written.get(key)
        if target is None:
            target = str(self.scratch / f"{len(self._written)}-{Path(key).name}")
            if keep and Path(key).is_file():
                Path(target).write_bytes(Path(key).read_bytes())
            elif not Path(key).parent.is_dir():
                raise FileNotFoundError(2, "No such file or directory", key)
            self._written[key] = target
        return target

    def _renaming(self, original: Any) -> Any:
        def rename(source: Any, target: Any, *args: Any, **kwargs: Any) -> None:
            key, begin = self._key(target), self._key(source)
            held = self._written.pop(begin, None)
            if held is None:
                self._look_for(begin, writes=False)
            self._gone.discard(key)
            is_own = held is None and self._is_the_users(begin)
            if held is None and Path(begin).is_file() and (is_own or not key.startswith(self._untouched)):
                held = str(self.scratch / f"{len(self._written)}-{Path(key).name}")  # written beside, then put in place
                shutil.copyfile(begin, held)
                if is_own:
                    self._gone.add(begin)
                else:
                    self._remove(begin)
            if held is not None:
                self._written[key] = held
            elif not is_own:  # a folder of the user's own stays where it is
                original(source, target, *args, **kwargs)

        return rename

    def _removing(self, original: Any) -> Any:
        def remove(path: Any, *args: Any, **kwargs: Any) -> None:
            if kwargs.get("dir_fd") is not None:  # within a tree that may be removed
                original(path, *args, **kwargs)
                return
            key = self._key(path)
            held = self._written.pop(key, None)
            if held is not None:
                self._remove(held)
                if os.path.lexists(key):  # was written over
                    self._gone.add(key)
                return
            self._look_for(key, writes=False)
            if self._is_the_users(key):
                self._gone.add(key)
            else:
                original(path, *args, **kwargs)

        return remove

    def _removing_trees(self, original: Any) -> Any:
        def rmtree(path: Any, *args: Any, **kwargs: Any) -> None:
            key = self._key(path)
            if not any(self._is_the_users(os.path.join(at, name)) for at, _, files in os.walk(key) for name in files):  # noqa: PTH118
                original(path, *args, **kwargs)
                return
            self._gone.add(key)
            for name in [each for each in self._written if each.startswith(key + os.sep)]:
                self._remove(self._written.pop(name))

        return rmtree

    def _is_the_users(self, key: str) -> bool:
        """Whether something was there before the job began."""
        if key.startswith((str(self.scratch), *_DEVICES)):
            return False
        try:
            return os.lstat(key).st_ctime_ns < self._began_ns  # of the same tick: the job's own
        except OSError:
            return False

    def _look_for(self, key: str, *, writes: bool) -> None:
        """Something that the job removed is not there for it, until it is written anew."""
        if not self._gone:
            return
        if writes:
            self._gone.discard(key)
        elif key not in self._written and any(str(each) in self._gone for each in (key, *Path(key).parents)):
            raise FileNotFoundError(2, "No such file or directory", key)

    def _found(self, path: Any) -> Any:
        """Where what a path names really is."""
        if (self._written or self._gone) and isinstance(path, (str, bytes, os.PathLike)):
            key = self._key(path)
            self._look_for(key, writes=False)
            return self._written.get(key, path)
        return path

    def _finding(self, original: Any) -> Any:
        def find(path: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(self._found(path), *args, **kwargs)
            except FileNotFoundError:
                if original.__name__ == "access":
                    return False
                raise

        return find

    @staticmethod
    def _key(path: Any) -> str:
        return os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # as named: links are not followed
