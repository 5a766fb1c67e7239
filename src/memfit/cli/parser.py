"""argparse as memfit uses it: wrong usage is an exception like every other, and values are read with their bounds."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from memfit.errors import UsageError

_WIDEST_HELP = 100


class Parser(argparse.ArgumentParser):
    """A parser without abbreviations (a new option never changes what an old command line means)."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False, formatter_class=_formatter)
        self._bare: dict[str, tuple[str, Callable[[str], bool]]] = {}

    def may_stand_bare(self, flag: str, value: str, belongs: Callable[[str], bool]) -> None:
        """Let an option stand without its value, also before a word that is none.

        Args:
            flag: of the option.
            value: that it has then.
            belongs: whether the word behind it is its value.
        """
        self._bare[flag] = (value, belongs)

    def filled(self, words: Sequence[str]) -> list[str]:
        """The words with the values of options that stand bare; those behind the first positional stay as they are."""
        done: list[str] = []
        left = list(words)
        while left and left[0].startswith("-") and left[0] != "--":
            word = left.pop(0)
            action = self._option_string_actions.get(word)
            if word in self._bare and not (left and self._bare[word][1](left[0])):
                word = f"{word}={self._bare[word][0]}"
            elif action is not None and action.nargs is None and left:
                done.append(word)
                word = left.pop(0)
            done.append(word)
        return done + left

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=self._hint(message))

    def _hint(self, message: str) -> str:
        unknown = message.partition("unrecognized arguments: ")[2].split(" ")[0]
        guess = nearest(unknown, (flag for action in self._actions for flag in action.option_strings))
        return f"did you mean {guess}?" if guess else f"`{self.prog} --help` shows the options"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def whole(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {value}")
    return value


def seconds(text: str) -> float:
    """A length of time above zero, in seconds."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above zero, got {text}")
    return value


def share(text: str) -> float:
    """A part of all, from 0 to below 1, or in percent.

    >>> share("0.1"), share("5%")
    (0.1, 0.05)
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a share like 0.1 or 10%, got {text!r}")
    return value


def _formatter(prog: str) -> argparse.HelpFormatter:
    width = min(shutil.get_terminal_size((_WIDEST_HELP, 24)).columns, _WIDEST_HELP)
    return argparse.RawDescriptionHelpFormatter(prog, width=width, max_help_position=26)
