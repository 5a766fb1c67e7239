"""`memfit run`: the command is left as it is, and whatever becomes of it or of the recorder, the recording opens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from memfit.documents import Recording
from memfit.quantities import MIB
from memfit.recording import reader

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the recorder's full powers need Linux")

HOLD = "import time; held = bytearray(80 << 20); time.sleep(60)"


def words(folder: Path, *command: str, options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "memfit", "run", "-o", str(folder / "job.memfit"), *options, "--", *command]


def run(folder: Path, *command: str, options: tuple[str, ...] = (), text: str | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        words(folder, *command, options=options), capture_output=True, text=True, input=text, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", textwrap.dedent(code)


def recorded(folder: Path) -> Recording:
    return reader.read(folder / "job.memfit")


def start(folder: Path, *command: str, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A run that has begun to sample."""
    running = subprocess.Popen(words(folder, *command, options=options), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if (folder / "job.memfit").exists() and len((folder / "job.memfit").read_bytes().splitlines()) > 25:
            return running
    raise AssertionError("the recording did not begin")


def job_of(running: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    return int(children[0])


def test_input_output_and_exit_code_are_the_commands_own(tmp_path: Path) -> None:
    """What goes in and out is untouched, and the exit code is passed on."""
    code, out, err = run(tmp_path, *python("import sys; print(input()[::-1]); sys.exit(7)"), text="abc\n")

    assert (code, out) == (7, "cba\n")
    assert "recorded in" in err
    assert (recorded(tmp_path).ending.how, recorded(tmp_path).ending.exit_code) == ("exited", 7)


def test_the_peak_is_seen_even_of_a_short_spike(tmp_path: Path) -> None:
    """A spike of milliseconds between samples is in the peak."""
    spike = "import time; time.sleep(0.8); x = bytearray(200 << 20); del x; time.sleep(1.2)"

    run(tmp_path, *python(spike))

    assert 200 * MIB < (recorded(tmp_path).peak_bytes("host") or 0) < 260 * MIB


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (("no-such-program",), 127, "was not found"),
        (("/",), 126, "may not be run"),
        ((), 2, "no command to run"),
    ],
)
def test_a_command_that_cannot_be_run_is_told(tmp_path: Path, command: tuple[str, ...], code: int, says: str) -> None:
    """As a shell tells it: 127 for what is not there, 126 for what may not be run; no recording is left behind."""
    returned, _, err = run(tmp_path, *command)

    assert returned == code
    assert says in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "says"), [("hello", "#!/bin/sh"), ("#!/no/such/thing\n", "interpreter")])
def test_a_command_that_does_not_start_takes_no_earlier_recording_away(tmp_path: Path, content: str, says: str) -> None:
    """What the name held before is there again, and the message says what to do."""
    run(tmp_path, *python("import sys; sys.exit(5)"))
    (tmp_path / "broken").write_text(content)
    (tmp_path / "broken").chmod(0o755)

    code, _, err = run(tmp_path, str(tmp_path / "broken"))

    assert code == 126
    assert says in err
    assert recorded(tmp_path).ending.exit_code == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "job.memfit"]


def test_a_device_or_a_pipe_is_never_moved_aside(tmp_path: Path) -> None:
    """`-o /dev/null` of root's would take the machine's device away."""
    os.mkfifo(tmp_path / "job.memfit")

    code, _, err = run(tmp_path, "true")

    assert code == 1
    assert "no plain file" in err
    assert (tmp_path / "job.memfit").is_fifo()


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_without_a_place_for_messages_the_exit_code_is_the_commands(tmp_path: Path, stderr: str) -> None:
    """Started with stderr closed or full, with a live view and warnings as well."""
    command = " ".join(words(tmp_path, "sh", "-c", "'sleep 1.3; exit 3'", options=("--live", "--warn-at", "0.1%")))

    done = subprocess.run(["/bin/sh", "-c", f"{command} {stderr}"], timeout=60)

    assert done.returncode == 3
    assert (recorded(tmp_path).ending.how, recorded(tmp_path).ending.exit_code) == ("exited", 3)


def test_a_recorder_that_fails_leaves_the_command_alone(tmp_path: Path) -> None:
    """Whatever goes wrong in memfit: the job runs to its end, its exit code is passed on, the recording says it."""
    script = f"""
        import sys
        from memfit.cli import main
        from memfit.recording.recorder import Recorder
        tick, count = Recorder.tick, []

        def failing(self):
            tick(self)
            count.append(1)
            if len(count) == 5:
                raise MemoryError("no more")

        Recorder.tick = failing
        path = {str(tmp_path / "job.memfit")!r}
        sys.exit(main.main(["run", "-o", path, "--", "sh", "-c", "sleep 1.5; touch {tmp_path}/done; exit 3"]))
    """

    done = subprocess.run(python(script), capture_output=True, text=True, timeout=60)

    assert done.returncode == 3
    assert (tmp_path / "done").exists()
    assert "the recorder failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert recorded(tmp_path).ending.how == "lost"
    assert "MemoryError" in recorded(tmp_path).ending.text


def test_a_script_without_its_interpreter_gets_a_hint(tmp_path: Path) -> None:
    """`memfit run -- train.py` is a likely slip."""
    (tmp_path / "train.py").write_text("print(1)")

    code, _, err = run(tmp_path, str(tmp_path / "train.py"))

    assert code == 126
    assert "memfit run -- python" in err


def test_a_command_that_ends_at_once_has_a_recording(tmp_path: Path) -> None:
    """Nothing to see is no error."""
    code, _, _ = run(tmp_path, "true")

    assert code == 0
    assert recorded(tmp_path).ending.how == "exited"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_signals_are_passed_on(tmp_path: Path, name: str) -> None:
    """A signal to `memfit run` reaches the command, whose answer to it counts."""
    running = start(
        tmp_path,
        *python(f"""
            import signal, sys, time
            signal.signal(signal.{name}, lambda *_: sys.exit(42))
            time.sleep(60)
        """),
    )

    running.send_signal(getattr(signal, name))

    assert running.wait(20) == 42
    assert recorded(tmp_path).ending.exit_code == 42


def test_the_death_of_the_job_is_told(tmp_path: Path) -> None:
    """SIGKILL of the job: exit code 137, and the recording names the signal."""
    running = start(tmp_path, *python(HOLD))

    os.kill(job_of(running), signal.SIGKILL)

    assert running.wait(20) == 137
    assert (recorded(tmp_path).ending.how, recorded(tmp_path).ending.signal) == ("signalled", 9)
    assert (recorded(tmp_path).peak_bytes("host") or 0) > 80 * MIB


def test_the_death_of_the_recorder_leaves_job_and_recording(tmp_path: Path) -> None:
    """SIGKILL of the recorder: the job lives on, what was recorded up to the last second opens."""
    running = start(tmp_path, *python(HOLD))
    job = job_of(running)
    before = reader.read(tmp_path / "job.memfit")
    running.kill()
    running.wait(20)

    recording = recorded(tmp_path)

    assert before.ending.how == "running"
    assert Path(f"/proc/{job}").exists()
    os.kill(job, signal.SIGKILL)
    assert recording.ending.how == "lost"
    assert recording.seconds > 0.5
    assert recording.notes == ()


def test_a_recorder_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Ctrl-Z and fg, or a machine that froze it: the recording goes on, the exit code is the job's."""
    running = start(tmp_path, *python("import sys, time; time.sleep(2.5); sys.exit(3)"))

    running.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    running.send_signal(signal.SIGCONT)

    assert running.wait(20) == 3
    assert (recorded(tmp_path).ending.how, recorded(tmp_path).ending.exit_code) == ("exited", 3)


def test_an_earlier_recording_is_kept(tmp_path: Path) -> None:
    """A file of that name is moved aside, not lost."""
    run(tmp_path, *python("import sys; sys.exit(1)"))

    _, _, err = run(tmp_path, "true")

    assert reader.read(tmp_path / "job.memfit.old").ending.exit_code == 1
    assert recorded(tmp_path).ending.exit_code == 0
    assert "job.memfit.old" in err


def test_a_folder_takes_one_file_a_run(tmp_path: Path) -> None:
    """Runs that write into one folder read as one recording."""
    together = [
        subprocess.Popen(
            [sys.executable, "-m", "memfit", "run", "--quiet", "-o", f"{tmp_path}/runs/", "--", *python(x)]
        )
        for x in ("import time; time.sleep(1)", "import time; time.sleep(1.2)")
    ]
    assert [one.wait(30) for one in together] == [0, 0]

    recording = reader.read(tmp_path / "runs")

    assert recording.notes[0].startswith("joined from 2 files")
    assert len({process.pid for process in recording.processes}) == 2


def test_what_the_command_leaves_behind_is_told_and_followed_on_request(tmp_path: Path) -> None:
    """A command that forks away ends for the shell; `--follow` records what it left to its end."""
    daemon = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(2)
            os._exit(0)
        time.sleep(0.7)
    """

    began = time.monotonic()
    run(tmp_path, *python(daemon + "\n"), options=("--quiet",))
    first = recorded(tmp_path)
    run(tmp_path, *python(daemon + "\n"), options=("--follow",))
    second = recorded(tmp_path)

    assert "left-behind" in [event.slug for event in first.events]
    assert first.seconds < 1.9 <= second.seconds
    assert time.monotonic() - began < 20


def test_a_command_that_closes_its_descriptors_and_changes_its_group_is_recorded(tmp_path: Path) -> None:
    """What a daemon does to itself does not hide it."""
    odd = "import os, time; os.closerange(0, 64); os.setsid(); x = bytearray(50 << 20); time.sleep(1.5)"

    code, _, _ = run(tmp_path, *python(odd))

    assert code == 0
    assert (recorded(tmp_path).peak_bytes("host") or 0) > 50 * MIB


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may become somebody else")
def test_a_command_that_changes_its_user_is_recorded(tmp_path: Path) -> None:
    """Root's recorder reads on; the job is not disturbed."""
    change = "import os, time; os.setuid(65534); x = bytearray(50 << 20); time.sleep(1.5)"

    code, _, _ = run(tmp_path, *python(change))

    assert code == 0
    assert (recorded(tmp_path).peak_bytes("host") or 0) > 50 * MIB


def test_a_limit_that_comes_near_is_told_and_acted_on(tmp_path: Path) -> None:
    """`--warn-at` warns once and runs the hook; `--stop-at` ends the command, and only then."""
    hook = f"echo $MEMFIT_WARNING > {tmp_path}/warned"

    code, _, err = run(
        tmp_path, *python(HOLD), options=("--warn-at", "0.1%", "--on-warning", hook, "--stop-at", "0.1%")
    )

    assert code == 143
    assert err.count("are in use") == 2
    assert "(RAM)" in (tmp_path / "warned").read_text()
    assert {"limit-near", "stopped-at-limit"} <= {event.slug for event in recorded(tmp_path).events}


def test_a_place_that_cannot_be_written_is_told_before_the_command_runs(tmp_path: Path) -> None:
    """The job is not started for a recording that could not be kept."""
    command = [sys.executable, "-m", "memfit", "run", "-o", f"{tmp_path}/no/such/job.memfit", "--"]

    done = subprocess.run([*command, "touch", f"{tmp_path}/ran"], capture_output=True, text=True)

    assert done.returncode == 1
    assert "there is no folder" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_process_records_itself(tmp_path: Path) -> None:
    """`with memfit.record()`: steps and phases by hand, from a recorder of its own process."""
    script = f"""
        import time, memfit
        with memfit.record({str(tmp_path / "job.memfit")!r}) as rec:
            for step in range(20):
                x = bytearray((10 + step) << 20)
                time.sleep(0.05)
                rec.step()
            with rec.phase("evaluation"):
                time.sleep(0.2)
        print(rec.recording.ending.how)
    """

    done = subprocess.run(python(script), capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("detached\n", "")
    recording = recorded(tmp_path)
    assert recording.iterations[0].numbers[-1] == 20
    assert [span.name for span in recording.phases] == ["evaluation"]
    assert recording.ending.how == "detached"
    assert len(recording.processes) == 1


def test_a_process_that_records_itself_under_run_marks_the_same_recording(tmp_path: Path) -> None:
    """Within `memfit run` the block adds its steps and phases to the recording that is being made."""
    script = """
        import time, memfit
        with memfit.record() as rec:
            for _ in range(5):
                time.sleep(0.05)
                rec.step()
            with rec.phase("evaluation"):
                time.sleep(0.1)
        print(hasattr(rec, "path"))
    """

    _, out, _ = run(tmp_path, *python(script))

    assert out == "False\n"
    assert recorded(tmp_path).iterations[0].numbers[-1] == 5
    assert [span.name for span in recorded(tmp_path).phases] == ["evaluation"]


def test_a_process_that_dies_while_it_records_itself(tmp_path: Path) -> None:
    """SIGKILL within the block: the recorder outlives it and ends the file."""
    script = f"""
        import os, time, memfit
        with memfit.record({str(tmp_path / "job.memfit")!r}) as rec:
            time.sleep(1)
            os.kill(os.getpid(), 9)
    """

    assert subprocess.run(python(script), timeout=60).returncode == -9
    deadline = time.monotonic() + 10
    while recorded(tmp_path).ending.how == "running" and time.monotonic() < deadline:
        time.sleep(0.1)

    assert recorded(tmp_path).ending.how == "lost"
