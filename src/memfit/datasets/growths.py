"""What the usual preprocessing adds to a table in memory: computed from rows, columns and cardinalities."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.datasets.cells import Cost, pandas_str
from memfit.datasets.features import features, is_text
from memfit.datasets.weights import held, is_text_file, numbers, ordered
from memfit.documents.data import Column, ColumnKind, Growth, Table
from memfit.quantities import ByteRange

_DUMMY = 1  # byte: pandas.get_dummies makes bool since pandas 2.0
# Measured with pandas 3.1.1 and scikit-learn 1.9.1: benchmarks/datasets/growth.py, shown in docs/data-accuracy.md.
_DENSE = (1.0, 1.4, 1.8)  # of what get_dummies makes, beside the copied numbers
_SCALED = (2.0, 2.15, 3.3)  # of the matrix; most where types differ
_SPLIT_NUMBERS, _SPLIT_CELLS, _SPLIT_TEXT = 1.05, 10.4, 2.5  # texts in Arrow are gathered in a buffer that grows
_SPREAD = 0.25  # of a split's
# Measured, scikit-learn 1.9.1: the encoder turns texts into Python objects, 54 to 98 bytes for each at its peak.
_ENCODED = (50, 82, 105)
_TFIDF = (2.0, 2.8, 3.5)  # of the matrix
_SPARSE_VALUE = 12  # bytes: a float64 and an int32 index in CSR
_MOST_VALUES = 5000  # a column with more is a key or a text, and not one-hot encoded
_SENTENCE_BYTES = 40  # a text longer than this is taken for language
_WORD_BYTES = 5.7  # assumed: of a word with its blank in English prose
_NEW_WORDS = (0.55, 0.8, 1.0)  # assumed: of a text's words those that differ
_WORD_ENTRY = 130  # bytes: a word of the vocabulary: its str, its place in a dict, its number


def growths(table: Table, frame: ByteRange) -> tuple[Growth, ...]:
    """The steps that apply to the table.

    Args:
        table: with its columns.
        frame: what it holds as read.
    """
    return tuple(_steps(table, frame))


def _steps(table: Table, frame: ByteRange) -> Iterator[Growth]:
    name = "x" if table.is_array else "df"
    copied = frame if table.is_array else _copied(table)
    shared = "" if table.is_array or copied.expected == frame.expected else "; texts in Arrow are shared, not copied"
    yield Growth(step=f"{name}.copy()", held=copied, peak=frame + copied, note=f"the numbers twice{shared}")
    matrix_columns = numbers(table)
    if matrix_columns:
        matrix = held(table, lambda _: Cost(row=8), matrix_columns)
        yield Growth(step="StandardScaler().fit_transform(X)", held=matrix, peak=frame + _times(matrix, _SCALED),
                     note="X as float64 beside the table, and the scaled copy; copy=False saves one")  # fmt: skip
    split = frame if table.is_array else _split(table, frame)
    yield Growth(step=f"train_test_split({name})", held=frame, peak=frame + split,
                 note="both parts are copies: the table twice until the first is let go")  # fmt: skip
    few = [column for column in table.columns if _is_category(column)]
    if few:
        yield from _one_hot(table, few, frame)
    texts = [column for column in table.columns if _is_language(column)]
    if texts:
        yield _tf_idf(table, texts, frame)


def _copied(table: Table) -> ByteRange:
    """What a copy of a frame takes: its NumPy blocks. Texts in Arrow cannot change, so pandas 3 shares them."""
    text = is_text_file(table)
    own = [column for column in table.columns if not is_text(column, from_text=text)]
    return held(table, lambda column: pandas_str(column, from_text=text), own)


def _split(table: Table, frame: ByteRange) -> ByteRange:
    """What a split takes: NumPy blocks once, texts in Arrow more than twice."""
    seen = features(table, from_text=is_text_file(table))
    size = (
        _SPLIT_NUMBERS * seen.number_bytes + _SPLIT_CELLS * seen.text_cells + _SPLIT_TEXT * seen.text_bytes
    )  # fmt: skip
    down, up = frame.low / max(frame.expected, 1), frame.high / max(frame.expected, 1)
    return ordered(size * down * (1 - _SPREAD), size, size * up * (1 + _SPREAD))


def _times(size: ByteRange, factors: tuple[float, float, float]) -> ByteRange:
    return ordered(size.low * factors[0], size.expected * factors[1], size.high * factors[2])


def _one_hot(table: Table, columns: list[Column], frame: ByteRange) -> Iterator[Growth]:
    values = {
        end: sum(one.columns * getattr(one.distinct, end) for one in columns) for end in ("low", "expected", "high")
    }
    rows, number = table.rows, sum(one.columns for one in columns)
    dense = ordered(_DUMMY * rows.low * values["low"], _DUMMY * rows.expected * values["expected"],
                    _DUMMY * rows.high * values["high"])  # fmt: skip
    yield Growth(step="pandas.get_dummies(df)", held=dense, peak=frame + _copied(table) + _times(dense, _DENSE),
                 note=f"{values['expected']:,} columns of one byte a row from {number:,}")  # fmt: skip
    sparse = ordered(*(_SPARSE_VALUE * count * number + 4 * count for count in (rows.low, rows.expected, rows.high)))
    counts = (rows.low, rows.expected, rows.high)
    encoded = sparse + ordered(*(size * count * number for size, count in zip(_ENCODED, counts, strict=True)))
    yield Growth(step="OneHotEncoder().fit_transform(X)", held=sparse, peak=frame + encoded,
                 note="sparse: 12 bytes for each cell; the texts become Python objects on the way")  # fmt: skip


def _tf_idf(table: Table, columns: list[Column], frame: ByteRange) -> Growth:
    words = sum(one.columns * one.text.mean_bytes / _WORD_BYTES for one in columns if one.text is not None)
    rows = (table.rows.low, table.rows.expected, table.rows.high)
    sizes = [_SPARSE_VALUE * count * words * share for count, share in zip(rows, _NEW_WORDS, strict=True)]
    vocabulary = [_WORD_ENTRY * min(30 * (count * words) ** 0.5, count * words) for count in rows]  # Heaps' law
    matrix = ordered(*(size + entry for size, entry in zip(sizes, vocabulary, strict=True)))
    peak = frame + _times(matrix, _TFIDF)
    return Growth(step="TfidfVectorizer().fit_transform(texts)", held=matrix, peak=peak,
                  note=f"about {words:,.0f} words a row; assumed for English prose")  # fmt: skip


def _is_category(column: Column) -> bool:
    return (
        column.kind is ColumnKind.TEXT and column.distinct is not None and column.distinct.expected <= _MOST_VALUES
        and not _is_language(column)
    )  # fmt: skip


def _is_language(column: Column) -> bool:
    return column.kind is ColumnKind.TEXT and column.text is not None and column.text.mean_bytes >= _SENTENCE_BYTES
