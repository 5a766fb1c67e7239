"""The recorder on a clock and a /proc of the test's own: what it reads when, and what it makes of spikes and jumps."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from memfit.documents import JobState, LimitUse, Recording
from memfit.quantities import KIB, MIB
from memfit.recording import reader
from memfit.recording.recorder import Recorder
from memfit.recording.spool import Spool
from memfit.recording.warning import Watchman
from memfit.recording.writer import Writer
from memfit.sensors.schedule import HASTENED, SHARE, Schedule
from memfit.sensors.tree import ProcessTree, parse_stat

PAGE = 4 * KIB


class FakeClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now, self.wall, self.spent = 100.0, 1_700_000_000.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall

    def cpu(self) -> float:
        return self.spent

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class FakeProc:
    """A /proc with processes that the test makes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc").mkdir()
        (root / "proc/meminfo").write_text(
            "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
        )

    def process(
        self, pid: int, parent: int, rss: int, *, peak: int | None = None, pss: int | None = None, mapped: int = 0
    ) -> None:
        folder = self.root / f"proc/{pid}"
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_text(f"{pid} (python) S {parent} " + "0 " * 17 + f"{pid * 10} 0\n")
        (folder / "statm").write_text(f"99999 {rss // PAGE} {mapped // PAGE} 0 0 0 0\n")
        (folder / "status").write_text(f"Name:\tpython\nVmHWM:\t{(peak or rss) // KIB} kB\nVmRSS:\t{rss // KIB} kB\n")
        (folder / "cmdline").write_text("python\0train.py\0")
        if pss is not None:
            (folder / "smaps_rollup").write_text(
                f"Rss: {rss // KIB} kB\nPss: {pss // KIB} kB\nPss_Anon: {pss // KIB} kB\n"
            )

    def end(self, pid: int) -> None:
        for path in (self.root / f"proc/{pid}").iterdir():
            path.unlink()
        (self.root / f"proc/{pid}").rmdir()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


HEADER = {
    "k": "header", "format": 1, "memfit": "0.1.0", "started": "2026-11-25T10:00:00.000Z", "command": ["python"],
    "machine": {"host": "here"}, "environment": {}, "limits": [], "recorder": None,
}  # fmt: skip


def record(
    proc: FakeProc,
    clock: FakeClock,
    seconds: float,
    *,
    during: Callable[[float], None] = lambda at: None,
    **options: object,
) -> Recording:
    path = proc.root / "job.memfit"
    recorder = Recorder(Writer(path, HEADER), ProcessTree(1, root=proc.root), clock, root=proc.root, **options)  # type: ignore[arg-type]
    begun = clock.now
    while clock.now < begun + seconds:
        recorder.tick()
        clock.pass_(max(0.01, recorder.pause_s()))
        during(clock.now - begun)
    recorder.finish("exited", exit_code=0)
    return reader.read(path)


def test_shares_of_a_tree_are_summed(proc: FakeProc, clock: FakeClock) -> None:
    """What a tree holds is the sum of proportional shares; the resident sizes count shared pages twice."""
    proc.process(1, 0, 100 * MIB, pss=60 * MIB)
    proc.process(2, 1, 100 * MIB, pss=60 * MIB)
    proc.process(9, 0, 900 * MIB, pss=900 * MIB)

    recording = record(proc, clock, 3.0)

    assert recording.one("host", "job", "held").last_bytes[-1] == 120 * MIB  # type: ignore[union-attr]
    assert recording.one("host", "job", "rss").last_bytes[-1] == 200 * MIB  # type: ignore[union-attr]
    assert {process.pid for process in recording.processes} == {1, 2}
    assert recording.one("host", "machine", "available").last_bytes[0] == 8192 * MIB  # type: ignore[union-attr]


def test_resident_sizes_carry_the_shares_on(proc: FakeProc, clock: FakeClock) -> None:
    """Between two costly readings the held figure moves with the resident size."""
    proc.process(1, 0, 100 * MIB, pss=90 * MIB)

    def grow(at: float) -> None:
        if at > 1.2:
            proc.process(1, 0, 150 * MIB, peak=150 * MIB)

    recording = record(proc, clock, 1.6, during=grow)

    assert recording.one("host", "job", "held").last_bytes[-1] == 140 * MIB  # type: ignore[union-attr]


def test_a_page_that_is_mapped_by_two_is_not_counted_twice_between_readings(proc: FakeProc, clock: FakeClock) -> None:
    """A batch in shared memory that appears in the trainer and its worker counts as shared pages did until then."""
    for pid, parent in ((1, 0), (2, 1)):  # 50 MiB of their own, 40 MiB mapped by both
        proc.process(pid, parent, 90 * MIB, mapped=40 * MIB)
        (proc.root / f"proc/{pid}/smaps_rollup").write_text(
            f"Rss: {90 * KIB} kB\nPss: {70 * KIB} kB\nPss_Anon: {50 * KIB} kB\nAnonymous: {50 * KIB} kB\n"
        )

    def batch(at: float) -> None:
        if at > 1.2:
            for pid, parent in ((1, 0), (2, 1)):
                proc.process(pid, parent, 110 * MIB, peak=110 * MIB, mapped=60 * MIB)

    recording = record(proc, clock, 1.6, during=batch)

    assert recording.one("host", "job", "held").last_bytes[-1] == (140 + 20) * MIB  # type: ignore[union-attr]


def test_a_forked_child_changes_what_its_parent_is_charged_with_at_once(proc: FakeProc, clock: FakeClock) -> None:
    """The pages of a parent of 100 MiB are halved as its child comes: the sum stays, in every sample."""
    proc.process(1, 0, 100 * MIB, pss=100 * MIB)

    def fork(at: float) -> None:
        if at > 1.2:
            proc.process(1, 0, 100 * MIB, pss=50 * MIB)
            proc.process(2, 1, 100 * MIB, pss=50 * MIB)

    recording = record(proc, clock, 1.9, during=fork)

    held = recording.one("host", "job", "held")
    assert held is not None and {process.pid for process in recording.processes} == {1, 2}
    assert set(held.high_bytes) == {100 * MIB}


def test_a_spike_between_samples_is_kept(proc: FakeProc, clock: FakeClock) -> None:
    """A high-water mark above every sample belongs to the window in which it rose."""
    proc.process(1, 0, 100 * MIB, pss=100 * MIB)

    def spike(at: float) -> None:
        if at > 1.0:
            proc.process(1, 0, 100 * MIB, pss=100 * MIB, peak=612 * MIB)

    recording = record(proc, clock, 3.0, during=spike)

    held = recording.one("host", "job", "held")
    assert held is not None
    assert held.peak_bytes == 612 * MIB
    assert max(held.last_bytes) == 100 * MIB
    assert 1.0 <= held.seconds[list(held.high_bytes).index(612 * MIB)] <= 1.7


def test_processes_come_and_go(proc: FakeProc, clock: FakeClock) -> None:
    """A child is seen from its start to its end, and one whose parent ended is followed on."""
    proc.process(1, 0, 10 * MIB, pss=10 * MIB)
    proc.process(2, 1, 10 * MIB, pss=10 * MIB)

    def change(at: float) -> None:
        if 1.0 < at < 1.1:
            proc.process(3, 2, 10 * MIB, pss=10 * MIB)
        if 2.0 < at < 2.1 and (proc.root / "proc/2").exists():
            proc.end(2)
            proc.process(3, 0, 10 * MIB, pss=10 * MIB)

    recording = record(proc, clock, 4.0, during=change)

    found = {process.pid: process for process in recording.processes}
    assert 1.0 <= found[3].start_s <= 1.7
    assert 2.0 <= (found[2].end_s or 0) <= 2.7
    assert (found[3].end_s or 0) > 3.5


def test_clock_jumps_and_pauses_are_told(proc: FakeProc, clock: FakeClock) -> None:
    """The wall clock set anew and a machine that slept are events; the recording's own time is not disturbed."""
    proc.process(1, 0, 10 * MIB, pss=10 * MIB)

    left = [(1.0, lambda: setattr(clock, "wall", clock.wall + 3600)), (2.0, lambda: clock.pass_(60))]

    def jump(at: float) -> None:
        if left and at > left[0][0]:
            left.pop(0)[1]()

    recording = record(proc, clock, 70.0, during=jump)

    assert [event.slug for event in recording.events] == ["clock-jump", "recorder-paused"]
    assert recording.seconds == pytest.approx(70, abs=2)


def test_a_process_that_may_not_be_read_counts_with_its_resident_size(proc: FakeProc, clock: FakeClock) -> None:
    """Without permission for the shares the resident size stands for them, and the recording says so."""
    proc.process(1, 0, 50 * MIB)

    recording = record(proc, clock, 2.0)

    assert recording.peak_bytes("host") == 50 * MIB
    assert recording.notes == ("no permission to read the shares of python",)


def test_marks_reach_the_file(proc: FakeProc, clock: FakeClock, tmp_path: Path) -> None:
    """Lines of the spool become iterations, phases and roles, on the recording's time; broken ones are passed over."""
    proc.process(1, 0, 50 * MIB, pss=50 * MIB)
    folder = tmp_path / "spool"
    folder.mkdir()
    lines = [
        ["h", 100.0, {"pid": 1, "python": "3.12.1"}],
        ["i", 100.5, "step", 3, {"host/rss": 5}],
        ["b", 100.6, "evaluation", 10],
        ["e", 100.9, "evaluation", 20, None],
        ["b", 101.0, "checkpoint", 10],
        ["r", 101.0, "trainer", 2],
        ["x", 101.1, 77 * MIB],
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n[]\n" + '["i", 101.2, "st'
    (folder / "1.5.0.log").write_text(text)

    recording = record(proc, clock, 2.0, spool=Spool(folder, 100.0))

    assert recording.iterations[0].seconds[0] == 0.5
    assert [(one.name, one.start_s, one.end_s) for one in recording.phases] == [
        ("evaluation", 0.6, 0.9),
        ("checkpoint", 1.0, None),
    ]
    assert (recording.processes[0].role, recording.processes[0].rank) == ("trainer", 2)
    assert recording.processes[0].peak_rss_bytes == 77 * MIB
    assert recording.environment["python"] == "3.12.1"


def test_a_reading_out_of_its_turn_is_still_bounded() -> None:
    """A job that starts a process every tenth of a second does not have its shares read as often."""
    clock = FakeClock()
    schedule, taken = Schedule(clock=clock), []

    def costly(now: float) -> None:
        taken.append(now)
        clock.spent += 0.02

    schedule.every(1.0, "shares", costly)
    while clock.now < 110:
        schedule.hasten("shares")
        schedule.run_due()
        clock.pass_(0.1)

    assert 0.02 * len(taken) <= HASTENED * SHARE * 10 * 1.2
    assert len(taken) > 2  # at its usual share there were two


def test_costly_readings_are_taken_less_often() -> None:
    """What a reading costs decides how often it is taken; a cheap one keeps its period."""
    clock = FakeClock()
    schedule = Schedule(clock=clock)
    taken = {"cheap": 0, "costly": 0}

    def costly(now: float) -> None:
        taken["costly"] += 1
        clock.spent += 0.02

    def cheap(now: float) -> None:
        taken["cheap"] += 1

    schedule.every(0.1, "cheap", cheap)
    schedule.every(0.1, "costly", costly)
    while clock.now < 120.0:
        schedule.run_due()
        clock.pass_(max(0.001, schedule.pause_s()))

    assert 190 <= taken["cheap"] <= 205
    assert 2 <= taken["costly"] <= 4


def test_a_limit_that_comes_near_is_told_once() -> None:
    """A warning is given when a limit comes near, and again only after it was left."""
    said: list[str] = []
    watchman = Watchman(mark=0.9, slug="limit-near", warn=said.append)

    for used in (80, 91, 95, 89, 92, 70, 93):
        list(watchman.look([LimitUse(pool="host", name="RAM", used_bytes=used, limit_bytes=100)]))

    assert len(said) == 2
    assert "host: 91 B of 100 B (RAM) are in use, 91 %" in said[0]


def test_the_state_tells_how_the_job_stands(proc: FakeProc, clock: FakeClock) -> None:
    """A live view gets the pools, the fullest limit first."""
    proc.process(1, 0, 50 * MIB, pss=40 * MIB)
    states: list[JobState] = []

    record(proc, clock, 3.0, observe=states.append)

    assert states[-1].held_bytes == {"host": 40 * MIB}
    assert states[-1].processes == 1
    assert states[-1].uses[0].share == pytest.approx(0.5)


def test_names_of_processes_may_hold_anything() -> None:
    """The name in /proc/PID/stat is delimited by its last parenthesis."""
    stat = parse_stat("7 (a) b (c) R 3 " + "0 " * 17 + "55 0")

    assert stat is not None
    assert (stat.pid, stat.name, stat.parent, stat.start) == (7, "a) b (c", 3, 55)


def test_handing_over_is_never_put_off_by_its_cost(
    proc: FakeProc, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other readings wait when they are costly; what was read reaches the kernel within half a second all the same."""
    proc.process(1, 0, 100 * MIB, pss=100 * MIB)
    flush, flushed = Writer.flush, []

    def costly(writer: Writer) -> bool:
        clock.spent += 2.0
        flushed.append(clock.now)
        return flush(writer)

    monkeypatch.setattr(Writer, "flush", costly)
    record(proc, clock, 5.0)

    assert max(later - earlier for earlier, later in pairwise(flushed)) < 0.6


def test_the_loss_of_the_spool_is_told_once(proc: FakeProc, clock: FakeClock, tmp_path: Path) -> None:
    """A cleaner of temporary folders took it: from there on iterations are missing, and the recording says so."""
    proc.process(1, 0, 100 * MIB)

    recording = record(proc, clock, 3.0, spool=Spool(tmp_path / "no-such-folder", clock.now))

    assert [event.slug for event in recording.events] == ["marks-lost"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_what_is_in_the_spool_but_no_marks_harms_nobody(proc: FakeProc, clock: FakeClock, tmp_path: Path) -> None:
    """Pipes, links, names and numbers that are none: passed over, and nothing waits for them."""
    proc.process(1, 0, 100 * MIB)
    folder = tmp_path / "spool"
    folder.mkdir()
    os.mkfifo(folder / "1.0.0.log")
    (folder / "2.0.0.log").symlink_to("/etc/hostname")
    (folder / "\u00b2.x.log").write_text('["i", 1e999, "step", 1, {}]\n["b", 101.0, "x", NaN]\n["i"]\n[]\n7\n')
    (folder / "3.0.0.log").write_text('["a", 101.0, "look", [[1e999]]]\n["i", 101.0, "step", 7, {}]\n')

    recording = record(proc, clock, 2.0, spool=Spool(folder, 100.0))

    assert [(table.pid, list(table.numbers)) for table in recording.iterations] == [(3, [7])]
    assert recording.ending.how == "exited"


def test_a_file_that_was_left_is_removed_only_when_it_was_read_to_its_end(tmp_path: Path) -> None:
    """Its last line may be written between our reading and our look at what comes next."""
    old, new = tmp_path / "7.1.0.log", tmp_path / "7.1.1.log"
    old.write_text('["i", 1.0, "step", 1, {}]\n')
    spool = Spool(tmp_path, 0.0)
    assert [item["n"] for item in spool.drain()] == [1]

    with old.open("a") as file:
        file.write('["i", 2.0, "step", 2, {}]\n')
    new.write_text('["i", 3.0, "step", 3, {}]\n')

    assert [item["n"] for item in spool.drain()] == [2, 3]
    assert not old.exists()
