"""The numbers by which a job's batch and its accumulation are turned: on the command line, or in the script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from memfit.documents import Knob
from memfit.jobs.constants import named_numbers
from memfit.jobs.request import Request

_BATCH = re.compile(r"(^|[_.])(batch_?size|micro_?batch(_?size)?|bs|bsz|batch)$|batch_size", re.IGNORECASE)
_ACCUMULATION = re.compile(r"accum", re.IGNORECASE)
_NOT_TRAINING = re.compile(r"eval|val|test|predict|sampler|warm", re.IGNORECASE)


def batch_knobs(text: str, arguments: Sequence[str], loaders: Iterable[Mapping[str, Any]]) -> list[Knob]:
    """Everything that may be the batch's size, the likeliest first; whether it is shows when it is turned.

    Args:
        text: of the script; "" where there is none to be read.
        arguments: of the script.
        loaders: what was seen of its data loaders: "batch_size" and "trains".
    """
    trained = {loader["batch_size"] for loader in loaders if loader["trains"] and loader["batch_size"]}
    found = _named(text, arguments, _BATCH)
    found.sort(key=lambda knob: (bool(trained) and knob.value not in trained, "train" not in knob.name.lower()))
    return [*found, *(Knob(name="batch_size", kind="loader", value=size) for size in sorted(trained))]


def accumulation_knob(text: str, arguments: Sequence[str]) -> Knob | None:
    """The number of micro-steps, where the script has one already."""
    return next(iter(_named(text, arguments, _ACCUMULATION)), None)


def _named(text: str, arguments: Sequence[str], pattern: re.Pattern[str]) -> list[Knob]:
    found = list(_arguments(arguments, pattern))
    given = {_plain(knob.name) for knob in found}
    by_name: dict[tuple[str, int], Knob] = {}
    for one in named_numbers(text):
        plain = _plain(one.name)
        if plain in given or not pattern.search(plain) or _NOT_TRAINING.search(plain) or one.value < 1:
            continue
        kind = "option" if one.is_option else "constant"
        place = () if one.is_option else (one.place,)
        known = by_name.get((one.name, one.value))
        by_name[one.name, one.value] = (
            replace(known, places=known.places + place)
            if known
            else Knob(name=one.name, kind=kind, value=one.value, places=place)
        )
    return [*found, *sorted(by_name.values(), key=lambda knob: knob.kind != "option")]


def _arguments(arguments: Sequence[str], pattern: re.Pattern[str]) -> Iterable[Knob]:
    for word, after in zip_longest(arguments, arguments[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        value = value if equals else after
        plain = _plain(name)
        wanted = (equals or name.startswith("-")) and pattern.search(plain) and not _NOT_TRAINING.search(plain)
        if wanted and value.isdigit() and int(value) > 0:
            yield Knob(name=name, kind="argument", value=int(value))


def _plain(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def turned(request: Request, knob: Knob, value: int) -> Request:
    """A request of the job with a number changed."""
    if knob.kind == "loader":
        return replace(request, changes={**request.changes, "loader_batch": {"old": knob.value, "new": value}})
    if knob.kind == "constant":
        return replace(request, constants={**request.constants, **dict.fromkeys(knob.places, value)})
    return replace(request, arguments=tuple(knob.on_command_line(request.arguments, value)))
