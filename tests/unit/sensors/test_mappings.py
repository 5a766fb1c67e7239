"""Mapped files from /proc/PID/smaps: data by its path, code together, memory without a name not at all."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from memfit.quantities import KIB, MIB
from memfit.sensors.mappings import LIBRARIES, mappings, parse_mappings

SMAPS = """\
7f0000000000-7f0000100000 r--s 00000000 08:01 9                          /data/my tokens.bin
Size:               1024 kB
Pss:                 512 kB
7f0000100000-7f0000200000 rw-p 00000000 00:00 0
Pss:                9999 kB
7f0000200000-7f0000300000 r-xp 00000000 08:01 7                          /usr/lib/libtorch.so.2
Pss:                 100 kB
7f0000300000-7f0000400000 r-xp 00000000 08:01 7                          /usr/bin/python3.11
Pss:                  50 kB
7f0000400000-7f0000500000 rw-s 00000000 00:01 3                          /dev/shm/torch_1 (deleted)
Pss:                 700 kB
7f0000500000-7f0000600000 rw-p 00000000 00:00 0                          [heap]
Pss:                8888 kB
7f0000600000-7f0000700000 r--s 00100000 08:01 9                          /data/my tokens.bin
Pss:                  88 kB
"""


def test_mappings_are_summed_by_file() -> None:
    """Several mappings of a file are one line, the largest first; shared memory is told apart."""
    found = parse_mappings(SMAPS)

    assert [(one.name, one.share_bytes // KIB, one.shared) for one in found] == [
        ("/dev/shm/torch_1 (deleted)", 700, True),
        ("/data/my tokens.bin", 600, False),
        (LIBRARIES, 150, False),
    ]


def test_a_file_that_this_process_maps_is_found(tmp_path: Path) -> None:
    """A memory-mapped file counts with the pages that were touched."""
    path = tmp_path / "data.bin"
    path.write_bytes(b"x" * (4 * MIB))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:: 4 * KIB]

        found = {one.name: one.share_bytes for one in mappings(os.getpid())}

    assert found[str(path)] >= 3 * MIB
