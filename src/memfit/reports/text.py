"""Text from outside (documents, jobs, file names) made safe to print: no control, format or direction characters."""

from __future__ import annotations

import unicodedata

_LONGEST = 2000  # characters; a message longer than this is a log, not a message
# Categories of the Unicode standard: controls (escape sequences among them), invisible formatting such as
# right-to-left overrides, surrogates, private use, line and paragraph separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: object, *, lines: bool = False) -> str:
    """The text with everything that could steer a terminal replaced by "�".

    Args:
        text: anything; it is turned into a string.
        lines: keep line breaks (and turn tabs into blanks); otherwise they become blanks too.

    >>> printable("train\\x1b[2J.py")
    'train�[2J.py'
    """
    return "".join(_safe(character, lines) for character in str(text)[:_LONGEST])


def _safe(character: str, lines: bool) -> str:
    if character in "\n\t":
        return character if lines and character == "\n" else " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _UNSAFE else character
