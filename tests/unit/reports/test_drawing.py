"""Bars, colours, encodings and live progress: what depends on the terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memfit.quantities import GIB, ByteRange, Verdict
from memfit.reports import screen
from memfit.reports.bars import bar, capacity_bar
from memfit.reports.progress import LiveProgress, line
from memfit.reports.text import printable
from memfit.reports.view import PoolView


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@given(st.floats(0, 1), st.integers(1, 80))
def test_bar_has_exactly_its_cells(share: float, cells: int) -> None:
    """A bar is as wide as it was asked to be, and anything above zero is seen."""
    drawn = bar(share, cells)

    assert len(drawn) == cells
    assert (drawn.strip() != "") == (share > 0)


@given(*[st.integers(0, 1 << 40) for _ in range(5)], st.booleans())
def test_capacity_bar_has_exactly_its_cells(low: int, more: int, most: int, other: int, size: int, known: bool) -> None:
    """The pool's bar keeps its width whatever the figures; the mark of the capacity adds one cell."""
    peak = ByteRange(low=low, expected=low + more, high=low + more + most)
    pool = PoolView(
        name="cuda:0", verdict=Verdict.FITS, peak=peak, capacity_bytes=size if known else None, other_bytes=other,
        spare_bytes=None, shares=(), figures=(), peak_at="", steps="", largest=(),
    )  # fmt: skip

    assert len(capacity_bar(pool, colour="green", cells=40).plain) == 40 + known


def test_capacity_mark_stands_where_the_memory_ends() -> None:
    """A job twice as large as the device has its mark in the middle."""
    peak = ByteRange.exactly(2 * GIB)
    pool = PoolView(
        name="cuda:0", verdict=Verdict.DOES_NOT_FIT, peak=peak, capacity_bytes=GIB, other_bytes=0,
        spare_bytes=-GIB, shares=(), figures=(), peak_at="", steps="", largest=(),
    )  # fmt: skip

    assert capacity_bar(pool, colour="red", cells=10).plain == "█████│█████"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("train.py", "train.py"),
        ("a\x1b[31mb", "a�[31mb"),
        ("a\u202eb", "a�b"),
        ("one\ntwo\tthree", "one two three"),
        ("日本語 ✓", "日本語 ✓"),
        ("x" * 3000, "x" * 2000),
    ],
)
def test_text_from_outside_is_made_printable(text: str, safe: str) -> None:
    """Control and direction characters do not reach the terminal; other scripts' letters do."""
    assert printable(text) == safe


def test_colour_only_on_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets text, a terminal gets colour, NO_COLOR gets none."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    piped, shown, plain = io.StringIO(), Terminal(), Terminal()

    screen.write("[bold]text[/bold]", piped)
    from rich.text import Text

    screen.write(Text("text", style="red"), shown)
    monkeypatch.setenv("NO_COLOR", "1")
    screen.write(Text("text", style="red"), plain)

    assert piped.getvalue() == "[bold]text[/bold]\n"
    assert "\x1b[31m" in shown.getvalue()
    assert "\x1b[31m" not in plain.getvalue()


def test_progress_is_silent_when_piped() -> None:
    """Nothing is written to a stream that is no terminal."""
    stream = io.StringIO()

    with LiveProgress(stream) as progress:
        progress(SimpleNamespace(stage="step", text="step 1", step=1, steps=3))

    assert stream.getvalue() == ""


def test_progress_is_silent_for_the_first_second() -> None:
    """A job that is done at once leaves no trace on the terminal."""
    stream = Terminal()

    with LiveProgress(stream) as progress:
        progress(SimpleNamespace(stage="step", text="step 1", step=1, steps=3))

    assert stream.getvalue() == ""


def test_progress_appears_when_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its silence the line shows where the work is, and goes away at the end."""
    import threading

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("memfit.reports.progress.SILENT_S", 0.0)
    stream, appeared = Terminal(), threading.Event()
    shown = LiveProgress._appear

    def appear(self: LiveProgress) -> None:
        shown(self)
        appeared.set()

    monkeypatch.setattr(LiveProgress, "_appear", appear)
    with LiveProgress(stream) as progress:
        assert appeared.wait(10)
        progress(SimpleNamespace(stage="setup", text="evil \x1b[2J", step=0, steps=3))

    assert "evil" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


def test_progress_line_names_the_step() -> None:
    """What is being done, and of steps how many are; a script that goes on a little longer does not count beyond."""
    assert line(SimpleNamespace(stage="setup", text="running the job", step=0, steps=3)) == "running the job"
    assert line(SimpleNamespace(stage="step", text="step 2", step=2, steps=3)) == "simulating, step 2 of 3 done"
    assert line(SimpleNamespace(stage="step", text="step 4", step=4, steps=3)) == "simulating, step 3 of 3 done"


def test_progress_counts_seconds_between_stages() -> None:
    """The line shows the time that passed when it is drawn, not when the last stage was told."""
    now = iter([100.0, 104.2])

    progress = LiveProgress(io.StringIO(), clock=lambda: next(now))

    assert progress.__rich__() == "starting · 4 s"
