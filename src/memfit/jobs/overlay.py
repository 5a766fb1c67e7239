"""Files that a simulated script opens for writing land in a scratch folder: the user's own files stay as they are.

What was written is found again under its own name, so a script that reads back its log or cache goes on. Covers what
goes through Python's open and the os module; a library that writes by itself is not seen.
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
_WRITING = frozenset("wax+")


class Overlay:
    """Redirects writes below ``scratch`` until the process ends.

    Args:
        scratch: an existing folder that is removed later.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._written: dict[str, str] = {}
        self._folders: list[str] = []
        # devices, our own folder, what Python's tempfile makes for the process itself, and caches, which libraries
        # fill for the next run too and read back by other ways than Python's open
        self._untouched = (
            "/dev/",
            "/proc/",
            "/sys/",
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
        for name in ("chmod", "utime", "access"):
            setattr(os, name, self._finding(getattr(os, name)))

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """As the built-in; a file opened for writing is another one."""
        if not isinstance(file, (str, bytes, os.PathLike)):
            return self._open(file, mode, *args, **kwargs)
        key = self._key(file)
        if not _WRITING.intersection(mode) or key.startswith(self._untouched) or "opener" in kwargs:
            return self._open(self._written.get(key, file), mode, *args, **kwargs)
        return self._open(self._redirect(key, keep="w" not in mode), mode, *args, **kwargs)

    def stat(self, path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        """As os.stat; knows the files that were redirected."""
        if self._written and isinstance(path, (str, bytes, os.PathLike)):
            path = self._written.get(self._key(path), path)
        return self._stat(path, *args, **kwargs)

    def mkdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        """As os.mkdir; the folder is taken away at the end if it stayed empty."""
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
            held = self._written.pop(self._key(source), None)
            key = self._key(target)
            if held is None and not key.startswith(self._untouched) and Path(os.fsdecode(source)).is_file():
                held = str(self.scratch / f"{len(self._written)}-{Path(key).name}")  # written beside, then put in place
                shutil.copyfile(source, held)
                self._remove(source)
            if held is None:
                original(source, target, *args, **kwargs)
            else:
                self._written[key] = held

        return rename

    def _removing(self, original: Any) -> Any:
        def remove(path: Any, *args: Any, **kwargs: Any) -> None:
            held = self._written.pop(self._key(path), None)
            original(held if held is not None else path, *args, **kwargs)

        return remove

    def _finding(self, original: Any) -> Any:
        def find(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self._written and isinstance(path, (str, bytes, os.PathLike)):
                path = self._written.get(self._key(path), path)
            return original(path, *args, **kwargs)

        return find

    @staticmethod
    def _key(path: Any) -> str:
        return os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # as named: links are not followed
