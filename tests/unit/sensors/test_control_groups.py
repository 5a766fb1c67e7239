"""Container limits from fixtures of /proc and /sys: both versions, nested groups, namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.quantities import GIB, MIB
from memfit.sensors import control_groups
from memfit.sensors.container import parse_mounts

V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
V1_MOUNT = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
NO_LIMIT = "9223372036854771712\n"


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_container_of_version_2(tmp_path: Path) -> None:
    """A container that sees its own group as the root: limit, use, page cache, kills."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2_MOUNT,
            "sys/fs/cgroup/memory.max": f"{8 * GIB}\n",
            "sys/fs/cgroup/memory.high": "max\n",
            "sys/fs/cgroup/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/memory.swap.max": "0\n",
            "sys/fs/cgroup/memory.stat": f"anon 5\nfile 6\ninactive_file {512 * MIB}\n",
            "sys/fs/cgroup/memory.events": "low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\n",
        },
    )

    (group,) = control_groups(root)

    assert (group.version, group.path, group.limit_bytes, group.high_bytes) == (2, "/", 8 * GIB, None)
    assert (group.usage_bytes, group.reclaimable_bytes) == (3 * GIB, 512 * MIB)
    assert (group.swap_limit_bytes, group.oom_kills) == (0, 2)


def test_container_of_version_1(tmp_path: Path) -> None:
    """The older files say the same."""
    folder = "sys/fs/cgroup/memory/docker/abc"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n",
            "proc/self/mountinfo": V1_MOUNT,
            f"{folder}/memory.limit_in_bytes": f"{4 * GIB}\n",
            f"{folder}/memory.usage_in_bytes": f"{2 * GIB}\n",
            f"{folder}/memory.memsw.limit_in_bytes": NO_LIMIT,
            f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
            f"{folder}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT,
        },
    )

    (group,) = control_groups(root)

    assert (group.version, group.path, group.limit_bytes) == (1, "/docker/abc", 4 * GIB)
    assert (group.reclaimable_bytes, group.swap_limit_bytes, group.oom_kills) == (GIB, None, 7)


def test_every_limit_up_the_tree_counts(tmp_path: Path) -> None:
    """A pod's limit above an unlimited container, a slice's above the pod: all are returned, innermost first."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kube.slice/pod.slice/container.scope\n",
            "proc/self/mountinfo": V2_MOUNT,
            "sys/fs/cgroup/kube.slice/pod.slice/container.scope/memory.max": "max\n",
            "sys/fs/cgroup/kube.slice/pod.slice/memory.max": f"{2 * GIB}\n",
            "sys/fs/cgroup/kube.slice/memory.max": f"{16 * GIB}\n",
        },
    )

    groups = control_groups(root)

    assert [(group.path, group.limit_bytes) for group in groups] == [
        ("/kube.slice/pod.slice", 2 * GIB),
        ("/kube.slice", 16 * GIB),
    ]


def test_group_that_only_throttles(tmp_path: Path) -> None:
    """memory.high slows down without a limit."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2_MOUNT,
            "sys/fs/cgroup/memory.max": "max\n",
            "sys/fs/cgroup/memory.high": f"{GIB}\n",
        },
    )

    (group,) = control_groups(root)

    assert (group.limit_bytes, group.high_bytes, group.usage_bytes) == (None, GIB, None)


@pytest.mark.parametrize("own", ["/host/path/of/container", "/../../elsewhere"])
def test_group_outside_of_the_namespace(tmp_path: Path, own: str) -> None:
    """A name that the mount does not show falls back to what the mount shows: the container's own group."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": f"4:memory:{own}\n",
            "proc/self/mountinfo": "35 31 0:32 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n",
        },
    )

    (group,) = control_groups(root)

    assert (group.path, group.limit_bytes) == ("/", GIB)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "", "proc/self/mountinfo": ""},
        {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": "nonsense\n31 23 - cgroup2\n"},
        {"proc/self/cgroup": "garbage\n:::\n", "proc/self/mountinfo": V2_MOUNT},
    ],
)
def test_no_container(tmp_path: Path, files: dict[str, str]) -> None:
    """Without control groups, or with files that make no sense, there is no limit."""
    assert control_groups(machine(tmp_path, files)) == ()


def test_mounts_of_a_hybrid_system() -> None:
    """Both versions at once: each hierarchy with its mount point; those without memory are passed over."""
    text = V1_MOUNT + "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" + V2_MOUNT

    assert list(parse_mounts(text)) == [(1, "/", "/sys/fs/cgroup/memory"), (2, "/", "/sys/fs/cgroup")]
