"""From the items of a file to the document. An item of the wrong form is counted and left out."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from memfit.documents import (
    Ending,
    Event,
    Holding,
    Iterations,
    Limit,
    PhaseSpan,
    PhaseTotal,
    Process,
    Recording,
    Series,
)
from memfit.recording.thinning import spread
from memfit.sensors.processes import started_at

# What a file may make of a reader's memory: far beyond what a recorder writes into its 24 MiB.
_MOST_SERIES = 20_000
_MOST_LINES = 5_000_000
_MOST_VALUES = 20_000_000  # of samples, and again of iterations: 32 and 8 bytes each
_MOST_COLUMNS = 1_000
_MOST_TABLES = 20_000
_MOST_HOLDINGS = 1_000_000
_MOST_NOTES = 1_000
_MOST_SETTINGS = 10_000
_LARGEST = 1 << 62
_LATEST_S = 1e10  # three centuries
# Control characters, direction marks and halves of characters: a stranger's file must not steer the terminal.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SAME_START_S = 2.0  # the start of a process is derived from the boot time, which clocks are set against

Item = dict[str, Any]


class Builder:
    """Collects items, in any order, and makes the recording of them.

    Args:
        header: the first item of the file.

    Raises:
        KeyError, TypeError, ValueError: the header is not of the right form.
    """

    def __init__(self, header: Item) -> None:
        self.command = tuple(_text(word) for word in _list(header["command"]))
        self.started = _text(header["started"])
        self.machine = _plain(header["machine"])
        self.environment = _plain(header["environment"])
        self.recorder = header.get("recorder")
        self.limits = tuple(
            Limit(
                pool=_text(one["pool"]),
                name=_text(one["name"]),
                limit_bytes=_size(one["limit_bytes"]),
                others_bytes=_size(one["others_bytes"]),
            )
            for one in _list(header["limits"])
        )
        self.damaged = 0
        self.lines = 0
        self.values = 0
        self.latest_s = 0.0
        self.names: dict[int, tuple[str, str, str]] = {}
        self.samples: dict[int, list[array[Any]]] = {}
        self.columns: dict[str, str] = {}
        self.iterations: dict[tuple[int, str], list[tuple[int, float, dict[str, int]]]] = {}
        self.processes: dict[tuple[int, float], Process] = {}
        self.spans: list[PhaseSpan] = []
        self.totals: dict[tuple[int, str], PhaseTotal] = {}
        self.events: list[Event] = []
        self.holdings: list[Holding] = []
        self.ending: Ending | None = None
        self.notes: dict[str, None] = {}
        self._take: dict[str, Callable[[Item], None]] = {
            "series": self._series, "s": self._sample, "i": self._iteration, "proc": self._process, "p": self._span,
            "pt": self._total, "e": self._event, "h": self._holding, "end": self._end, "env": self._environment,
            "note": self._note, "pad": lambda item: None,
        }  # fmt: skip

    def take(self, item: Item | None) -> bool:
        """One more item; None stands for a damaged line. Kinds that are not known are passed over.

        Returns:
            Whether there is room for more.
        """
        self.lines += 1
        if self.lines > _MOST_LINES:
            return False
        try:
            if item is None:
                raise ValueError("the line does not check out")
            self._take.get(item["k"], self._take["pad"])(item)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError):
            self.damaged += 1
        return True

    def recording(self) -> Recording:
        """The document of all that was taken."""
        notes = list(self.notes)
        if self.damaged:
            notes.append(f"{self.damaged} damaged lines were left out")
        if self.lines > _MOST_LINES:
            notes.append(f"what comes after {_MOST_LINES:,} lines was left out")
        return Recording(
            command=self.command,
            started=self.started,
            machine=self.machine,
            environment=self.environment,
            limits=self.limits,
            series=tuple(self._all_series()),
            iterations=tuple(self._all_iterations()),
            phases=tuple(sorted(self.spans, key=lambda span: span.start_s)),
            phase_totals=tuple(self.totals.values()),
            processes=tuple(sorted(self.processes.values(), key=lambda process: process.start_s)),
            events=tuple(sorted(self.events, key=lambda event: event.at_s)),
            holdings=tuple(sorted(self.holdings, key=lambda holding: holding.at_s)),
            ending=self.ending or self._no_ending(),
            notes=tuple(notes),
        )

    def _no_ending(self) -> Ending:
        if isinstance(self.recorder, dict) and _still_running(self.recorder):
            return Ending(how="running", at_s=self.latest_s, text="it is still being recorded")
        return Ending(how="lost", at_s=self.latest_s, text="the recorder was killed, or the machine went down")

    def _all_series(self) -> list[Series]:
        found = []
        for number, (pool, scope, name) in self.names.items():
            columns = self.samples.get(number)
            if columns is None:
                continue
            seconds, last, low, high = _in_order(columns)
            found.append(
                Series(
                    pool=pool, scope=scope, name=name, seconds=seconds, last_bytes=last, low_bytes=low, high_bytes=high
                )
            )
        return found

    def _all_iterations(self) -> Iterator[Iterations]:
        room = _MOST_VALUES
        for (pid, unit), rows in sorted(self.iterations.items()):
            table = _table(pid, unit, sorted(rows, key=lambda row: row[0]), most_columns=room // len(rows))
            room -= len(rows) * len(table.columns)
            yield table

    def _series(self, item: Item) -> None:
        number, name = _size(item["id"]), (_text(item["pool"]), _text(item["scope"]), _text(item["name"]))
        _room(len(self.names) + 1, _MOST_SERIES, known=number in self.names)
        self.names[number] = name

    def _sample(self, item: Item) -> None:
        at = self._time(item["t"])
        entries = [spread(entry) for entry in item["d"]]
        for number, last, low, high in entries:
            if not _size(low) <= _size(last) <= _size(high) or number != _size(number):
                raise ValueError("low <= last <= high does not hold")
        self.values += len(entries)
        _room(self.values, _MOST_VALUES)
        _room(len(self.samples) + len(entries), _MOST_SERIES, known=all(entry[0] in self.samples for entry in entries))
        for number, last, low, high in entries:
            columns = self.samples.setdefault(number, [array("d"), array("q"), array("q"), array("q")])
            for column, value in zip(columns, (at, last, low, high), strict=True):
                column.append(value)

    def _iteration(self, item: Item) -> None:
        columns = {self._column(name): _size(value) for name, value in item["c"].items()}
        row = (_size(item["n"]), self._time(item["t"]), columns)
        table = (_size(item["pid"]), _text(item["unit"]))
        _room(len(self.iterations) + 1, _MOST_TABLES, known=table in self.iterations)
        self.iterations.setdefault(table, []).append(row)

    def _column(self, name: str) -> str:
        """The name, one object for all rows that have it."""
        known = self.columns.get(name)
        if known is None:
            _room(len(self.columns) + 1, _MOST_COLUMNS)
            known = self.columns[name] = _text(name)
        return known

    def _process(self, item: Item) -> None:
        start = self._time(item["t0"])
        process = Process(
            pid=_size(item["pid"]),
            parent_pid=_maybe(item.get("parent")),
            name=_text(item["name"]),
            command=_text(item["command"]),
            role=_text(item.get("role", "")),
            rank=_maybe(item.get("rank")),
            start_s=start,
            end_s=None if item.get("t1") is None else self._time(item["t1"]),
            peak_rss_bytes=_maybe(item.get("peak")),
        )
        self.processes[process.pid, start] = process

    def _span(self, item: Item) -> None:
        self.spans.append(
            PhaseSpan(
                pid=_size(item["pid"]),
                name=_text(item["name"]),
                start_s=self._time(item["t0"]),
                end_s=None if item["t1"] is None else self._time(item["t1"]),
                start_rss_bytes=_maybe(item.get("rss0")),
                end_rss_bytes=_maybe(item.get("rss1")),
                high_bytes=_maybe(item.get("high")),
            )
        )

    def _total(self, item: Item) -> None:
        total = PhaseTotal(
            pid=_size(item["pid"]),
            name=_text(item["name"]),
            count=_size(item["count"]),
            seconds=self._time(item["seconds"], seen=False),
            high_bytes=_maybe(item.get("high")),
        )
        self.totals[total.pid, total.name] = total

    def _event(self, item: Item) -> None:
        pid = _maybe(item.get("pid"))
        event = Event(slug=_text(item["slug"]), at_s=self._time(item["t"]), pid=pid, text=_text(item["text"]))
        if event not in self.events[-8:]:  # the reserve may repeat what was written after all
            self.events.append(event)

    def _holding(self, item: Item) -> None:
        at, pid, look = self._time(item["t"]), _size(item["pid"]), _text(item["look"])
        found = [
            Holding(
                at_s=at,
                pid=pid,
                look=look,
                category=_text(category),
                label=_text(label),
                held_bytes=_maybe(held),
                count=_size(count),
                where=_text(where),
                grows=grows if isinstance(grows, bool) else None,
            )
            for category, label, held, count, where, grows in item["held"]
        ]
        _room(len(self.holdings) + len(found), _MOST_HOLDINGS)
        self.holdings += found

    def _end(self, item: Item) -> None:
        self.ending = Ending(
            how=_text(item["how"]),
            exit_code=_maybe(item.get("exit_code")),
            signal=_maybe(item.get("signal")),
            at_s=self._time(item["t"]),
            text=_text(item.get("text", "")),
        )

    def _environment(self, item: Item) -> None:
        values = _plain(item["values"])
        _room(len(self.environment) + len(values), _MOST_SETTINGS, known=values.keys() <= self.environment.keys())
        self.environment |= values

    def _note(self, item: Item) -> None:
        text = _text(item["text"])
        _room(len(self.notes) + 1, _MOST_NOTES, known=text in self.notes)
        self.notes[text] = None

    def _time(self, value: Any, *, seen: bool = True) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LATEST_S:
            raise ValueError("no time")
        if seen:
            self.latest_s = max(self.latest_s, value)
        return float(value)


def _table(pid: int, unit: str, rows: list[tuple[int, float, dict[str, int]]], *, most_columns: int) -> Iterations:
    """Rows as columns. A column that a row lacks carries its last value on; before its first it is what it became."""
    first = {name: value for _, _, columns in reversed(rows) for name, value in columns.items()}
    names = dict(list(first.items())[:most_columns])
    numbers, seconds = array("q"), array("d")
    columns: dict[str, array[int]] = {name: array("q") for name in names}
    last = dict(first)
    for number, at, values in rows:
        last |= values
        numbers.append(number)
        seconds.append(at)
        for name, column in columns.items():
            # a row that was not merged has no spread of its own: its value is its lowest and its highest
            plain = name.removesuffix("_low").removesuffix("_high")
            column.append(values.get(name, values.get(plain, last[name])))
    return Iterations(pid=pid, unit=unit, numbers=numbers, seconds=seconds, columns=columns)


def _in_order(columns: list[array[Any]]) -> list[array[Any]]:
    seconds = columns[0]
    if all(seconds[at] <= seconds[at + 1] for at in range(len(seconds) - 1)):
        return columns
    order = sorted(range(len(seconds)), key=seconds.__getitem__)
    return [array(column.typecode, (column[at] for at in order)) for column in columns]


def _still_running(recorder: Item) -> bool:
    """Whether the process that writes the file is there; its number alone could be another's by now."""
    pid, start = recorder.get("pid"), recorder.get("start")
    if type(pid) is not int or not 0 < pid < 1 << 31 or not isinstance(start, (int, float)):
        return False
    began = started_at(pid)
    return began is not None and began - _SAME_START_S < start < began + _SAME_START_S


def _room(number: int, most: int, *, known: bool = False) -> None:
    if number > most and not known:
        raise ValueError(f"more than {most:,}, which is more than a recording has")


def _plain(value: Any) -> dict[str, Any]:
    """Numbers and texts by name; what else a later memfit may write there is passed over."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return {_text(name): _scalar(entry) for name, entry in value.items() if _is_scalar(entry)}


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) < _LARGEST)


def _scalar(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise ValueError("no size")
    return value


def _maybe(value: Any) -> int | None:
    return None if value is None else _size(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return _UNSAFE.sub("\ufffd", value) if _UNSAFE.search(value) else value
