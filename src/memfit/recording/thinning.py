"""Makes a recording smaller and keeps its peaks: neighbouring samples and iterations become one, with low and high.

Pure functions of items (the JSON objects of lines); the writer decides when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Item = dict[str, Any]

_KEPT_SPANS = 2_000  # phases listed one by one; what is left out is in the totals
_KEPT_EVENTS = 1_000
_KEPT_PROCESSES = 2_000  # a loader may start new workers every epoch
_KEPT_HOLDINGS = 20  # looks kept per process and kind, the latest; the first is kept as well


class Thinning:
    """Takes the items of a file in their order, and gives those that are kept.

    Half of the samples and of the iterations (merged in pairs; the first of each kind stays as it is), the longest
    phases, the processes that held the most, the latest of what repeats itself.
    """

    def __init__(self) -> None:
        self._begun: set[tuple[Any, ...]] = set()
        self._waiting: dict[tuple[Any, ...], Item] = {}
        self._rare: list[Item] = []

    def take(self, item: Item) -> Item | None:
        """One more item; returns what can be written already. The order within each kind stays."""
        key = _merging_key(item)
        if key is None:
            self._rare.append(item)
            return None
        if key not in self._begun:
            self._begun.add(key)
            return item
        if key not in self._waiting:
            self._waiting[key] = item
            return None
        return _merge(self._waiting.pop(key), item)

    def rest(self) -> Iterator[Item]:
        """What is kept of all else, at the end."""
        yield from self._waiting.values()
        yield from _kept(self._rare)


def thin(items: Iterable[Item]) -> Iterator[Item]:
    """The items to keep of a whole file; see Thinning."""
    thinning = Thinning()
    for item in items:
        if (kept := thinning.take(item)) is not None:
            yield kept
    yield from thinning.rest()


def merge_samples(earlier: Item, later: Item) -> Item:
    """One sample of two: at the later's time, with the lowest and the highest of both."""
    values = {entry[0]: spread(entry) for entry in earlier["d"]}
    for entry in later["d"]:
        number, last, low, high = spread(entry)
        before = values.get(number)
        values[number] = (
            (number, last, low, high) if before is None else (number, last, min(low, before[2]), max(high, before[3]))
        )
    return {**later, "d": [narrow(entry) for entry in values.values()]}


def spread(entry: list[int] | tuple[int, ...]) -> tuple[int, int, int, int]:
    """(series, last, low, high) of an entry, which may be written short as (series, last)."""
    if len(entry) == 2:
        return entry[0], entry[1], entry[1], entry[1]
    number, last, low, high = entry
    return number, last, low, high


def narrow(entry: tuple[int, int, int, int]) -> list[int]:
    """The entry as it is written: short when nothing was merged into it."""
    number, last, low, high = entry
    return [number, last] if low == last == high else [number, last, low, high]


def _merging_key(item: Item) -> tuple[Any, ...] | None:
    if item["k"] == "s":
        return ("s",)
    return ("i", item["pid"], item["unit"]) if item["k"] == "i" else None


def _merge(earlier: Item, later: Item) -> Item:
    return merge_samples(earlier, later) if later["k"] == "s" else merge_iterations(earlier, later)


def merge_iterations(earlier: Item, later: Item) -> Item:
    """One row of two: the later's number, time and values, with ``_low`` and ``_high`` of both."""
    columns = dict(later["c"])
    names = {_plain(name) for name in (*earlier["c"], *later["c"])}
    for name in names:
        lows = [
            value for row in (earlier, later) if (value := row["c"].get(f"{name}_low", row["c"].get(name))) is not None
        ]
        highs = [
            value for row in (earlier, later) if (value := row["c"].get(f"{name}_high", row["c"].get(name))) is not None
        ]
        columns.setdefault(name, earlier["c"].get(name, highs[0]))
        columns[f"{name}_low"], columns[f"{name}_high"] = min(lows or highs), max(highs)
    return {**later, "c": columns}


def _plain(name: str) -> str:
    return name.removesuffix("_low").removesuffix("_high")


def _kept(rare: list[Item]) -> Iterator[Item]:
    spans = sorted((item for item in rare if item["k"] == "p"), key=_weight, reverse=True)[:_KEPT_SPANS]
    wanted = {id(item) for item in (*spans, *[item for item in rare if item["k"] == "e"][-_KEPT_EVENTS:])}
    wanted |= {id(item) for item in (*_processes(rare), *_latest(rare))}
    for item in rare:
        if item["k"] not in ("p", "e", "h", "pt", "proc") or id(item) in wanted:
            yield item


def _weight(item: Item) -> tuple[bool, float]:
    """Phases that somebody named or that are rare weigh more than long ones of the usual kinds."""
    usual = item["name"] in ("data", "forward", "backward", "optimizer")
    return (not usual, float(item["t1"] or item["t0"]) - float(item["t0"]))


def _processes(rare: list[Item]) -> list[Item]:
    """The last that is told of each process; of too many those that live, and those that held the most."""
    last = {(item["pid"], item["t0"]): item for item in rare if item["k"] == "proc"}
    return sorted(last.values(), key=lambda item: (item.get("t1") is None, item.get("peak") or 0))[-_KEPT_PROCESSES:]


def _latest(rare: list[Item]) -> Iterator[Item]:
    """Of what is told anew, the last: totals of a phase; of looks the first and the latest ones."""
    told: dict[tuple[Any, ...], list[Item]] = {}
    for item in rare:
        if item["k"] == "pt":
            told["pt", item["pid"], item["name"]] = [item]
        elif item["k"] == "h":
            told.setdefault(("h", item["pid"], item["look"]), []).append(item)
    for items in told.values():
        yield items[0]
        yield from items[-_KEPT_HOLDINGS:]
