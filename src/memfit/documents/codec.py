"""Documents to JSON and back. Trusts nothing it reads: no pickle, no eval, unknown kinds and newer schemas are refused.

What is common to all kinds is here: the envelope ("schema", "kind"), files, and what is said of damage. The form of
each kind, with the history of its schema, is in documents/kinds; a new kind is a file there and a name in KINDS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from memfit.documents.advice import Advice
from memfit.documents.comparison import Comparison
from memfit.documents.data import Data
from memfit.documents.diagnosis import Diagnosis
from memfit.documents.estimate import Estimate
from memfit.documents.kinds import advice, comparison, diagnosis, estimate
from memfit.documents.kinds import data as data_sets
from memfit.documents.kinds.kind import Kind
from memfit.errors import InvalidDocument

SCHEMA = 1  # of errors and lists, which are written and never read
_LARGEST_DOCUMENT_BYTES = 256 << 20  # a document is some kilobytes; a file beyond this is something else

Document = Estimate | Comparison | Diagnosis | Data | Advice
KINDS: dict[str, Kind[Any]] = {
    kind.name: kind for kind in (estimate.KIND, comparison.KIND, diagnosis.KIND, data_sets.KIND, advice.KIND)
}
D = TypeVar("D")


def to_json(document: Document) -> dict[str, Any]:
    """The document as plain JSON values, by the contract of docs/json.md."""
    kind = next(kind for kind in KINDS.values() if isinstance(document, kind.document))
    return {"schema": kind.schema, "kind": kind.name, **kind.to_json(document)}


@overload
def from_json(data: Any) -> Document: ...
@overload
def from_json(data: Any, expected: type[D]) -> D: ...
def from_json(data: Any, expected: type[Any] | None = None) -> Any:
    """Read a document from plain JSON values.

    Args:
        data: the values.
        expected: the class that it must be of; any kind when None.

    Raises:
        InvalidDocument: another kind, a newer schema, or a field that is missing or of the wrong type.
    """
    if not isinstance(data, Mapping) or "schema" not in data or "kind" not in data:
        raise InvalidDocument("this is no memfit document: it has no 'schema' and 'kind'")
    kind = _kind(data["kind"], expected)
    if data["schema"] != kind.schema:
        raise InvalidDocument(
            f"the {kind.name} has schema {data['schema']!r}, this memfit reads schema {kind.schema}",
            hint="read it with the memfit that wrote it, or a newer one",
            slug="newer-schema",
        )
    try:
        return kind.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidDocument(f"the {kind.name} is damaged: {type(error).__name__}: {error}") from error


def save(document: Document, path: str | Path) -> None:
    """Write the document to a file: whole or not at all."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(json.dumps(to_json(document), indent=1) + "\n", encoding="utf-8")
    draft.replace(target)


@overload
def load(path: str | Path) -> Document: ...
@overload
def load(path: str | Path, expected: type[D]) -> D: ...
def load(path: str | Path, expected: type[Any] | None = None) -> Any:
    """Read a saved document.

    Args:
        path: the file.
        expected: the class that it must be of; any kind when None.

    Raises:
        InvalidDocument: the file is missing, too large, or no document of that kind.
    """
    target = Path(path)
    try:
        if target.stat().st_size > _LARGEST_DOCUMENT_BYTES:
            raise InvalidDocument(f"{target} is {target.stat().st_size} bytes: too large to be a memfit document")
        data = json.loads(target.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidDocument(f"cannot read {target}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise InvalidDocument(f"{target} is no JSON: {error}") from error
    return from_json(data) if expected is None else from_json(data, expected)


def _kind(name: Any, expected: type[Any] | None) -> Kind[Any]:
    kind = KINDS.get(name) if isinstance(name, str) else None
    wanted = [kind for kind in KINDS.values() if expected is None or kind.document is expected]
    if kind is None or kind not in wanted:
        known = " or ".join(f"{kind.article} {kind.name!r}" for kind in wanted)
        raise InvalidDocument(f"the document is a {name!r}, expected {known}")
    return kind
