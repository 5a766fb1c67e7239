"""What the codec needs to know of a kind of document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[D]):
    """One kind of document and its form.

    Args:
        name: what stands in the field "kind".
        article: "a" or "an", for sentences about it.
        schema: the number of the form that this version writes and reads.
        document: the class.
        to_json: the fields beside "schema" and "kind", as plain JSON values.
        from_json: the document from such fields. KeyError, TypeError, ValueError and AttributeError mean damage.
    """

    name: str
    article: str
    schema: int
    document: type[D]
    to_json: Callable[[D], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], D]
