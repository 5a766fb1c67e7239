"""The published figures of figures.toml, in bytes, each with the command line that asks memfit the same."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).parent / "figures.toml"
HALVES = ("tuning", "judging")
METRICS = ("allocated", "reserved", "used")  # torch's two peaks, and what the driver shows of the process
_UNIT = re.compile(r"\S+ = (?:(\d)e(\d+)|2\^(\d+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One published figure.

    Args:
        source, half: of whom, and of ``HALVES``.
        model, words, on: the command line, behind "memfit estimate hf:".
        of: what the document names, where it is another model of the same shape.
        peak_bytes: the figure.
        printed: as it stands in the document.
        metric: of ``METRICS``.
        transformers: whether that library's model ran.
        later_model: what is asked for later, where memfit has learned of the very model that the document names.
        later: words that the recipe learned after the first predictions, and that the document asks for.
        missing: what the document does not say; "" for a complete configuration.
        why: the cause of a miss.
    """

    source: str
    half: str
    model: str
    words: str
    on: str
    of: str
    peak_bytes: int
    printed: str
    metric: str
    transformers: bool
    later_model: str
    later: str
    missing: str
    why: str

    @property
    def command(self) -> str:
        """What is asked; rows of one command share its prediction."""
        return f"hf:{self.model} {self.words} --on {self.on}"

    @property
    def ranks(self) -> int:
        """Over how many devices its weights are shared out."""
        count = re.match(r"(\d+)x", self.on)
        return int(count[1]) if count and "--parallel ddp" not in self.words else 1

    @property
    def copies(self) -> int:
        """How many tensors of the weights' size and type live from step to step: with gradients and Adam's states 4."""
        return 4 if "--train full" in self.words and "--optimizer" not in self.words else 1

    @property
    def name(self) -> str:
        """For a reader: unique within a source, but for a figure that it gives twice."""
        return f"{self.command}{f' ({self.of})' if self.of else ''}"


def bytes_of(unit: str) -> int:
    """What a unit counts as.

    >>> bytes_of("GB = 1e9"), bytes_of("MiB = 2^20"), bytes_of("bytes")
    (1000000000, 1048576, 1)
    """
    if unit == "bytes":
        return 1
    found = _UNIT.fullmatch(unit)
    if found is None:
        raise ValueError(f"a unit is like 'GB = 1e9' or 'GiB = 2^30', not {unit!r}")
    base, tens, twos = found.groups()
    return 1 << int(twos) if twos else int(base) * 10 ** int(tens)


def _first_match(source: dict[str, Any], row: dict[str, Any], table: str, key: str) -> str:
    """Of a source's table: the first entry whose words are all in the row's command; "" without one."""
    command = f"{row['model']} {row['words']} {row.get('of', '')}"
    found = (each[key] for each in source.get(table, ()) if all(word in command for word in each["of"].split()))
    return str(next(found, ""))


@cache
def sources() -> tuple[dict[str, Any], ...]:
    """The sources as they stand in the file."""
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["source"])


@cache
def rows() -> tuple[Row, ...]:
    """All figures, in the file's order."""
    return tuple(
        Row(
            source=source["name"],
            half=source["half"],
            model=row["model"],
            words=row["words"],
            on=row["on"],
            of=row.get("of", ""),
            peak_bytes=round(row["figure"] * bytes_of(row.get("unit", source["unit"]))),
            printed=f"{row['figure']} {row.get('unit', source['unit']).split()[0]}",
            metric=row.get("metric", source["metric"]),
            transformers=source["transformers"],
            later_model=row.get("later_model", row["model"]),
            later=_first_match(source, row, "later", "words"),
            missing=row.get("missing", ""),
            why=row.get("why") or _first_match(source, row, "causes", "why"),
        )
        for source in sources()
        for row in source["rows"]
    )


def not_covered() -> int:
    """Figures of these sources that memfit could not be asked for."""
    return sum(each["rows"] for source in sources() for each in source.get("not_covered", ()))
