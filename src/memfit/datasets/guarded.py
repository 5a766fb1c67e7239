"""Foreign binary formats are read in a process of their own, within limits: a file that breaks it breaks no more.

The child is `python -m memfit.datasets.guarded FORM PATH…`: it prints a line of JSON for each file. With
`--texts COLUMN BYTES` before that it prints texts of a column instead.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Timer

from memfit.datasets.opening import DataReaderMissing, UnreadableData
from memfit.documents.codec import from_json, to_json
from memfit.documents.data import Data, Table
from memfit.errors import MemfitError
from memfit.quantities import format_bytes

FORMS = frozenset({"parquet", "arrow", "hdf5"})
_SECONDS = 60.0  # for a file
# Of address space, libraries and stacks of threads among them, besides the file, which may be mapped.
_ADDRESS_BYTES = 4 << 30
_OWN_BYTES = 1 << 30  # of memory of its own (Linux counts that as data): what a compressed batch can swell to
_SOURCE = Path(__file__).parents[2]

Answer = list[Table] | MemfitError


def read(form: str, paths: Sequence[Path]) -> Iterator[tuple[Path, Answer]]:
    """Read files of one format, one answer for each."""
    left = list(paths)
    while left:
        answered = 0
        for path, answer in _one_child(form, left):
            answered += 1
            yield path, answer
        left = left[answered:]


def read_texts(form: str, path: Path, column: str, most_bytes: int) -> list[str]:
    """Texts of a column of one file.

    Raises:
        MemfitError: it cannot be read, or has none.
    """
    command = [sys.executable, "-m", "memfit.datasets.guarded", "--texts", column, str(most_bytes), form, str(path)]
    try:
        ended = subprocess.run(
            command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnreadableData(f"{path} is broken: {_ending(-signal.SIGKILL)}") from error
    if not ended.stdout.endswith("\n"):
        raise UnreadableData(f"{path} is broken: {_ending(ended.returncode)}")
    told = json.loads(ended.stdout)
    if isinstance(told, dict):
        raise _problem(told)
    return list(told)


def _one_child(form: str, paths: Sequence[Path]) -> Iterator[tuple[Path, Answer]]:
    """The answers of one child: until it ends, or until a file ends it."""
    command = [sys.executable, "-m", "memfit.datasets.guarded", form, *map(str, paths)]
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    child = subprocess.Popen(command, env=_environment(), stdin=quiet, stdout=pipe, stderr=quiet, text=True)
    assert child.stdout is not None
    try:
        for path in paths:
            watch = Timer(_SECONDS, child.kill)
            watch.start()
            line = child.stdout.readline()
            watch.cancel()
            if not line.endswith("\n"):
                yield path, UnreadableData(f"{path} is broken: {_ending(child.wait())}")
                return
            yield path, _answer(json.loads(line))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _answer(told: dict[str, str]) -> Answer:
    return _problem(told) if told["kind"] == "error" else list(from_json(told, Data).tables)


def _problem(told: dict[str, str]) -> MemfitError:
    kind = DataReaderMissing if told["slug"] == DataReaderMissing.slug else UnreadableData
    return kind(told["message"], hint=told["hint"])


def _told(error: MemfitError) -> dict[str, str]:
    return {"kind": "error", "message": error.message, "hint": error.hint, "slug": error.slug}


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return f"its reader found no end within {_SECONDS:.0f} s"
    if code < 0:
        return f"it ended its reader with {signal.Signals(-code).name}"
    return f"its reader failed, perhaps for want of memory: it is allowed {format_bytes(_OWN_BYTES)}"


def _environment() -> dict[str, str]:
    """Arrow by malloc and few arenas: address space is what the limit counts."""
    paths = os.pathsep.join(filter(None, (str(_SOURCE), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PATH": "::"}  # fmt: skip


def _allow(what: int, wanted: int) -> None:
    _, most = resource.getrlimit(what)
    resource.setrlimit(what, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _bounded(paths: Sequence[str]) -> None:
    """The limits of this process."""
    largest = max((os.stat(path).st_size for path in paths if os.path.exists(path)), default=0)  # noqa: PTH110, PTH116
    _allow(resource.RLIMIT_AS, _ADDRESS_BYTES + largest)
    _allow(resource.RLIMIT_DATA, _OWN_BYTES)
    _allow(resource.RLIMIT_CORE, 0)


def _child(form: str, paths: Sequence[str]) -> None:
    from memfit.datasets.finding import reader_of

    _bounded(paths)
    for path in paths:
        try:
            tables = tuple(reader_of(form)(Path(path)))
            told = to_json(Data(target={"name": path}, tables=tables))
        except MemfitError as error:
            told = _told(error)
        print(json.dumps(told), flush=True)


def _texts_child(column: str, most_bytes: int, form: str, path: str) -> None:
    from memfit.datasets.formats import feather, parquet

    _bounded([path])
    cells_of = {"parquet": parquet.cells_of, "arrow": feather.cells_of}[form]
    told: list[str] | dict[str, str]
    try:
        told = cells_of(Path(path), column, most_bytes=most_bytes)
    except MemfitError as error:
        told = _told(error)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--texts":
        _texts_child(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    else:
        _child(sys.argv[1], sys.argv[2:])
