"""The live view: the foot of a terminal, the plain line elsewhere, and when a limit would be reached."""

from __future__ import annotations

import io

import pytest

from memfit.documents import JobState, LimitUse
from memfit.quantities import GIB, MIB
from memfit.reports.live import Live, Trend, foot, sentence


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def state(seconds: float = 75.0, used: int = 6 * GIB, **changes: object) -> JobState:
    return JobState(
        seconds=seconds,
        held_bytes={"host": 4 * GIB},
        uses=(LimitUse(pool="host", name="RAM", used_bytes=used, limit_bytes=24 * GIB),),
        kinds={"anonymous": 3 * GIB, "swap": 0},
        processes=3,
        unit="step",
        number=1234,
        rate=5.25,
        phase="backward",
        **changes,  # type: ignore[arg-type]
    )


def test_foot_tells_progress_and_limits() -> None:
    """Time, iterations, rate, phase, processes; each limit with its use; what is zero is left out."""
    lines = foot(state(), {("host", "RAM"): 900.0}, 120)

    assert "memfit 1:15  step 1,234 · 5.25/s · backward · 3 processes" in lines[1]
    assert "6.00 GiB of 24.00 GiB RAM · job 4.00 GiB · full in 15 min if it goes on" in lines[2]
    assert lines[3].split() == ["anonymous", "3.00", "GiB"]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    """A line that wraps would tear the foot apart."""
    assert max(len(line) for line in foot(state(), {}, columns)) <= columns


def test_terminal_is_given_back() -> None:
    """The scrolling region is set once, drawn within, and taken away at the end."""
    stream = Terminal()

    with Live(stream, size=lambda: (80, 30)) as live:
        live.show(state(1.0))
        live.show(state(2.0))

    text = stream.getvalue()
    assert text.count("\x1b[1;26r") == 1
    assert text.endswith("\x1b7\x1b[r\x1b[27;1H\x1b[J\x1b8")


def test_a_terminal_that_is_resized_gets_a_new_region() -> None:
    """The foot moves with the terminal's last line."""
    stream, sizes = Terminal(), [(80, 30), (80, 40)]

    with Live(stream, size=lambda: sizes.pop(0) if len(sizes) > 1 else sizes[0]) as live:
        live.show(state(1.0))
        live.show(state(2.0))

    assert "\x1b[1;26r" in stream.getvalue()
    assert "\x1b[1;36r" in stream.getvalue()


def test_elsewhere_a_plain_line_now_and_then() -> None:
    """Without a terminal a line every half minute, without control characters."""
    stream = io.StringIO()

    with Live(stream) as live:
        for second in range(95):
            live.show(state(float(second)))

    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert "\x1b" not in stream.getvalue()
    assert lines[0] == "memfit: 0:30 · host 4.00 GiB · step 1,234 · 5.25/s · backward · 3 processes · RAM 25 % full"


def test_a_steady_rise_has_a_date() -> None:
    """10 MiB a second towards a limit that is 1000 MiB away: 100 seconds."""
    trend = Trend()
    for second in range(60):
        trend.add(float(second), second * 10 * MIB)

    left = trend.seconds_left(590 * MIB + 1000 * MIB)

    assert left == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(
    "levels",
    [
        [100 * MIB] * 60,
        [100 * MIB + (second % 2) * 50 * MIB for second in range(60)],
        [min(second, 20) * MIB for second in range(60)],
        [(60 - second) * MIB for second in range(60)],
    ],
    ids=["constant", "saw-tooth", "warm-up", "shrinking"],
)
def test_what_does_not_rise_has_none(levels: list[int]) -> None:
    """No date without a steady rise."""
    trend = Trend()
    for second, level in enumerate(levels):
        trend.add(float(second), level)

    assert trend.seconds_left(GIB) is None


def test_a_long_job_is_looked_back_on() -> None:
    """The trend holds some minutes at a bounded number of points."""
    trend = Trend()
    for second in range(10_000):
        trend.add(float(second), second * MIB)

    assert trend.seconds_left(20_000 * MIB) == pytest.approx(10_000, rel=0.1)


def test_sentence_says_what_the_foot_says() -> None:
    """The date is in the plain line as well."""
    assert "RAM full in 12 min if it goes on" in sentence(state(), {("host", "RAM"): 720.0})
