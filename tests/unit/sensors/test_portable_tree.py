"""The process tree by psutil, as on systems without /proc, followed here on a real child."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from memfit.quantities import MIB
from memfit.sensors.portable_tree import PortableTree


def test_children_are_followed() -> None:
    """A child is found with its resident size, and missed when it has ended."""
    child = subprocess.Popen([sys.executable, "-c", "x = bytearray(60 << 20); input()"], stdin=subprocess.PIPE)
    tree = PortableTree(os.getpid(), itself=False)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        tree.discover()
        tree.read_quickly()
        if any(member.rss_bytes > 60 * MIB for member in tree.members.values()):
            break
        time.sleep(0.05)
    seen = {member.pid: member.held_bytes for member in tree.members.values()}
    child.communicate(b"\n")

    _, gone = tree.discover()

    assert seen[child.pid] > 60 * MIB
    assert child.pid in {member.pid for member in gone}
