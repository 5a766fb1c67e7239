"""docs/litert-accuracy.md from the data: `python -m benchmarks.litert.page [--check]`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.litert.measure import rows
from benchmarks.pages import ROOT, write_or_check

PAGE = ROOT / "docs" / "litert-accuracy.md"
_MIB = 1 << 20
_TITLES = {"tuning": "tuning", "judging": "judging", "others": "judging, other people's"}


def _process(row: dict[str, Any]) -> Iterator[tuple[float, float, float]]:
    """Of LiteRT's process: measured, expected, high."""
    found, told = row["measured"].get("litert"), row["said"].get("litert")
    if found and told:
        yield found["peak"], told[1], told[2]


def _model(row: dict[str, Any]) -> Iterator[tuple[float, float, float]]:
    """The same above what the process held before it opened the model, on both sides."""
    found, told = row["measured"].get("litert"), row["said"].get("litert")
    if found and told:
        yield found["peak"] - found["base"], told[1] - found["base"], told[2] - found["base"]


def _arena(bits: str, part: str) -> Callable[[dict[str, Any]], Iterator[tuple[float, float, float]]]:
    def pairs(row: dict[str, Any]) -> Iterator[tuple[float, float, float]]:
        found, told = row["measured"].get(bits), row["said"].get(bits)
        if found and told:
            truth = found["head"] + found["tail"] if part == "used" else found.get(part)
            what = {"head": "plan", "tail": "tail", "used": None, "smallest": "all"}[part]
            value = told[what] if what else told["plan"] + told["tail"]
            if truth is not None:
                yield truth, value, value

    return pairs


_COLUMNS: tuple[tuple[str, Callable[[dict[str, Any]], Iterator[tuple[float, float, float]]]], ...] = (
    ("LiteRT, process", _process),
    ("LiteRT, the model's part", _model),
    ("Micro, 64 bits: plan", _arena("micro64", "head")),
    ("records", _arena("micro64", "tail")),
    ("Micro, 32 bits: plan", _arena("micro32", "head")),
    ("smallest arena", _arena("micro32", "smallest")),
)


def text() -> str:
    """The page."""
    found = rows()
    return "\n".join([_HEAD, *_halves(found), _AFTER, *_table(found), "", _refused(found), ""])


def _halves(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| half | what | files | error, median | worst | high over measured | above high |"
    yield "|---|---|---|---|---|---|---|"
    for half, title in _TITLES.items():
        mine = [row for row in found if row["half"] == half]
        for name, pairs in _named():
            seen = [pair for row in mine for pair in pairs(row)]
            if seen:
                errors = [expected / truth - 1 for truth, expected, _ in seen]
                is_range = name.startswith("LiteRT")
                room = f"{statistics.median(high / truth - 1 for truth, _, high in seen):.0%}" if is_range else ""
                missed = str(sum(truth > high for truth, _, high in seen)) if is_range else ""
                yield (
                    f"| {title} | {name} | {len(seen)} | {statistics.median(map(abs, errors)):.1%} "
                    f"| {max(errors, key=abs):+.1%} | {room} | {missed} |"
                )


def _named() -> Iterator[tuple[str, Callable[[dict[str, Any]], Iterator[tuple[float, float, float]]]]]:
    before = ""
    for name, pairs in _COLUMNS:
        before = name.split(":")[0] if ":" in name else before
        yield (f"{before}: {name}" if name in ("records", "smallest arena") else name), pairs


def _table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| file | half | LiteRT, MiB | said | high | plan, KiB | said | smallest arena of 32 bits, KiB | said |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in found:
        cells = [f"`{row['file']}`", _TITLES[row["half"]]]
        process = next(_process(row), None)
        cells += [f"{each / _MIB:,.1f}" for each in process] if process else ["", "", ""]
        for bits, part in (("micro64", "head"), ("micro32", "smallest")):
            pair = next(_arena(bits, part)(row), None)
            cells += [f"{each / 1024:,.1f}" for each in pair[:2]] if pair else ["", ""]
        yield f"| {' | '.join(cells)} |"


def _refused(found: Sequence[dict[str, Any]]) -> str:
    lost = {
        name: [f"`{row['file']}`" for row in found if name in row["measured"] and row["measured"][name] is None]
        for name in ("litert", "micro64", "micro32")
    }
    told = [f"{_RUNTIMES[name]}: {', '.join(files)}" for name, files in lost.items() if files]
    return f"Not run by the runtime itself, and so not compared: {'; '.join(told)}." if told else ""


_RUNTIMES = {
    "litert": "LiteRT",
    "micro64": "TFLite Micro's Python package",
    "micro32": "TFLite Micro built for 32 bits",
}
_HEAD = """# Models for phones, boards and microcontrollers

`memfit estimate model.tflite` reads a file's tables and says what LiteRT will hold of it, or, for a microcontroller,
how large TFLite Micro's arena has to be; nothing runs. Here both are held against the runtimes themselves:
ai-edge-litert 2.3.0 in a fresh process on this processor (x86-64, XNNPACK, one thread), tflite-micro of August 2026 in
its Python package (64 bits), and its sources built for 32 bits (`benchmarks/litert/arena.cc`), as a microcontroller has
them but for the processor's own kernels. No board and no phone was at hand. This page is written by
`python -m benchmarks.litert.page`.

The files of the first two halves are made by `benchmarks/litert/models.py` with random weights; the others are those
that come with tflite-micro's sources (commit 90b983c). Sizes of records were read in its sources, and a few that they
do not tell were set on the tuning half; the plans have nothing to set. When that was done the others' arenas had been
seen once (their plans were right at once).
"""
_AFTER = """
*Plan* is where tensors and scratch lie, *records* what the runtime notes of them at the arena's other end; the smallest
arena was found by halving. "The model's part" leaves out what Python, NumPy and the library hold before a model is
opened. With Arm's own kernels (CMSIS-NN) convolutions ask for more scratch: by the formulas of its sources that is in
`high` of a microcontroller, and was not measured.

The misses: kernels of custom operators keep what nobody told (`audio_preprocessor`: the estimate says so, and gives no
verdict but a refusal). The two U-Nets have transposed convolutions whose shape is computed as the model runs: LiteRT
cuts the graph there, and tensors share nothing any more. That was found when `unet-256` was a third too low, and above
`high`; it judges no longer what was made of it.

## File by file
"""


def main() -> None:
    """Write the page, or check it."""
    write_or_check(PAGE, text, "benchmarks.litert.page", __doc__)


if __name__ == "__main__":
    main()
