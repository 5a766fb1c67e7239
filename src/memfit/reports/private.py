"""Documents without what is nobody else's business: paths, host, user, and the words of command lines.

Works on the documents, before any view: what is not in them cannot be shown. File names, versions, sizes, names of
pools, phases and categories stay; of free text, paths are cut to file names and known private words are blotted out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from memfit.documents import Advice, Diagnosis, Estimate, Process, Recording, Side

BLOT = "…"
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[\\/][^\s\\/\"'<>|:;,()\[\]{}]+)+[\\/]?|\b[\w.-]+(?:/[\w.@+-]+)+")
_VERSION = re.compile(r"[<>=~^ ]*v?\d{1,5}(?:\.\d{1,9}){0,3}(?:[.+-]?[A-Za-z]{1,8}\d{0,4}){0,3}")
_TELLING = re.compile(r"[\d=@./\\_A-Z]")  # a word with one of these is a name or a value, not "from" or "import"
_SHORTEST_WORD = 3  # characters: a user "al" is blotted where it stands alone in a field, not within sentences
_OPEN_MACHINE = {
    "system",
    "kernel",
    "cpu",
    "libc",
    "container",
    "bound_by",
}  # texts of a machine that tell nobody's name

D = TypeVar("D")


def without_private(document: D, secrets: Iterable[str] = ()) -> D:
    """The document without private words.

    Args:
        document: an estimate, a recording, or what was made of them.
        secrets: words to blot out besides those that the document itself gives away.
    """
    words = _Words([*_secrets(document), *secrets])
    cleaned: D = words.cleaned(document)
    return cleaned


def secrets_of(documents: Iterable[Any]) -> tuple[str, ...]:
    """Host, user, and command words of some documents: what one gives away is private in the others too."""
    return tuple(word for document in documents for word in _secrets(document))


def _secrets(document: Any) -> Iterable[str]:
    if isinstance(document, Recording):
        yield from _machine_words(document.machine)
        yield from _command_words(document.command[1:])
        for process in document.processes:
            yield from _command_words(word for word in process.command.split()[1:] if _TELLING.search(word))
    if isinstance(document, Estimate):
        yield from _machine_words(document.machine.details)
    if isinstance(document, Estimate | Advice):
        arguments = document.target.get("arguments")
        yield from _command_words(map(str, arguments if isinstance(arguments, list | tuple) else ()))


def _command_words(words: Iterable[str]) -> Iterable[str]:
    """The words, the value of `--name=value`, and what is left of a path; the script's own name is no secret."""
    for word in words:
        for part in (word, word.partition("=")[2], _file(word)):
            if part and not part.endswith(".py"):
                yield part


def _machine_words(machine: Mapping[str, Any]) -> Iterable[str]:
    for name in ("host", "hostname", "node", "user", "home", "cwd"):
        if isinstance(machine.get(name), str):
            yield machine[name]
            yield from (part for part in re.split(r"[\\/]", machine[name]) if part not in ("home", "root", "Users"))


class _Words:
    """Cleans texts and everything that holds texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = {word for word in secrets if len(word) >= _SHORTEST_WORD and not word.isdigit() and not _is_option(word)}
        several = "|".join(re.escape(word) for word in sorted(kept, key=lambda word: -len(word)))
        self._private = re.compile(rf"(?<![\w-])(?:{several})(?![\w-])") if several else None

    def cleaned(self, value: Any) -> Any:
        """The same value with every text in it cleaned; enumerations, numbers and columns stay as they are."""
        if isinstance(value, Recording):
            return self._recording(value)
        if isinstance(value, Estimate):
            return self._estimate(value)
        if isinstance(value, Diagnosis):
            target, series = self.cleaned(value.target), self.cleaned(value.series)
            return replace(value, target=target, series=series, environment=_plain(value.environment))
        if isinstance(value, Process):
            return replace(value, name=_file(value.name), command=_program(value.command.split()))
        if isinstance(value, Side):
            machine = value.machine if value.kind == "estimate" else ""
            return replace(value, name=_program(value.name.split()), machine=machine)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self.cleaned(getattr(value, f.name)) for f in fields(value)})
        if isinstance(value, Enum):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.cleaned(item) for key, item in value.items()}
        return tuple(map(self.cleaned, value)) if isinstance(value, tuple | list) else value

    def text(self, text: str) -> str:
        """Paths cut to file names, private words blotted out."""
        shorter = _PATH.sub(lambda found: _file(found[0]), text)
        return shorter if self._private is None else self._private.sub(BLOT, shorter)

    def _recording(self, recording: Recording) -> Recording:
        special = {"command", "machine", "environment"}
        rest = {f.name: self.cleaned(getattr(recording, f.name)) for f in fields(recording) if f.name not in special}
        return replace(
            recording,
            command=(_program(recording.command),) if recording.command else (),
            machine=_plain(recording.machine, _OPEN_MACHINE),
            environment=_plain(recording.environment),
            **rest,
        )

    def _estimate(self, estimate: Estimate) -> Estimate:
        target = {
            "kind": str(estimate.target.get("kind", "")),
            "name": _file(str(estimate.target.get("name", "a job"))),
        }
        machine = replace(estimate.machine, details=_plain(estimate.machine.details, _OPEN_MACHINE))
        return replace(
            estimate,
            target={**target, "arguments": []},
            machine=machine,
            pools=self.cleaned(estimate.pools),
            assumptions=self.cleaned(estimate.assumptions),
            environment=_plain(estimate.environment),
        )


def _plain(values: Mapping[str, Any], texts: Set[str] = frozenset()) -> dict[str, Any]:
    """Numbers and versions stay; other texts do only under the names given and without slashes; the rest is blotted."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or isinstance(value, bool | int | float):
            found[name] = value
        elif isinstance(value, Mapping):
            found[name] = _plain(value, texts)
        elif isinstance(value, str) and (
            _VERSION.fullmatch(value) or (name in texts and not re.search(r"[\\/]", value))
        ):
            found[name] = value
        elif name not in ("host", "hostname", "user", "home", "cwd", "node"):
            found[name] = BLOT
    return found


def _program(words: Iterable[str]) -> str:
    """The program of a command line, its words left out."""
    every = list(words)
    return "" if not every else _file(every[0]) + (f" {BLOT}" if len(every) > 1 else "")


def _file(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] or BLOT


def _is_option(word: str) -> bool:
    """`--batch-size` tells nothing, `--name=secret` does."""
    return word.startswith("-") and "=" not in word
