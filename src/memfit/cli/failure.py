"""How memfit says no: a sentence, a hint and where to read more on stderr; the same as JSON for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from memfit.documents import SCHEMA
from memfit.errors import MemfitError
from memfit.reports.text import printable


def tell(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Report a failure.

    Args:
        error: what was raised; anything that is no MemfitError is a fault of memfit's own.
        as_json: print an error document on stdout as well.
        debug: print the traceback before the message.

    Returns:
        The exit code.
    """
    told = error if isinstance(error, MemfitError) else _own_fault(error)
    if debug:
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    if as_json:
        sys.stdout.write(json.dumps(to_json(told)) + "\n")
        sys.stdout.flush()
    sys.stderr.write(to_text(told))
    return told.exit_code


def to_json(error: MemfitError) -> dict[str, object]:
    """The error document: kind "error", by the contract of docs/json.md."""
    return {"schema": SCHEMA, "kind": "error", "slug": error.slug, "message": error.message, "hint": error.hint}


def to_text(error: MemfitError) -> str:
    """The lines for a person. What came from the user's job is shown without its control characters."""
    lines = [f"memfit: error: {printable(error.message, lines=True)}"]
    if error.hint:
        lines.append(f"hint: {printable(error.hint, lines=True)}")
    lines.append(f"more: docs/messages.md#{error.slug}")
    text = "\n".join(lines) + "\n"
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _own_fault(error: Exception) -> MemfitError:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return MemfitError(
        f"memfit itself failed{where}: {type(error).__name__}: {error}",
        hint="this is a fault of memfit, not of your job; --debug shows the traceback to report",
        slug="internal",
    )
