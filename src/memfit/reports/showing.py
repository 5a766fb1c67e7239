"""Documents of any kinds, shown together: in a terminal, as JSON, as one page. Each kind has its own view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from memfit.documents import SCHEMA, Advice, Comparison, Data, Diagnosis, Estimate, Recording, to_json
from memfit.errors import UsageError
from memfit.reports import private as privacy
from memfit.reports import recorded

Shown = Estimate | Recording | Comparison | Diagnosis | Data | Advice


def prepared(documents: Sequence[Shown], *, private: bool = False) -> tuple[Shown, ...]:
    """The documents as they may be shown together.

    Args:
        documents: one of a kind at most.
        private: leave out paths, host, user and command words.

    Raises:
        UsageError: two of a kind.
    """
    kinds = [type(document) for document in documents]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise UsageError(
                f"a report shows one {kind.__name__.lower()} at a time, got {kinds.count(kind)}",
                hint="`memfit compare A B` lays two of a kind on each other",
                slug="two-of-a-kind",
            )
    if not private:
        return tuple(documents)
    secrets = privacy.secrets_of(documents)
    return tuple(privacy.without_private(document, secrets) for document in documents)


def in_terminal(documents: Sequence[Shown], stream: TextIO) -> None:
    """Print each, a blank line between them."""
    for position, document in enumerate(documents):
        if position:
            stream.write("\n")
        _write(document, stream)


def json_text(documents: Sequence[Shown]) -> str:
    """The documents as JSON: one as itself, several in a list; of a recording, what its view says."""
    found = [_json(document) for document in documents]
    whole = found[0] if len(found) == 1 else {"schema": SCHEMA, "kind": "documents", "documents": found}
    return json.dumps(whole, indent=1) + "\n"


def page_text(documents: Sequence[Shown], *, private: bool = False) -> str:
    """One HTML page of all of them."""
    from memfit.reports.html import Content, page, render

    kinds = {type(document): document for document in documents}
    content: dict[str, Any] = {kind.__name__.lower(): document for kind, document in kinds.items()}
    return render(page(Content(**content), private=private))


def _write(document: Shown, stream: TextIO) -> None:
    if isinstance(document, Estimate):
        from memfit.reports import terminal

        terminal.write(document, stream)
    elif isinstance(document, Recording):
        from memfit.reports import recording

        recording.write(document, stream)
    elif isinstance(document, Diagnosis):
        from memfit.reports import diagnosis

        diagnosis.write(document, stream)
    elif isinstance(document, Data):
        from memfit.reports import data

        data.write(document, stream)
    elif isinstance(document, Advice):
        from memfit.reports import advice

        advice.write(document, stream)
    else:
        from memfit.reports import comparison

        comparison.write(document, stream)


def _json(document: Shown) -> dict[str, Any]:
    if isinstance(document, Recording):
        return {"schema": SCHEMA, "kind": "recording_summary", **asdict(recorded.view(document))}
    return to_json(document)
