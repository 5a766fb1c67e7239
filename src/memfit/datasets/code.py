"""The code to type for each lighter way. It runs as it stands: imports, the path as named, the file's own separator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from memfit.datasets import cells
from memfit.documents.data import Column, ColumnKind, Table

_FEW = 40  # columns that are named one by one; of more, those that are left out are
_HEAD_ROWS = 10_000  # that are read for the types of a table too wide to name its columns
_MODULES = ("glob", "h5py", "numpy", "pandas", "PIL.Image", "polars", "pyarrow.csv", "pyarrow.dataset",
            "pyarrow.feather", "pyarrow.ipc", "pyarrow.parquet", "safetensors.torch", "scipy.sparse", "sqlite3",
            "torch")  # fmt: skip
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"')
_PATTERN = re.compile(r"[*?\[]")


def runnable(body: str) -> str:
    """The code with the imports that it needs before it."""
    bare = _LITERAL.sub("", body)
    needed = [module for module in _MODULES if re.search(rf"(?<![\w.]){re.escape(module)}\.", bare)]
    return f"import {', '.join(needed)}\n{body}" if needed else body


def literal(text: str) -> str:
    """A Python literal in double quotes."""
    known = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    return '"' + "".join(known.get(letter, letter) for letter in text) + '"'


def query(table: Table, columns: Sequence[Column] = ()) -> str:
    """SQL for a table of a database, as a Python literal."""
    chosen = ", ".join(_identifier(column.name) for column in columns) or "*"
    return literal(f"select {chosen} from {_identifier(table.within)}")


def paths(table: Table) -> str:
    """An expression for all files of a set."""
    recursive = ", recursive=True" if "**" in table.path else ""
    return f"sorted(glob.glob({literal(table.path)}{recursive}))"


def arguments(table: Table, library: str, path: str = "") -> list[str]:
    """What a reader of text must be told: the path, and where the file is not as the reader expects.

    Args:
        table: with its dialect.
        library: "pandas" or "polars".
        path: an expression to use for the path.
    """
    told = [path or literal(table.path)]
    said = table.dialect
    if said.separator != ",":
        told.append(f"{'sep' if library == 'pandas' else 'separator'}={literal(said.separator)}")
    if not said.header:
        told.append("header=None" if library == "pandas" else "has_header=False")
    if said.encoding and library == "pandas":
        told.append(f"encoding={literal(said.encoding)}")
    if said.missing and library == "polars":
        told.append(f"null_values=[{', '.join(map(literal, ('', *said.missing)))}]")
    return told


def narrow(table: Table) -> str:
    """read_csv with the smallest types."""
    if any(column.columns > 1 for column in table.columns):
        return runnable(_narrow_by_head(table))
    types, dates = [], []
    for column, key in zip(table.columns, _keys(table), strict=True):
        chosen = _type(column, table.rows.expected)
        if chosen == "date":
            dates.append(key)
        elif chosen is not None:
            types.append(f"{key}: {literal(chosen)}")
    parts = [f"dtype={{{', '.join(types)}}}"] if types else []
    parts += [f"parse_dates=[{', '.join(dates)}]"] if dates else []
    return runnable(f"df = {_read_csv(table, *parts)}")


def categories(table: Table, columns: Sequence[Column]) -> str:
    """read_csv with categories."""
    keys = dict(zip((column.name for column in table.columns), _keys(table), strict=True))
    types = ", ".join(f'{keys[column.name]}: "category"' for column in columns)
    return runnable(f"df = {_read_csv(table, f'dtype={{{types}}}')}")


def without(table: Table, left_out: Sequence[Column]) -> str:
    """Reading all columns but those."""
    form = table.form.partition(",")[0]
    out = [column.name for column in left_out]
    kept = [column for column in table.columns if column.name not in out]
    dropped = f"[{', '.join(map(literal, out))}]"
    if form == "sqlite":
        return runnable(f"{_connect(table)}df = pandas.read_sql_query({query(table, kept)}, connection)")
    if form == "jsonl":
        return runnable(f"df = polars.scan_ndjson({literal(table.path)}).drop({dropped}).collect()")
    if form == "json":
        return runnable(f"df = polars.read_json({literal(table.path)}).drop({dropped})")
    few = len(kept) <= _FEW and all(column.columns == 1 for column in kept)
    named = f"[{', '.join(literal(column.name) for column in kept)}]"
    if form in ("parquet", "arrow"):
        source = paths(table) if _is_pattern(table) else literal(table.path)
        schema = f'pyarrow.dataset.dataset({source}, format="{form}").schema'
        columns = named if few else f"[name for name in {schema}.names if name not in {dropped}]"
        return runnable(
            f"df = pandas.read_{'parquet' if form == 'parquet' else 'feather'}({source}, columns={columns})"
        )
    if not table.dialect.header:
        keys = zip(table.columns, _keys(table), strict=True)
        named = f"[{', '.join(key for column, key in keys if column.name not in out)}]"
    used = named if few else f"lambda name: name not in {dropped}"
    return runnable(f"df = {_read_csv(table, f'usecols={used}')}")


def chunks(table: Table, form: str, rows: int) -> str:
    """A loop over parts."""
    if form == "parquet":
        if table.files > 1:
            source = paths(table) if _is_pattern(table) else literal(table.path)
            each = f'pyarrow.dataset.dataset({source}, format="parquet").to_batches(batch_size={rows})'
        else:
            each = f"pyarrow.parquet.ParquetFile({literal(table.path)}).iter_batches(batch_size={rows})"
        return _loop(each)
    if form == "sqlite":
        return _loop(f"pandas.read_sql_query({query(table)}, connection, chunksize={rows})", _connect(table))
    if form == "hdf5":
        end = table.rows.expected
        return runnable(
            f"with h5py.File({literal(table.path)}) as file:\n    for start in range(0, {end}, {rows}):\n"
            f"        part = file[{literal(table.within)}][start : start + {rows}]"
        )
    last = "chunksize=" + str(rows)
    if table.files > 1:
        each = f"pandas.read_json(path, lines=True, {last})" if form == "jsonl" else _read_csv(table, last, path="path")
        return runnable(f"for path in {paths(table)}:\n    for part in {each}:\n        ...")
    return _loop(f"pandas.read_json({literal(table.path)}, lines=True, {last})" if form == "jsonl"
                 else _read_csv(table, last))  # fmt: skip


def parquet(table: Table, form: str) -> str:
    """Turning text into Parquet in a stream, and reading that."""
    scan = "scan_ndjson" if form == "jsonl" else "scan_csv"
    told = [literal(table.path)] if form == "jsonl" else arguments(table, "polars")
    whole = f"infer_schema_length={_HEAD_ROWS}"  # the first hundred rows are its own choice
    target = literal(_beside(table))
    return runnable(
        f"polars.{scan}({', '.join([*told, whole])}).sink_parquet({target})\ndf = polars.read_parquet({target})"
    )


def sparse(table: Table) -> str:
    """Chunks put together as a sparse matrix."""
    size = max(10_000_000 // max(table.width, 1), 1000)
    numbers = 'part.select_dtypes(["number", "bool"]).to_numpy("float64")'
    each = _read_csv(table, f"chunksize={size}")
    if table.form.startswith("parquet"):
        each = f"pyarrow.parquet.ParquetFile({literal(table.path)}).iter_batches(batch_size={size})"
        numbers = numbers.replace("part.", "part.to_pandas().", 1)
    return runnable(f"x = scipy.sparse.vstack([scipy.sparse.csr_matrix({numbers})\n    for part in {each}])")


def mapped(table: Table) -> str:
    """An array whose pages are read when they are touched."""
    return runnable(f'x = numpy.load({literal(table.path)}, mmap_mode="r")')


def float32(table: Table) -> str:
    """An array in single precision, where it can be without the two at once."""
    if table.form == "npy":
        return runnable(f'x = numpy.load({literal(table.path)}, mmap_mode="r").astype("float32")')
    inner = literal(table.within)
    if table.form == "hdf5":
        return runnable(f'with h5py.File({literal(table.path)}) as file:\n    x = file[{inner}].astype("float32")[:]')
    return runnable(f'x = numpy.load({literal(table.path)})[{inner}].astype("float32")')


def _read_csv(table: Table, *parts: str, path: str = "") -> str:
    if table.files > 1 and not path:
        each = f"pandas.read_csv({', '.join([*arguments(table, 'pandas', 'path'), *parts])})"
        return f"pandas.concat([{each} for path in {paths(table)}])"
    return f"pandas.read_csv({', '.join([*arguments(table, 'pandas', path), *parts])})"


def _loop(each: str, before: str = "") -> str:
    return runnable(f"{before}for part in {each}:\n    ...")


def _connect(table: Table) -> str:
    return f"connection = sqlite3.connect({literal(table.path)})\n"


def _narrow_by_head(table: Table) -> str:
    """Of a table too wide to name its columns the types come from its first rows."""
    first = paths(table) + "[0]" if table.files > 1 else ""
    head = f"head = {_read_csv(table, f'nrows={_HEAD_ROWS}', path=first)}\n"
    floats = 'types = {name: "float32" for name in head.select_dtypes("float")}\n'
    whole = ('types |= {name: pandas.to_numeric(head[name], downcast="integer").dtype '
             'for name in head.select_dtypes("integer")}\n')  # fmt: skip
    return head + floats + whole + f"df = {_read_csv(table, 'dtype=types')}"


def _type(column: Column, rows: int) -> str | None:
    """The type to ask for; "date" for dates; None to leave it."""
    if column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
        return "date"
    if column.kind is ColumnKind.INTEGER and not column.missing_share:
        width = cells.integer_bytes(column)
        return f"int{8 * width}" if width < 8 else None
    if column.kind in (ColumnKind.FLOAT, ColumnKind.INTEGER):
        return "float32"
    return "category" if cells.pays(column, rows) else None


def _keys(table: Table) -> list[str]:
    """What pandas calls each column: its name, or its number where the file names none."""
    if table.dialect.header:
        return [literal(column.name) for column in table.columns]
    return [str(at) for at in range(len(table.columns))]


def _beside(table: Table) -> str:
    """Where the same table goes as Parquet."""
    before = _PATTERN.split(table.path)[0].rstrip("/") or "whole"
    path = PurePath(before)
    return str(path.with_name(path.name.split(".")[0] + ".parquet"))


def _is_pattern(table: Table) -> bool:
    return _PATTERN.search(table.path) is not None


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
