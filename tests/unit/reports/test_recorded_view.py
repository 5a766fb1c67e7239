"""What a report says about a recording, before anything is drawn, and how the terminal shows it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from tests.samples.recordings import MAIN, bare, training, with_texts

from memfit.documents import Ending, Holding, Limit, Process
from memfit.quantities import GIB, MIB
from memfit.reports import recording as terminal
from memfit.reports.ended import ended
from memfit.reports.recorded import settings, tree, view


def test_peak_stands_against_the_tightest_limit_less_what_others_held() -> None:
    """A card of 24 GiB of which others hold 1 has 23 for the job."""
    seen = view(training())

    card, host = seen.pools
    assert (card.name, card.limits[0].room_bytes) == ("cuda:0", 23 * GIB)
    assert card.share == pytest.approx(card.peak_bytes / (23 * GIB))
    assert [limit.name for limit in host.limits] == ["container limit", "RAM"]


def test_headline_names_the_pool_nearest_to_its_limit_first() -> None:
    """What runs out first is said first."""
    seen = view(training())

    assert seen.headline.index("on host") < seen.headline.index("on cuda:0")
    assert "86 % of the 5.00 GiB, container limit" in seen.headline


def test_spike_between_two_samples_has_no_moment() -> None:
    """A process's own high-water mark above every sample is the peak, at a time nobody knows."""
    recording = training()
    spiky = replace(recording.processes[1], peak_rss_bytes=30 * GIB)

    seen = view(replace(recording, processes=(recording.processes[0], spiky)))

    assert seen.pools[1].peak_bytes == 30 * GIB
    assert seen.pools[1].peak_at_s is None


@pytest.mark.parametrize(
    ("ending", "badge", "tone", "words"),
    [
        (Ending(how="exited", exit_code=0), "finished", "good", "exit code 0"),
        (Ending(how="exited", exit_code=7), "failed", "bad", "exit code 7"),
        (Ending(how="signalled", signal=9), "killed", "bad", "SIGKILL"),
        (Ending(how="signalled", signal=15), "stopped", "warn", "SIGTERM"),
        (Ending(how="signalled", signal=4711), "killed", "bad", "Signal 4711"),
        (Ending(how="oom_killed", signal=9), "out of memory", "bad", "memory ran out"),
        (
            Ending(how="exited", exit_code=0, text="it went well after 3 s"),
            "finished",
            "good",
            "It went well after 3 s.",
        ),
        (Ending(how="lost"), "cut off", "warn", "recorder itself"),
        (Ending(how="running"), "running", "neutral", "still running"),
        (Ending(how="some later word"), "some later word", "neutral", "not known"),
    ],
)
def test_ending_is_told_in_words(ending: Ending, badge: str, tone: str, words: str) -> None:
    """Every way to end has a badge, a sentence and a weight; one that is not known yet does no harm."""
    told = ended(ending)

    assert (told.badge, told.tone) == (badge, tone)
    assert words in told.text


def test_processes_stand_under_their_parents() -> None:
    """The launcher, its trainer, the trainer's worker."""
    assert [(p.depth, p.pid) for p in view(training()).processes] == [(0, 4100), (1, MAIN), (2, 4188)]


def test_processes_that_are_each_others_parents_are_all_shown() -> None:
    """A recording from a stranger may hold a circle: nothing hangs, nobody is lost."""
    circle = [Process(pid=1, parent_pid=2, name="a", command=""), Process(pid=2, parent_pid=1, name="b", command="")]

    assert sorted(process.pid for process in tree([*circle, Process(pid=3, parent_pid=3, name="c", command="")])) == [
        1,
        2,
        3,
    ]


def test_nested_settings_are_told_by_dotted_names() -> None:
    """Bytes are written for people, what is empty is left out."""
    told = settings({"cpu": {"count": 8, "ram_bytes": 2 * GIB}, "swap": None, "names": ["a", "b"]})

    assert told == (("cpu.count", "8"), ("cpu.ram bytes", "2.00 GiB"), ("names", "a, b"))


def drawn(recording: object, monkeypatch: pytest.MonkeyPatch, width: int = 100) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    terminal.write(recording, stream)  # type: ignore[arg-type]
    return stream.getvalue()


def test_terminal_says_peak_limit_iterations_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a recording, piped: plain text with all that matters."""
    text = drawn(training(), monkeypatch)

    for words in (
        "FINISHED",
        "86 % of 5.00 GiB, container limit",
        "300 steps",
        "evaluation",
        "loader worker",
        "Swapping",
    ):
        assert words in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_terminal_report_keeps_within_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal is wide."""
    assert max(map(len, drawn(training(), monkeypatch, width).splitlines())) <= width


def test_recording_without_readings_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ended at once is no failure of the report."""
    assert "No memory of the job was read." in drawn(bare(), monkeypatch)


def test_hostile_recording_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences and direction overrides are shown, not obeyed."""
    text = drawn(with_texts(training(), lambda text: f"\x1b[2J\u202e{text}\x07"), monkeypatch)

    assert not {"\x1b", "\u202e", "\x07"} & set(text)


def test_limit_that_others_have_used_up_does_no_harm() -> None:
    """No room at all: no share, no division by nothing."""
    full = Limit(pool="host", name="RAM", limit_bytes=GIB, others_bytes=2 * GIB)

    seen = view(replace(training(), limits=(full,)))

    assert seen.pools[1].share is None


def test_who_held_memory_near_the_peak_is_shown_largest_first() -> None:
    """What the looks into the processes found, and where; crumbs and what a probe freed are left out."""
    found = {"at_s": 1.0, "pid": MAIN, "count": 2}
    holdings = (
        Holding(look="tensors", category="parameters", label="of Adam", held_bytes=3 * MIB, **found),
        Holding(look="tensors", category="optimizer_state", label="Adam: exp_avg", held_bytes=GIB, **found),
        Holding(look="tensors", category="optimizer_state", label="Adam: step", held_bytes=24, **found),
        Holding(look="malloc_trim", category="probe", label="freed", held_bytes=5 * GIB, **found),
    )
    stream = io.StringIO()

    terminal.write(replace(training(), holdings=holdings), stream)

    shown = stream.getvalue()
    assert 0 < shown.index("optimizer state  Adam: exp_avg × 2") < shown.index("parameters")
    assert "Adam: step" not in shown
    assert "5.00 GiB" not in shown[shown.index("held near the peak") :]


def test_title_names_the_program_not_its_folder() -> None:
    """Where the interpreter lies says nothing about the job."""
    seen = view(replace(training(), command=("/usr/local/bin/python", "/data/train.py")))

    assert seen.command == "python /data/train.py"
