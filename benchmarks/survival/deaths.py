"""The ways to die, or to be left without a place to write to: each makes a trial, does it, and returns the verdict."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.survival.places import fill, joins, small_disk, small_group
from benchmarks.survival.trial import Trial
from benchmarks.survival.verdict import Verdict, judge, settled, where

JOBS = ("growing", "family", "marking")
MIB = 1 << 20
Death = Callable[[Path, random.Random], Verdict | None]


def _started(folder: Path, chance: random.Random, job: str | None = None, **options: object) -> Trial:
    trial = Trial(folder=folder, chance=chance, job=job or chance.choice(JOBS), **options)  # type: ignore[arg-type]
    trial.start()
    return trial


def job_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of the command."""
    trial = _started(folder, chance)
    job = trial.child()
    trial.wait_a_while()
    trial.kill(job)
    trial.wait()
    return judge(trial, "the job", how={"signalled"})


def recorder_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of `memfit run`, at any moment from its very start."""
    trial = _started(folder, chance)
    if chance.random() < 0.8:
        trial.begun()
    trial.wait_a_while()
    trial.kill(trial.process.pid)
    trial.wait()
    return judge(trial, "the recorder", how={"lost"}, may_be_missing=True)


def group_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of the process group: job and recorder at once."""
    trial = _started(folder, chance)
    if chance.random() < 0.8:
        trial.begun()
    trial.wait_a_while()
    trial.kill(trial.process.pid, group=True)
    trial.wait()
    return judge(trial, "both at once", how={"lost"}, may_be_missing=True)


def one_after_the_other(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of both within a moment, in either order. What the recorder had no time to notice it cannot tell."""
    trial = _started(folder, chance)
    job = trial.child()
    trial.begun()
    trial.wait_a_while()
    first, second = chance.sample([trial.process.pid, job], 2)
    trial.kill(first)
    time.sleep(chance.choice([0.0, 0.001, 0.01, 0.1, 0.5]))
    trial.kill(second)
    trial.wait()
    how = {"lost"} if first == trial.process.pid else {"lost", "signalled"}
    return judge(trial, "both, one after the other", how=how)


def terminated(folder: Path, chance: random.Random) -> Verdict:
    """SIGTERM to the group, as a batch system ends a job: the recorder passes it on and tells what came of it."""
    trial = _started(folder, chance)
    trial.begun()
    trial.wait_a_while()
    trial.died_s = time.time()
    os.killpg(trial.process.pid, signal.SIGTERM)
    trial.wait()
    return judge(trial, "SIGTERM to the group", how={"signalled"})


def recording_itself_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of a job that records itself."""
    trial = _started(folder, chance, "inside")
    trial.begun()
    trial.wait_a_while()
    trial.kill(trial.process.pid)
    trial.wait()
    return judge(trial, "the job, recording itself", how={"lost"})


def recorder_inside_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of the recorder of a job that records itself: the job goes on to its end."""
    trial = _started(folder, chance, "inside", seconds=3.0)
    trial.begun()
    recorder = trial.child()
    trial.wait_a_while()
    trial.kill(recorder)
    code = trial.wait()
    verdict = judge(trial, "the recorder of a job that records itself", how={"lost"})
    if code:
        verdict.complaints.append(f"the job ended with {code}: {trial.said.strip()[-200:]}")
    return verdict


def both_inside_killed(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of a job that records itself and of its recorder, in either order."""
    trial = _started(folder, chance, "inside")
    trial.begun()
    pids = [trial.process.pid, trial.child()]
    trial.wait_a_while()
    chance.shuffle(pids)
    for pid in pids:
        trial.kill(pid)
        time.sleep(chance.choice([0.0, 0.0, 0.01]))
    trial.wait()
    return judge(trial, "both, recording itself", how={"lost"})


def killed_while_thinning(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of the recorder of a recording that is at its smallest size and is made smaller again and again."""
    options = ("--max-size", "256KiB", "--interval", "0.02")
    trial = _started(folder, chance, "busy", seconds=30.0, options=options)
    trial.begun()
    time.sleep(8.0)
    trial.wait_a_while(8.0)
    trial.kill(trial.process.pid, group=chance.random() < 0.5)
    trial.wait()
    return judge(trial, "the recorder, thinning", how={"lost"}, thinned=True)


def paused(folder: Path, chance: random.Random) -> Verdict:
    """SIGSTOP of the recorder for a while, then SIGCONT; the job ends meanwhile or afterwards."""
    trial = _started(folder, chance, seconds=2.0)
    trial.begun()
    trial.wait_a_while(1.0)
    os.kill(trial.process.pid, signal.SIGSTOP)
    time.sleep(chance.uniform(0.2, 3.0))
    os.kill(trial.process.pid, signal.SIGCONT)
    trial.wait()
    return judge(trial, "SIGSTOP and SIGCONT of the recorder", how={"exited"})


def killed_while_paused(folder: Path, chance: random.Random) -> Verdict:
    """SIGKILL of the recorder while it is stopped: what it had up to the stop is there."""
    trial = _started(folder, chance)
    trial.begun()
    trial.wait_a_while(1.0)
    trial.died_s = time.time()  # it records no more from here on
    os.kill(trial.process.pid, signal.SIGSTOP)
    time.sleep(chance.uniform(0.2, 1.0))
    trial.kill(trial.process.pid)
    trial.wait()
    return judge(trial, "the recorder, stopped before", how={"lost"})


def full_disk(folder: Path, chance: random.Random) -> Verdict | None:
    """The disk is full from some moment on, in half of the trials for a while only."""
    with small_disk(folder, 4 * MIB) as disk:
        if disk is None:
            return None
        trial = _started(folder, chance, seconds=3.0, output=disk / "job.memfit")
        trial.begun()
        trial.wait_a_while(1.0)
        filler, full_s = fill(disk), time.time()
        again = chance.random() < 0.5
        if again:
            time.sleep(1.0)
            filler.unlink()
            trial.wait()
        else:
            trial.wait()
            if _tells(trial, "disk-full"):  # else what there was to say went into the last block
                trial.died_s = full_s
        verdict = judge(trial, "a full disk, for a while" if again else "a full disk", how={"exited"})
        trial.clear()
    return verdict


def _tells(trial: Trial, slug: str) -> bool:
    return slug in {event.slug for event in settled(where(trial)).events}


def file_size_limit(folder: Path, chance: random.Random) -> Verdict:
    """RLIMIT_FSIZE of half a megabyte: the recording is thinned below it."""
    trial = _started(
        folder, chance, "marking", seconds=8.0, shell="ulimit -f 1000; exec", options=("--interval", "0.02")
    )
    trial.wait()
    return judge(trial, "RLIMIT_FSIZE", how={"exited"})


def group_limit(folder: Path, chance: random.Random) -> Verdict | None:
    """A control group of some hundred MiB; in a third of the trials the kernel is told to prefer the recorder."""
    with small_group(f"memfit-{os.getpid()}-{folder.name}", chance.randrange(90, 200) * MIB) as group:
        if group is None:
            return None
        trial = _started(folder, chance, chance.choice(["growing", "family"]), seconds=20.0, shell=joins(group))
        job = trial.child()
        if chance.random() < 0.34 and job is not None:
            with suppress(OSError):
                Path(f"/proc/{trial.process.pid}/oom_score_adj").write_text("1000")
        code = trial.wait()
        how = {"lost"} if code == -9 else {"oom_killed"} if code == 137 else {"exited"}
        death = "the kernel, short of memory: the recorder" if code == -9 else "the kernel, short of memory: the job"
        events = () if code == -9 else {"oom-kill"}
        verdict = judge(trial, death, how=how, events=events, may_be_missing=True)
        trial.clear()
    return verdict


def address_space_limit(folder: Path, chance: random.Random) -> Verdict:
    """RLIMIT_AS: malloc fails in the job (or in the recorder, whose job then goes on)."""
    limit = chance.randrange(120, 500) * 1024
    trial = _started(folder, chance, "growing", seconds=20.0, shell=f"ulimit -v {limit}; exec")
    trial.wait()
    return judge(trial, "RLIMIT_AS", how={"exited"}, may_be_missing=True)


def spool_removed(folder: Path, chance: random.Random) -> Verdict:
    """The job's temporary folder is removed under it, as a cleaner of /tmp does."""
    trial = _started(folder, chance, "marking", seconds=2.5)
    trial.begun()
    trial.wait_a_while(1.5)
    for found in trial.temporary.glob("memfit-*"):
        shutil.rmtree(found, ignore_errors=True)
    trial.wait()
    return judge(trial, "the spool folder removed", how={"exited"}, events={"marks-lost"}, marks=False)


def output_removed(folder: Path, chance: random.Random) -> Verdict:
    """The recording, or its folder with it, is removed: it is written anew."""
    target = folder / "runs"
    target.mkdir()
    trial = _started(folder, chance, seconds=2.5, output=target / "job.memfit")
    trial.begun()
    trial.wait_a_while(1.5)
    if chance.random() < 0.5:
        shutil.rmtree(target, ignore_errors=True)
    else:
        trial.recording.unlink()
    trial.wait()
    return judge(trial, "the output removed", how={"exited"}, events={"recording-removed"})


# (death, how often of every hundred trials)
ALL: tuple[tuple[Death, int], ...] = (
    (job_killed, 12),
    (recorder_killed, 14),
    (group_killed, 12),
    (one_after_the_other, 10),
    (terminated, 5),
    (recording_itself_killed, 6),
    (recorder_inside_killed, 5),
    (both_inside_killed, 5),
    (killed_while_thinning, 4),
    (paused, 4),
    (killed_while_paused, 4),
    (full_disk, 5),
    (file_size_limit, 2),
    (group_limit, 5),
    (address_space_limit, 3),
    (spool_removed, 2),
    (output_removed, 2),
)
