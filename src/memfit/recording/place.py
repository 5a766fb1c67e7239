"""Where a recording goes, and its first line: what is known of the command and the machine before anything runs."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import memfit
from memfit.errors import MemfitError
from memfit.recording.lines import FORMAT
from memfit.recording.reader import SUFFIX
from memfit.sensors.device_watch import DeviceWatch
from memfit.sensors.host import host_capacity
from memfit.sensors.pressure import shared_memory
from memfit.sensors.processes import started_at
from memfit.sensors.schedule import Clock
from memfit.sensors.software import allocator_settings, libc_version, preloaded_allocator

_COMMAND_LENGTH = 32_768  # letters; up to six bytes each


def place(wanted: str | None, words: Sequence[str], clock: Clock) -> tuple[Path, Path | None]:
    """The file that a recording goes to.

    Args:
        wanted: what the user said: a file, a folder (or a name that ends in "/") for the recordings of several ranks
            or machines, None for a name made of the command and the time.
        words: of the command.
        clock: the time.

    Returns:
        (the file, where a file of that name was moved to; None when there was none).

    Raises:
        MemfitError: there is no such folder, it cannot be written to, or what is there is no file.
    """
    if wanted is None:
        stamp = datetime.datetime.fromtimestamp(clock.time()).strftime("%Y%m%d-%H%M%S")
        return _free(Path(f"{_title(words)}-{stamp}{SUFFIX}")), None
    target = Path(wanted)
    try:
        return _wanted(target, folder=wanted.endswith(("/", os.sep)) or target.is_dir())
    except OSError as error:
        raise _cannot_write(target, error) from error


def _wanted(target: Path, *, folder: bool) -> tuple[Path, Path | None]:
    if folder:
        target.mkdir(parents=True, exist_ok=True)
        return _free(target / f"{socket.gethostname()}-{os.getpid()}{SUFFIX}"), None
    if not target.parent.is_dir():
        raise MemfitError(
            f"cannot write {target}: there is no folder {target.parent}",
            hint="give -o a file in a folder that is there",
            slug="cannot-save",
        )
    return target, _moved(target)


def header(
    words: Sequence[str], environment: Mapping[str, str], clock: Clock, devices: DeviceWatch, *, interval_s: float
) -> dict[str, Any]:
    """The first line of a recording.

    Args:
        words: the command.
        environment: that it will see.
        clock: the time.
        devices: the accelerators that it will see.
        interval_s: between samples.
    """
    host = host_capacity()
    limits = [
        {"pool": "host", "name": one.name, "limit_bytes": one.limit_bytes, "others_bytes": one.others_bytes}
        for one in host.limits
    ]
    limits += [
        {"pool": one.pool, "name": one.name, "limit_bytes": one.total_bytes, "others_bytes": one.used_bytes}
        for one in devices.read(())
    ]
    if (shm := shared_memory()) is not None:
        limits.append({"pool": "shm", "name": "/dev/shm", "limit_bytes": shm[1], "others_bytes": shm[0]})
    now = datetime.datetime.fromtimestamp(clock.time(), datetime.timezone.utc)
    return {
        "k": "header",
        "format": FORMAT,
        "memfit": memfit.__version__,
        "started": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "command": _shortened(words),
        "machine": {
            "host": socket.gethostname(),
            "user": _user(),
            "cwd": str(Path.cwd()),
            "system": platform.platform(terse=True),
            "cores": os.cpu_count(),
            "total_bytes": host.total_bytes,
            "available_bytes": host.available_bytes,
            "swap_total_bytes": host.swap_total_bytes,
            "devices_problem": devices.problem or None,
        },
        "environment": {
            "memfit": memfit.__version__,
            "libc": libc_version(),
            "allocator": preloaded_allocator(environment),
            **allocator_settings(environment),
        },
        "limits": limits,
        "recorder": {"pid": os.getpid(), "start": started_at(os.getpid())},
        "interval_s": interval_s,
    }


def _shortened(words: Sequence[str]) -> list[str]:
    """The command as far as a line has room for it: a shell may have put a million file names into it."""
    kept: list[str] = []
    room = _COMMAND_LENGTH
    for word in words:
        kept.append(word if len(word) <= room else f"{word[:room]}…")
        room -= len(word) + 1
        if room <= 0:
            return kept if len(kept) == len(words) else [*kept, f"… and {len(words) - len(kept)} more"]
    return kept


def _title(words: Sequence[str]) -> str:
    """A short name for a command: its script, or its program."""
    scripts = [word for word in words if word.endswith(".py")]
    name = Path((scripts or list(words) or ["job"])[0]).stem
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:60] or "job"


def _free(path: Path) -> Path:
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def _moved(target: Path) -> Path | None:
    """Makes room: a file that is there is kept as NAME.old, as an earlier recording may be the only one of its job.

    Raises:
        MemfitError: it is no file but a device or a pipe, which others need where they are.
    """
    if not target.exists() and not target.is_symlink():
        return None
    if not target.is_file() and not target.is_symlink():
        raise MemfitError(
            f"cannot write {target}: it is no plain file", hint="give -o the name of a file", slug="cannot-save"
        )
    return target.replace(target.with_name(f"{target.name}.old"))


def _cannot_write(path: Path, error: OSError) -> MemfitError:
    return MemfitError(
        f"cannot write {path}: {error.strerror}", hint="give -o a file in a writable folder", slug="cannot-save"
    )


def _user() -> str | None:
    with contextlib.suppress(Exception):  # a container may know no name for its user
        return getpass.getuser()
    return None
