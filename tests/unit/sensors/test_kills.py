"""Whether the kernel killed for memory, and whether it was just now: told from our own group's counter."""

from __future__ import annotations

from pathlib import Path

from memfit.sensors.kills import KillWatch, oom_kills


def group(root: Path, kills: int, *, machine: int = 0) -> None:
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text("4:memory:/jobs/mine\n")
    (root / "proc/self/mountinfo").write_text("30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    folder = root / "sys/fs/cgroup/memory/jobs/mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.oom_control").write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")
    (root / "proc/vmstat").write_text(f"nr_free_pages 7\noom_kill {machine}\n")


def test_what_was_killed_elsewhere_is_not_ours(tmp_path: Path) -> None:
    """The machine's counter rises for any container's process; that of our group, limited or not, is asked instead."""
    group(tmp_path, 2, machine=5)
    watch = KillWatch(tmp_path)
    group(tmp_path, 2, machine=9)

    assert watch.look(1.0) == 0


def test_a_kill_counts_as_recent_for_seconds(tmp_path: Path) -> None:
    """A SIGKILL an hour after the kernel killed a worker is somebody else's."""
    group(tmp_path, 0)
    watch = KillWatch(tmp_path)
    group(tmp_path, 1)

    assert watch.look(10.0) == 1
    assert watch.look(11.0) == 0
    assert (watch.recent(11.0), watch.recent(3600.0), watch.total) == (True, False, 1)


def test_without_groups_the_machine_is_asked(tmp_path: Path) -> None:
    """On a bare machine there is only the one counter."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("oom_kill 3\n")

    assert oom_kills(tmp_path) == 3
