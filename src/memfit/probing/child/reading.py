"""One call, measured by the process that makes it: how far its memory rose above where it stood before.

A forked process finds the parent's file pages (libraries' code) unmapped and reads them in again: what the parent had
is mapped before the call, so that code counts only as far as the parent did not have it.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
from typing import NamedTuple

from memfit.probing.child.vocabulary import terms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_POPULATE_READ = 22  # MADV_POPULATE_READ, from Linux 5.14
_ENTRY_BYTES = 8  # of a page in /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst)
_AGREES_BYTES = 16 << 20  # a mark further above the resident size just after its reset was not reset


def sizes() -> dict[str, int]:
    """VmRSS, VmHWM, RssAnon, RssFile, RssShmem of this process in bytes; what the system does not tell is missing."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            lines = [line.split() for line in status if line.startswith(("Vm", "Rss"))]
    except OSError:
        import resource

        scale = 1 if sys.platform == "darwin" else 1024
        return {"VmHWM": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3}


class Mapped(NamedTuple):
    """What a process has of mapped files, by "path:offset"; None or {} where the system does not tell.

    Attributes:
        resident: bytes of each file.
        code: of libraries, the runs of pages that the process reaches without a fault: (byte offset, length) pairs.
    """

    resident: dict[str, int]
    code: dict[str, list[tuple[int, int]]] | None


def mapped_files() -> Mapped:
    """What this process has of mapped files: a probe that it forks is given it."""
    return Mapped(_resident_files(), _present_code())


def _resident_files() -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        with open("/proc/self/smaps", encoding="utf-8", errors="replace") as smaps:  # noqa: PTH123
            key = ""
            for line in smaps:
                words = line.split()
                if len(words) >= 5 and "-" in words[0] and not words[0].endswith(":"):
                    mapped = len(words) > 5 and words[5].startswith("/")
                    key = f"{words[5]}:{words[2]}" if mapped else ""
                elif key and words[0] == "Rss:":
                    found[key] = found.get(key, 0) + int(words[1]) * 1024
    except (OSError, ValueError, IndexError):
        return {}
    return found


def _code_mappings() -> dict[str, tuple[int, int]]:
    """Where libraries are mapped that are not written to: (address, length) by "path:offset"."""
    found = {}
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
        for line in maps:
            words = line.split(None, 5)
            if len(words) == 6 and words[5].startswith("/") and words[1][:2] == "r-" and ".so" in words[5]:
                begin, _, end = words[0].partition("-")
                found[f"{words[5].split()[0]}:{words[2]}"] = (int(begin, 16), int(end, 16) - int(begin, 16))
    return found


def _present_code() -> dict[str, list[tuple[int, int]]] | None:
    """The runs of pages of each library that are mapped now, by the kernel's page table (Linux's pagemap)."""
    page = os.sysconf("SC_PAGE_SIZE")
    found: dict[str, list[tuple[int, int]]] = {}
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as table:  # noqa: PTH123
            for name, (at, length) in _code_mappings().items():
                table.seek(at // page * _ENTRY_BYTES)
                entries = table.read(length // page * _ENTRY_BYTES)
                # Bit 63 of an entry, the highest of its last byte on little-endian machines: the page is there.
                there = bytes(byte >> 7 for byte in entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES])
                found[name] = [(run.start() * page, len(run.group()) * page) for run in re.finditer(b"\x01+", there)]
    except (OSError, ValueError):
        return None
    return found if any(found.values()) else None


def map_code(had: dict[str, list[tuple[int, int]]] | None) -> bool:
    """Map the code that the parent had before the start, so that only what the call reads in is new; whether it was.

    What a fork reads in again would otherwise come before the peak or after it, nobody knows how much of it.
    """
    if not had:
        return False
    import ctypes

    try:
        advise = ctypes.CDLL(None, use_errno=True).madvise
        done = [advise(ctypes.c_void_p(at + offset), ctypes.c_size_t(length), _POPULATE_READ) == 0
                for name, (at, _) in _code_mappings().items() for offset, length in had.get(name, [])]  # fmt: skip
    except (OSError, AttributeError, ValueError):
        return False
    return bool(done) and sum(done) * 2 > len(done)


def reset_peak() -> bool:
    """Begin the high-water mark anew (Linux; a container may forbid it); whether it was."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as marks:  # noqa: PTH123
            marks.write("5")
    except OSError:
        return False
    now = sizes()
    return "VmHWM" in now and now["VmHWM"] - now.get("VmRSS", 0) < _AGREES_BYTES


def measure(call: Callable[[Any], Any], size: Any, parent: Mapped, told: str) -> dict[str, Any]:
    """Call with a size and tell how memory rose.

    Args:
        call: the callable; where it has a ``prepare``, that is called with the size first, not measured, and what it
            returns is what the callable is called with. A ``stored_bytes`` is asked what the result takes on disk.
        size: its knob.
        parent: what the parent had of mapped files, by mapped_files().
        told: a file that is written when the measured part begins, for those who watch from outside.
    """
    prepare = getattr(call, "prepare", None)
    argument = prepare(size) if prepare is not None else size
    gc.collect()
    give_back()
    code_is_mapped = map_code(parent.code)
    files = _resident_files()
    exact = reset_peak()
    before = sizes()
    began = time.monotonic()
    _write(told, {"start_bytes": before.get("VmRSS", before.get("VmHWM", 0))})
    result = call(argument)
    seconds = time.monotonic() - began
    after = sizes()
    start, peak = before.get("VmRSS", before.get("VmHWM", 0)), after.get("VmHWM", 0)
    read_in = max(after.get("RssFile", 0) - before.get("RssFile", 0), 0)
    new_code = _new_code(files if code_is_mapped else parent.resident, read_in)
    give_back()  # what the call freed is no part of what it keeps
    rest = sizes()
    anonymous = "RssAnon" if "RssAnon" in rest else "VmRSS"
    keeps = max(rest.get(anonymous, 0) - before.get(anonymous, 0), 0)
    weigh = getattr(call, "stored_bytes", None)
    stored = weigh(result) if weigh is not None else None
    terms = terms_of(result)
    del result
    return {
        "start_bytes": start,
        "rise_bytes": max(peak - start - read_in, 0) + new_code,
        "kept_bytes": keeps,
        "stored_bytes": stored,
        "seconds": seconds,
        "exact": exact,
        "note": getattr(call, "note", None),
        "terms": terms,
    }


def _new_code(before: dict[str, int], read_in: int) -> int:
    """Bytes of libraries that are resident and were not before; never more than was read in from files at all."""
    new = sum(max(held - before.get(name, 0), 0) for name, held in _resident_files().items() if ".so" in name)
    return min(new, read_in)


def run(
    load: Callable[[], Callable[[Any], Any]],
    size: Any,
    files: dict[str, str],
    parent: Mapped,
) -> None:
    """All that a probe's process does: measure, write the reading or what went wrong, and end. Does not return.

    Args:
        load: makes the callable.
        size: its knob.
        files: paths by name: "log" for what it prints, "began", "reading".
        parent: the parent's mapped files.
    """
    code = 1
    try:
        os.setsid()
        _print_into(files["log"])
        reading = measure(load(), size, parent, files["began"])
        code = 0
    except BaseException as error:
        import traceback

        traceback.print_exc()
        reading = {"error": f"{type(error).__name__}: {error}"[:500], "memory": isinstance(error, MemoryError)}
    try:
        _write(files["reading"], reading)
    finally:
        os._exit(code)


def give_back() -> None:
    """Return what was freed: a call would find it and seem to take less."""
    if sys.platform == "linux":
        import ctypes

        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return


def _write(path: str, told: dict[str, Any]) -> None:
    draft = path + ".part"
    with open(draft, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(told, file)
    os.replace(draft, path)  # noqa: PTH105


def _print_into(path: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
