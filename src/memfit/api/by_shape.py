"""An estimator and the shape of its data, given or read from a file; there is no script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memfit.api.estimating import name_of
from memfit.documents import Estimate
from memfit.errors import UsageError
from memfit.jobs import Progress
from memfit.jobs.fits_on_devices import estimate_fit
from memfit.jobs.formula import estimate_by_formula
from memfit.jobs.tabular import TabularRequest

if TYPE_CHECKING:
    from memfit.datasets.formats.sparse_matrices import SparseMatrix
    from memfit.datasets.shape import Shape
    from memfit.probing.child.likeness import ColumnLike

_Shape = tuple[int | None, int | None]  # rows, columns
_Source = tuple[str | os.PathLike[str] | None, str | None]  # a data file, and its column to be predicted
_MOST_CLASSES = 1_000  # a target of more different values is none of classes


def estimate_by_shape(
    target: Any,
    shape: _Shape,
    progress: Callable[[Progress], None] | None,
    source: _Source,
    probe: bool,
    shrink: float | None,
    texts: tuple[str | None, str | None] = (None, None),
    density: float | None = None,
    distinct: int | None = None,
    **options: Any,
) -> Estimate:
    """The estimate of an estimator.

    Args:
        target: its class by name, or itself.
        shape: rows and columns of its data, None where the file tells them.
        progress: called as the work goes on.
        source: a data file, and the column to be predicted.
        probe: whether it may be run on small data; without, a formula answers.
        shrink: of scripts alone.
        texts: the column of the file that has texts, and what makes numbers of them; (None, None) for tables.
        density: share of the cells that are stored, of sparse data; None for dense.
        distinct: of the values that a column of such data stores, how many differ; None where that is not known.
        options: of `TabularRequest`.

    Raises:
        MemfitError: no shape, no estimator, or no probe succeeded.
    """
    if shrink is not None:
        raise UsageError("only a script's data can be shrunk: here no data is read", slug="cannot-shrink")
    file = Path(source[0]) if source[0] is not None else None
    _check_distinct(distinct, density, file)
    matrix = _matrix_of(file) if file is not None and density is None else None
    if matrix is not None:
        shape, density, told = _sparse(matrix, source, shape, texts[0])
        source = (None, None)
        options |= told
    if density is not None:
        _check_sparse(density, source[0], options["missing"], probe)
    rows, columns = shape
    named = isinstance(target, str)
    name = target if named else f"{type(target).__module__}.{type(target).__qualname__}"
    if texts[0] is not None and source[0] is None:
        raise UsageError("--text names a column of a data file: --data says which", slug="no-texts")
    if source[0] is not None:
        read = shape_of(os.fspath(source[0]), source[1], texts[0])
        rows, columns = rows or read.rows, columns or read.columns
        options |= {"data": read.text, "target_like": read.target_like}
        if read.classes:
            options["classes"] = read.classes
        if texts[0] is not None:
            from memfit.api.by_texts import estimate_texts

            options |= {"target": name, "given": None if named else target, "rows": rows}
            return estimate_texts(read.shape, texts[0], texts[1], progress, **options)
        options |= {
            "missing": options["missing"] or read.missing,
            "like": read.like if read.columns == columns else (),
        }
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise UsageError(
            f"{name_of(target)} is an estimator: rows and columns of its data are needed",
            hint="memfit.estimate(estimator, rows=20_000_000, columns=60)",
            slug="no-shape",
        )
    if not named and not hasattr(target, "fit"):
        raise UsageError(f"expected an estimator, got {name_of(target)}", slug="bad-target")
    options |= {"target": name, "rows": rows, "columns": columns, "given": None if named else target}
    if density is not None:
        from memfit.api.by_sparse import estimate_sparse

        return estimate_sparse(file, matrix, progress, density=density, distinct=distinct or 0, **options)
    request = TabularRequest(**options)
    return estimate_fit(request, progress=progress) if probe else estimate_by_formula(request)


def _matrix_of(file: Path) -> SparseMatrix | None:
    from memfit.api.by_sparse import matrix_of

    return matrix_of(file)


def _sparse(
    found: SparseMatrix, source: _Source, shape: _Shape, texts: str | None
) -> tuple[_Shape, float, dict[str, Any]]:
    """(shape, density, further options) by a file that is a sparse matrix.

    Raises:
        UsageError: a column of it was named, and it has none.
    """
    if texts is not None or source[1] is not None:
        raise UsageError(
            f"{source[0]} is a sparse matrix, whose columns have no names",
            hint="leave --target out: as many labels as it has rows are counted; --classes says of how many kinds",
            slug="no-column",
        )
    text = (
        f"{source[0]}: a sparse matrix of {found.rows:,} rows and {found.columns:,} columns with {found.stored:,} "
        f"values of {found.dtype}; it is taken for CSR{found.note}"
    )
    rows, columns = shape[0] or found.rows, shape[1] or found.columns
    told: dict[str, Any] = {"data": text, "dtype": found.dtype}
    density = min(found.stored / found.rows / columns, 1.0)  # of other columns as many values a row
    return (rows, columns), density, told | ({"classes": found.classes} if found.classes else {})


def _check_distinct(distinct: int | None, density: float | None, file: Path | None) -> None:
    """Say of what data it can be told how many values differ."""
    if distinct is not None and (density is None or file is not None):
        raise UsageError(
            "--distinct is of sparse data that no file tells, of which --density says how much is stored",
            hint="--rows 1M --cols 50k --density 0.001 --distinct 1",
            slug="bad-density",
        )


def _check_sparse(density: float, data: str | os.PathLike[str] | None, missing: float, probe: bool) -> None:
    """Say what does not go with sparse data, rather than leave it out."""
    if not 0 < density <= 1:
        raise UsageError(
            f"density is a share above 0 and up to 1, got {density:g}", hint="--density 0.001", slug="bad-density"
        )
    if data is not None:
        raise UsageError(
            "--density is of data that no file tells: what --data names is held as it is",
            hint="give its shape with --rows and --cols instead",
            slug="bad-density",
        )
    if missing:
        raise UsageError("--missing is of dense data: what a sparse matrix does not store is zero", slug="bad-density")
    if not probe:
        raise UsageError(
            "there is no formula for sparse data", hint="without --no-probe it is probed", slug="no-formula"
        )


class _Read(NamedTuple):
    """A file as an estimator sees it: number columns and, one each, encoded texts, without the label."""

    rows: int
    columns: int
    missing: float
    classes: int | None
    like: tuple[ColumnLike, ...]
    target_like: ColumnLike | None
    text: str
    shape: Shape


def shape_of(path: str, label: str | None, texts: str | None = None) -> _Read:
    """What a data file says of an estimator's data.

    Args:
        label: the column to be predicted, None where none was named.
        texts: the column of texts, which alone is the data then; None for all but the label.

    Raises:
        UsageError: it has no such column.
    """
    from memfit.api.likenesses import likenesses
    from memfit.datasets.shape import read_shape
    from memfit.datasets.statistics import statistics_of

    shape = read_shape(path)
    names = [name for name, _, _, count in shape.kinds if count == 1]
    label, texts = (_named(path, each, names) if each is not None else None for each in (label, texts))
    like, target_like = likenesses(statistics_of(shape.table), label)
    text = f"{path}: about {shape.rows:,} rows ({shape.rows_low:,} to {shape.rows_high:,}), {shape.columns:,} columns; "
    return _Read(
        rows=shape.rows,
        columns=max(shape.columns - (label is not None), 1),
        missing=shape.missing_share,
        classes=_classes(target_like),
        like=like,
        target_like=target_like,
        text=f"{text}{_taken(label, texts)}; `memfit data` says what reading it takes",
        shape=shape,
    )


def _taken(label: str | None, texts: str | None) -> str:
    if texts is not None:
        return f"column {texts!r} alone is the data"
    all_of_them = "" if label is not None else "no --target was named, so that all columns are data; "
    return all_of_them + "every column is taken as one number: texts that become one-hot columns need more"


def _named(path: str, asked: str, names: list[str]) -> str:
    """The column of that name, blanks around it aside.

    Raises:
        UsageError: there is none.
    """
    found = [name for name in names if name == asked] or [name for name in names if name.strip() == asked.strip()]
    if not found:
        shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")
        raise UsageError(f"{path} has no column {asked!r}", hint=f"its columns: {shown}", slug="no-column")
    return found[0]


def _classes(target_like: ColumnLike | None) -> int | None:
    """Of a target with few different values; None of one that is a quantity, or where none was named."""
    distinct = target_like.distinct if target_like is not None else None
    return distinct if distinct is not None and 2 <= distinct <= _MOST_CLASSES else None
