"""What was saved: read again, and held against each other or against budgets."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from memfit import documents
from memfit.documents import Check, Comparison, Diagnosis, Document, Estimate, Recording
from memfit.errors import UsageError

_Kind = TypeVar("_Kind", bound="Document | Recording")


def load(path: str | os.PathLike[str]) -> Document | Recording:
    """Read what memfit saved: an estimate, a recording (a file or a folder of files), or what was made of them.

    Args:
        path: of the file or folder; its kind is told from what is in it.

    Raises:
        InvalidDocument: the file is missing, damaged, or of another program.
    """
    from memfit.recording import reader

    if Path(path).is_dir() or reader.is_recording(path):
        return reader.read(path)
    return documents.load(Path(path))


def load_only(kind: type[_Kind], path: str | os.PathLike[str], *, hint: str, slug: str) -> _Kind:
    """Read what memfit saved, of one kind alone.

    Args:
        kind: `Estimate`, `Recording`, …
        path: of the file or folder.
        hint, slug: of the error.

    Raises:
        UsageError: it holds another kind.
        InvalidDocument: as `load`.
    """
    found = load(path)
    if not isinstance(found, kind):
        wanted = kind.__name__.lower()
        raise UsageError(
            f"{os.fspath(path)} is a {type(found).__name__.lower()}, "
            f"{'an' if wanted[0] in 'aeiou' else 'a'} {wanted} is needed",
            hint=hint,
            slug=slug,
        )
    return found


def made_of(shown: Sequence[Document | Recording]) -> tuple[Document, ...]:
    """What can be made of documents that are shown together and is not among them.

    A recording is diagnosed, and laid beside an estimate.
    """
    from memfit.analysis.recorded import diagnose_recording

    estimates = [one for one in shown if isinstance(one, Estimate)]
    recordings = [one for one in shown if isinstance(one, Recording)]
    made: list[Document] = []
    if recordings and not any(isinstance(one, Diagnosis) for one in shown):
        with contextlib.suppress(UsageError):  # a recording without samples shows as it is
            made.append(diagnose_recording(recordings[0]))
    if estimates and recordings and not any(isinstance(one, Comparison) for one in shown):
        made.append(compare(estimates[0], recordings[0]))
    return tuple(made)


def compare(
    first: Estimate | Recording | str | os.PathLike[str], second: Estimate | Recording | str | os.PathLike[str]
) -> Comparison:
    """What was predicted beside what was measured, by pool, category and phase; or two of a kind, before and after.

    Args:
        first: an estimate or a recording, or the file of one.
        second: the other; of two of a kind the later one.

    Returns:
        The comparison: where the measured peaks lie in the predicted ranges, and why they differ where it can be told.

    Raises:
        MemfitError: a file that is neither.

    >>> memfit.compare("estimate.json", "job.memfit").pools[0].error_share   # doctest: +SKIP
    0.021
    """
    from memfit.analysis.comparison import compare as lay

    return lay(comparable(first), comparable(second))


def check(
    job: Estimate | Recording | str | os.PathLike[str],
    budgets: Mapping[str, int] | int,
    *,
    growth_bytes: int | None = None,
) -> Check:
    """A job against budgets of memory and of growth.

    Args:
        job: an estimate (judged by its high end) or a recording, or the file of one.
        budgets: bytes by pool; one number for the devices of the job, or for the host where it uses none.
        growth_bytes: what an iteration may add; None asks a recording for leaks alone.

    Returns:
        The check: ``passed``, and a verdict with its figures for every budget. What cannot be shown to be within its
        budget (nothing was read, the job was cut short) has not passed.

    Raises:
        MemfitError: a file that is neither, or a budget for a pool that the job does not have.

    >>> memfit.check("estimate.json", 16 * 1024**3).passed   # doctest: +SKIP
    True
    """
    from memfit.analysis.checking import ANY
    from memfit.analysis.checking import check as hold

    document = comparable(job)
    diagnosis = None
    if isinstance(document, Recording):
        diagnosis = next((made for made in made_of([document]) if isinstance(made, Diagnosis)), None)
    return hold(
        document,
        {ANY: budgets} if isinstance(budgets, int) else budgets,
        growth_bytes=growth_bytes,
        diagnosis=diagnosis,
    )


def comparable(given: Estimate | Recording | str | os.PathLike[str]) -> Estimate | Recording:
    """The document that is meant, if it is one that can be compared.

    Raises:
        UsageError: it is of another kind.
    """
    if isinstance(given, Estimate | Recording):
        return given
    found = load(os.fspath(given))
    if not isinstance(found, Estimate | Recording):
        raise UsageError(
            f"{os.fspath(given)} is a {type(found).__name__.lower()}: it cannot be compared",
            hint="give what `memfit estimate -o FILE` and `memfit run -o FILE` saved",
            slug="not-comparable",
        )
    return found
