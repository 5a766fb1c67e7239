"""Everything memfit says no with.

    MemfitError                 exit code 1
    ├── UsageError              2  the command line or an argument is wrong
    ├── UnknownMachine          2  no such device in the catalogue
    ├── InvalidDocument         1  a file that is not, or no longer, a memfit document
    ├── FrameworkMissing        1  the job needs a package that is not installed
    ├── JobFailed               1  the user's script ended with an error of its own
    ├── JobNeverTrained         1  the script ended without a single step or forward pass
    ├── JobTimedOut             1  nothing to measure happened before the time limit
    └── CannotSimulate          1  an operator or feature that the simulated device has no answer for

Each carries a slug (its paragraph is in docs/messages.md) and a hint: what to type or change.
"""

from __future__ import annotations


class MemfitError(Exception):
    """A problem that is told to the user in a sentence, never as a traceback.

    Args:
        message: what was seen and what was expected.
        hint: what to type or change; may be empty.
        slug: the stable name of this message; the class's own when not given.
    """

    slug = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", slug: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if slug is not None:
            self.slug = slug


class UsageError(MemfitError):
    """The command line or an argument is wrong."""

    slug = "usage"
    exit_code = 2


class UnknownMachine(UsageError):
    """No device of that name is in the catalogue."""

    slug = "unknown-machine"


class InvalidDocument(MemfitError):
    """A file that is not a memfit document, or of a schema this version does not read."""

    slug = "invalid-document"


class FrameworkMissing(MemfitError):
    """The job needs a package that is not installed."""

    slug = "framework-missing"


class JobFailed(MemfitError):
    """The user's script ended with an error of its own."""

    slug = "job-failed"


class JobNeverTrained(MemfitError):
    """The script ended without one optimizer step or forward pass."""

    slug = "job-never-trained"


class JobTimedOut(MemfitError):
    """The time limit passed before there was anything to measure."""

    slug = "job-timed-out"


class CannotSimulate(MemfitError):
    """The simulated device has no answer for an operator or a feature."""

    slug = "cannot-simulate"
