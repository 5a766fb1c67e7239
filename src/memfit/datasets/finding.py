"""From what the user named to tables: patterns and folders to files, files to their formats, shards to one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from memfit.datasets import compressed, foreign, guarded
from memfit.datasets.files import FileSet, Found, files_of
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.shards import join
from memfit.documents.data import Table
from memfit.errors import MemfitError

_TRIED = 20  # files of one ending that are opened before it is given up
_MOST_OPENED = 2_000  # files of different endings: a second
_SHARDS_READ = 8  # of a set, spread evenly; the others by their size
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", "npy"), (b"PAR1", "parquet"), (b"PARE", "parquet"), (b"ARROW1", "arrow"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"), (b"SQLite format 3\x00", "sqlite"), (b"\xff\xff\xff\xff", "arrow"),
)  # fmt: skip
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv", ".data": "csv", ".npy": "npy", ".npz": "npz",
    ".parquet": "parquet", ".pq": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5", ".sqlite": "sqlite",
    ".sqlite3": "sqlite", ".db": "sqlite", ".safetensors": "safetensors", ".pt": "torch", ".pth": "torch",
    ".png": "image", ".jpg": "image", ".jpeg": "image", ".gif": "image", ".bmp": "image", ".webp": "image",
}  # fmt: skip
_PACKED = (".gz", ".bz2", ".xz", ".zst")


def read_one(path: str | Path) -> Table:
    """The largest table of what was named.

    Raises:
        MemfitError: nothing could be read.
    """
    tables, problems = read_all([path])
    if not tables:
        raise problems[0]
    return max(tables, key=lambda table: table.rows.expected * max(table.width, 1))


def read_all(
    paths: Sequence[str | Path], tell: Callable[[str], None] = lambda text: None
) -> tuple[list[Table], list[MemfitError]]:
    """Every table of what was named, and what could not be read.

    Args:
        paths: files, folders, patterns.
        tell: is told what is being read, for progress.
    """
    tables: list[Table] = []
    problems: list[MemfitError] = []
    for path in paths:
        try:
            groups = _grouped(files_of(str(path), problems), problems)
            for form, files in sorted(groups.items()):
                tables += _read_set(form, files, str(path), problems, tell, alone=len(groups) == 1)
        except MemfitError as error:
            problems.append(error)
    return tables, problems


def _read_set(
    form: str, files: FileSet, asked: str, problems: list[MemfitError], tell: Callable[[str], None], *, alone: bool
) -> list[Table]:
    reader = _collections().get(form)
    if reader is not None and (files.number > 1 or form == "image"):
        return [replace(reader(files, asked, tell), path=asked)]
    read: list[Table] = []
    for path, answer in _answers(form, [file.path for file in files.some(_SHARDS_READ)]):
        tell(f"{path.name} was read")
        if isinstance(answer, MemfitError):
            problems.append(answer)
        else:
            read += [replace(table, path=str(path)) for table in answer]
    if files.number == 1 or not read or form in ("npz", "sqlite", "hdf5", "torch", "safetensors"):
        return read
    where = asked if alone and form == "parquet" else _pattern(asked, [one.path for one in files.some(_SHARDS_READ)])
    return [
        replace(table, path=where) if table.files > 1 else table
        for table in join(read, asked, files=files.number, disk_bytes=files.size)
    ]


def _pattern(asked: str, paths: Sequence[Path]) -> str:
    """A pattern for the files of one ending below a folder; what was asked where that is no folder."""
    if not Path(asked).is_dir():
        return asked
    endings = {"".join(path.suffixes) for path in paths}
    below = "" if all(path.parent == Path(asked) for path in paths) else "**/"
    return f"{asked.rstrip('/')}/{below}*{endings.pop() if len(endings) == 1 else ''}"


def _answers(form: str, paths: Sequence[Path]) -> Iterator[tuple[Path, list[Table] | MemfitError]]:
    """The tables of each file, or why it cannot be read."""
    if form in guarded.FORMS:
        yield from guarded.read(form, paths)
        return
    for path in paths:
        try:
            yield path, list(reader_of(form)(path))
        except MemfitError as error:
            yield path, error
        except Exception as error:  # a reader's own mistake over a strange file must not lose the other files
            yield path, UnreadableData(f"{path} cannot be read: {type(error).__name__}: {str(error)[:200]}")


def form_of(path: Path) -> str:
    """The format of a file, by its first bytes, then by its name.

    Raises:
        UnreadableData: it cannot be opened, or is of no known format.
    """
    with open_file(path) as source:
        start = source.read(512)
    name = path.name.lower()
    if not start:
        raise UnreadableData(f"{path} is empty")
    found = next((form for magic, form in _MAGIC if start.startswith(magic)), None)
    if found is not None:
        return found
    packed = compressed.form_of(start)
    if packed is not None:
        for ending in _PACKED:
            name = name.removesuffix(ending)
        return "jsonl" if name.endswith((".jsonl", ".ndjson", ".json")) else "csv"
    form = _SUFFIXES.get(Path(name).suffix)
    if start.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8")) or (start[:4], start[8:12]) == (b"RIFF", b"WEBP"):
        return "image"
    if start.startswith(b"PK\x03\x04") and form in ("npz", "torch"):
        return form
    if form not in ("torch", "safetensors"):  # a .pt may be a pickle; its reader says what that means
        foreign.refuse(path, start)
    if form is None and Path(name).suffix == ".json":
        return "jsonl"
    if form is not None:
        return form
    if b"\0" in start or not _is_text(start):
        raise UnreadableData(f"{path} is of no format that memfit knows", hint="docs/data.md lists them")
    return "jsonl" if start.lstrip().startswith(b"{") else "csv"


def _is_text(start: bytes) -> bool:
    controls = sum(1 for byte in start if byte < 32 and byte not in b"\t\n\r\f\x1b")
    return controls <= len(start) * 0.02


def _grouped(files: Iterable[Found], problems: list[MemfitError]) -> dict[str, FileSet]:
    """Files by format: of each kind of name the first is opened, the others are taken to be like it."""
    found: dict[tuple[str, str], FileSet] = {}
    forms: dict[str, str] = {}
    strange: Counter[str] = Counter()
    empty = opened = unopened = 0
    for file in files:
        ending = _ending(file.path)
        if not file.size:  # of no bytes, or no file at all: the first is opened to say which
            empty += 1
            if empty > 1:
                continue
        if ending not in forms:
            strange[ending] += 1
            if strange[ending] > _TRIED:
                continue
            opened += 1
            if opened > _MOST_OPENED:
                unopened += 1
                continue
            try:
                forms[ending] = form_of(file.path)
            except MemfitError as error:
                problems.append(error)
                continue
        found.setdefault((forms[ending], ending), FileSet()).add(file)
    untold = sum(number - _TRIED for ending, number in strange.items() if ending not in forms and number > _TRIED)
    for number, what in (
        (empty - 1, "are empty"),
        (untold, "are of no known format"),
        (unopened, f"were not opened: {_MOST_OPENED:,} of other endings had been"),
    ):
        if number > 0:
            problems.append(UnreadableData(f"{number:,} more files {what}"))
    return _by_form(found)


def _by_form(found: dict[tuple[str, str], FileSet]) -> dict[str, FileSet]:
    """Endings of one format together. Several files of prose are texts, not tables of one column."""
    several = sum(files.number for files in found.values()) > 1
    whole: dict[str, FileSet] = {}
    for (form, ending), files in found.items():
        prose = form == "csv" and (ending == ".txt" or ending not in _SUFFIXES) and not ending.endswith(_PACKED)
        name = "text" if prose and several else form
        whole[name] = files if name not in whole else whole[name].with_those_of(files)
    return whole


def _ending(path: Path) -> str:
    """The suffix, lower case, with what stands before a compression's."""
    return "".join(path.suffixes[-2:]).lower() if path.suffix in _PACKED else path.suffix.lower()


def reader_of(form: str) -> Callable[[Path], Sequence[Table]]:
    """The reader of a format."""
    from memfit.datasets.formats import arrays, delimited, feather, hdf5, json_lines, parquet, sqlite, tensor_files

    several = {"npz": arrays.read_npz, "sqlite": sqlite.read, "hdf5": hdf5.read}
    if form in several:
        return several[form]
    one = {
        "csv": delimited.read, "text": delimited.read, "npy": arrays.read_npy, "parquet": parquet.read,
        "arrow": feather.read, "jsonl": json_lines.read, "safetensors": tensor_files.read_safetensors,
        "torch": tensor_files.read_torch,
    }[form]  # fmt: skip
    return lambda path: [one(path)]


def _collections() -> dict[str, Callable[[FileSet, str, Callable[[str], None]], Table]]:
    from memfit.datasets.formats import images, texts

    return {"image": images.read, "text": texts.read}
