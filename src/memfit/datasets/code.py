"""The code to type for each lighter way, as it stands in the report."""

from __future__ import annotations

from collections.abc import Sequence

from memfit.datasets import cells
from memfit.documents.data import Column, ColumnKind, Table

_SHOWN = 12  # columns in a line of code; of more, the rest is an ellipsis


def narrow(table: Table) -> str:
    """read_csv with the smallest types."""
    types: list[tuple[str, str]] = []
    dates: list[str] = []
    for column in table.columns:
        chosen = _type(column, table.rows.expected)
        if chosen == "date":
            dates.append(column.name)
        elif chosen is not None:
            types.append((column.name, chosen))
    parts = [f"dtype={_mapping(types)}"] if types else []
    parts += [f"parse_dates={_names(dates)}"] if dates else []
    return f"df = pandas.read_csv({', '.join([_path(table), *_separator(table), *parts])})"


def categories(table: Table, columns: Sequence[Column]) -> str:
    """read_csv with categories."""
    types = _mapping([(column.name, "category") for column in columns])
    return f"df = pandas.read_csv({', '.join([_path(table), *_separator(table), f'dtype={types}'])})"


def columns(table: Table) -> str:
    """Reading the table's columns alone."""
    names = _names([column.name for column in table.columns])
    form = table.form.partition(",")[0]
    if form == "sqlite":
        chosen = ", ".join(column.name for column in table.columns[:_SHOWN])
        return f'df = pandas.read_sql_query("select {chosen} from {table.name.partition("/")[2]}", connection)'
    if form in ("parquet", "arrow"):
        reader = "read_parquet" if form == "parquet" else "read_feather"
        return f"df = pandas.{reader}({_path(table)}, columns={names})"
    if form == "jsonl":
        return f"df = polars.scan_ndjson({_path(table)}).select({names}).collect()"
    return f"df = pandas.read_csv({', '.join([_path(table), *_separator(table), f'usecols={names}'])})"


def chunks(table: Table, form: str, rows: int) -> str:
    """A loop over parts."""
    if form == "parquet":
        return f"for part in pyarrow.parquet.ParquetFile({_path(table)}).iter_batches(batch_size={rows}): …"
    if form == "sqlite":
        name = table.name.partition("/")[2]
        return f'for part in pandas.read_sql_query("select * from {name}", connection, chunksize={rows}): …'
    if form == "jsonl":
        return f"for part in pandas.read_json({_path(table)}, lines=True, chunksize={rows}): …"
    return f"for part in pandas.read_csv({', '.join([_path(table), *_separator(table), f'chunksize={rows}'])}): …"


def parquet(table: Table, form: str) -> str:
    """Turning text into Parquet in a stream, and reading that."""
    scan = "scan_ndjson" if form == "jsonl" else "scan_csv"
    more = ['separator="\\t"'] if form == "tsv" else []
    target = _text(table.name.split(".")[0] + ".parquet")
    return (
        f"polars.{scan}({', '.join([_path(table), *more])}).sink_parquet({target}); df = polars.read_parquet({target})"
    )


def sparse(table: Table) -> str:
    """Chunks put together as a sparse matrix."""
    size = max(10_000_000 // max(table.width, 1), 1000)
    return (
        f"x = scipy.sparse.vstack([scipy.sparse.csr_matrix(part) "
        f"for part in pandas.read_csv({_path(table)}, chunksize={size})])"
    )


def float32(table: Table) -> str:
    """An array in single precision without the two at once."""
    if table.form == "npy":
        return f'x = numpy.load({_path(table)}, mmap_mode="r").astype("float32")'
    return 'x = x.astype("float32")'


def _type(column: Column, rows: int) -> str | None:
    """The type to ask for; "date" for dates; None to leave it."""
    if column.columns != 1:
        return None
    if column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
        return "date"
    if column.kind is ColumnKind.INTEGER and not column.missing_share:
        width = cells.integer_bytes(column)
        return f"int{8 * width}" if width < 8 else None
    if column.kind in (ColumnKind.FLOAT, ColumnKind.INTEGER):
        return "float32"
    return "category" if cells.pays(column, rows) else None


def _mapping(types: Sequence[tuple[str, str]]) -> str:
    shown = [f"{_text(name)}: {_text(kind)}" for name, kind in types[:_SHOWN]]
    return "{" + ", ".join(shown + (["…"] if len(types) > _SHOWN else [])) + "}"


def _names(names: Sequence[str]) -> str:
    return "[" + ", ".join([_text(name) for name in names[:_SHOWN]] + (["…"] if len(names) > _SHOWN else [])) + "]"


def _path(table: Table) -> str:
    return _text(table.name)


def _separator(table: Table) -> list[str]:
    return ['sep="\\t"'] if table.form.startswith("tsv") else []


def _text(text: str) -> str:
    """A Python literal in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
