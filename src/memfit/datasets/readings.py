"""What each way to read a table peaks at: which readers there are for its format, by their laws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata

from memfit.datasets import code
from memfit.datasets.features import Features, features
from memfit.datasets.laws import LAWS, Law
from memfit.datasets.weights import is_text_file
from memfit.documents.data import Reading, Table
from memfit.quantities import Basis, ByteRange

STR, OBJECT = "str columns (pandas 3)", "object columns (pandas 2)"
DATES = "str columns, dates known"
_ARROW = "Arrow-backed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """A way to read: its law, its code, and the form in which the result is held."""

    law: str
    call: str
    library: str
    form: str


_CSV = (
    _Reader(law="pandas_csv", call="pandas.read_csv({pandas})", library="pandas", form=STR),
    _Reader(law="pandas_csv_pyarrow", call='pandas.read_csv({pandas}, engine="pyarrow")', library="pandas", form=STR),
    _Reader(law="pandas_csv_arrow", call='pandas.read_csv({pandas}, engine="pyarrow", dtype_backend="pyarrow")',
            library="pandas", form=_ARROW),
    _Reader(law="polars_csv", call="polars.read_csv({polars})", library="polars", form="DataFrame"),
)  # fmt: skip
_READERS: dict[str, tuple[_Reader, ...]] = {
    "csv": _CSV,
    "tsv": _CSV,
    "parquet": (
        _Reader(law="pandas_parquet", call="pandas.read_parquet({path})", library="pandas", form=STR),
        _Reader(law="pandas_parquet_arrow", call='pandas.read_parquet({path}, dtype_backend="pyarrow")',
                library="pandas", form=_ARROW),
        _Reader(law="polars_parquet", call="polars.read_parquet({path})", library="polars", form="DataFrame"),
        _Reader(law="pyarrow_parquet", call="pyarrow.parquet.read_table({path})", library="pandas", form=_ARROW),
    ),
    "arrow": (
        _Reader(law="pandas_feather", call="pandas.read_feather({path})", library="pandas", form=STR),
        _Reader(law="polars_feather", call="polars.read_ipc({path})", library="polars", form="DataFrame"),
        _Reader(law="pyarrow_feather", call="pyarrow.feather.read_table({path})", library="pandas", form=_ARROW),
    ),
    "json": (
        _Reader(law="pandas_json", call="pandas.read_json({path})", library="pandas", form=STR),
        _Reader(law="polars_json", call="polars.read_json({path})", library="polars", form="DataFrame"),
    ),
    "jsonl": (
        _Reader(law="pandas_jsonl", call="pandas.read_json({path}, lines=True)", library="pandas", form=STR),
        _Reader(law="polars_jsonl", call="polars.read_ndjson({path})", library="polars", form="DataFrame"),
    ),
    "sqlite": (
        _Reader(law="pandas_sqlite", call="pandas.read_sql_query({query}, connection)", library="pandas", form=STR),
    ),
    "npy": (
        _Reader(law="numpy_load", call="numpy.load({path})", library="NumPy", form=""),
        _Reader(law="numpy_float32", call='numpy.load({path}).astype("float32")', library="NumPy", form="float32"),
    ),
    "npz": (_Reader(law="numpy_load", call="numpy.load({path})[{name}]", library="NumPy", form=""),),
    "hdf5": (_Reader(law="h5py_read", call="h5py.File({path})[{name}][:]", library="NumPy", form=""),),
}  # fmt: skip


def readings(table: Table) -> tuple[Reading, ...]:
    """The peaks of reading a table that has its weights."""
    form = table.form.partition(",")[0]
    if form in ("safetensors", "torch"):
        return _tensors(table)
    found = [_reading(table, reader) for reader in _READERS.get(form, ()) if _applies(reader, table)]
    return tuple(one for one in found if one is not None)


def features_of(table: Table, *, dates: bool = False) -> Features:
    """The features of a table by its format."""
    return features(table, from_text=is_text_file(table), dates=dates)


def pandas_major() -> int:
    """Of the pandas that is installed; 3 where none is."""
    try:
        return int(metadata.version("pandas").split(".")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return 3


def default_form() -> str:
    """How pandas holds texts when it is not told."""
    return OBJECT if pandas_major() < 3 or not _has("pyarrow") else STR


def law_name(name: str, table: Table) -> str:
    """The law for the version that is installed and the compression of the file."""
    packed = "," in table.form
    if pandas_major() < 3 and name in ("pandas_csv", "pandas_parquet"):
        return name.replace("pandas_", "pandas2_")
    return f"{name}_packed" if packed and f"{name}_packed" in LAWS else name


def _applies(reader: _Reader, table: Table) -> bool:
    """polars reads UTF-8 alone, and not every reader was measured with compressed files."""
    if table.dialect.encoding and reader.library == "polars":
        return False
    return "," not in table.form or (
        law_name(reader.law, table) in LAWS
        and (
            reader.law in ("pandas_csv", "pandas_jsonl", "pandas_json")
            or law_name(reader.law, table).endswith("_packed")
        )
    )


def _reading(table: Table, reader: _Reader) -> Reading | None:
    form = default_form() if reader.form == STR and pandas_major() < 3 else reader.form
    if reader.law == "pandas_csv_pyarrow" and form == STR and table.weight("pandas", DATES) is not None:
        form = DATES
    held = table.weight(reader.library, form) if form else (table.weights[0] if table.weights else None)
    if held is None and table.weights and reader.form == "float32":
        held = table.weights[0]  # stored as float32 already
    if held is None:
        return None
    name = law_name(reader.law, table)
    law = LAWS[name]
    peak = peak_of(law, name, table, features_of(table, dates=law.dates), held.held)
    return Reading(
        call=_call(reader.call, table), library=reader.library, peak=peak, held=held.held,
        mapped_bytes=round(law.mapped * table.disk_bytes), basis=Basis.EXTRAPOLATED, source=law.source,
    )  # fmt: skip


def peak_of(law: Law, name: str, table: Table, seen: Features, held: ByteRange) -> ByteRange:
    """The peak by a law; no peak is below what is held in the end."""
    if name in ("numpy_load", "numpy_float32", "h5py_read"):
        seen = replace(seen, number_bytes=float(table.weights[0].held.expected))  # of the array as it is stored
    peak = law.peak(seen, held)
    low, expected = max(peak.low, held.low), max(peak.expected, held.expected)
    return ByteRange(low=min(low, expected), expected=expected, high=max(peak.high, held.high, expected))


def _tensors(table: Table) -> tuple[Reading, ...]:
    held = table.weights[0].held
    call = "safetensors.torch.load_file({path})" if table.form == "safetensors" else "torch.load({path})"
    peak = ByteRange(low=held.low, expected=held.expected, high=2 * held.high)
    return (Reading(call=_call(call, table), library="torch", peak=peak, held=held, basis=Basis.ASSUMED, mapped_bytes=0,
                    source="not measured: the tensors once, at most twice"),)  # fmt: skip


def _call(call: str, table: Table) -> str:
    """The call for this file. pandas reads one file of text at a time, and no pattern."""
    pattern = any(mark in table.path for mark in "*?[")
    several = table.files > 1 and call.startswith("pandas.") and not call.startswith("pandas.read_parquet")
    one = "path" if several else code.paths(table) if pattern and "parquet" in call and "polars" not in call else ""
    path = one or code.literal(table.path)
    typed = (
        call.replace("{path}", path)
        .replace("{pandas}", ", ".join(code.arguments(table, "pandas", path)))
        .replace("{polars}", ", ".join(code.arguments(table, "polars", path)))
        .replace("{name}", code.literal(table.within))
        .replace("{query}", code.query(table) if "{query}" in call else "")
    )
    return f"pandas.concat([{typed} for path in {code.paths(table)}])" if several else typed


def _has(package: str) -> bool:
    """Whether it is installed; where pandas is not, it is taken to come with all it can use."""
    try:
        metadata.version("pandas")
    except metadata.PackageNotFoundError:
        return True
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
