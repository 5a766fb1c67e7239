# ruff: noqa: E501  # the page's own lines
"""docs/requests.md from the data: `python -m benchmarks.requests.page [--check]`."""

from __future__ import annotations

import json
import re

from benchmarks.pages import ROOT, write_or_check
from benchmarks.requests.check import ASKED_BYTES, DATA, NEED
from memfit.quantities import MIB, format_bytes

PAGE = ROOT / "docs" / "requests.md"
_HEAD = """# What is asked of schedulers

`memfit request` writes what to type or paste for a job: for Slurm, Kubernetes, Ray, Docker or systemd.

```text
$ memfit estimate --request slurm train.py            from an estimate: its high end
$ memfit request --for kubernetes job.memfit          better, from recordings of earlier runs of the same job
```

The size is the figure to plan with, and what the kernel charges a container besides: page tables, stacks, buffers (1 % and
32 MiB, assumed). From recordings it is the highest peak, a tenth above it or as much as runs differ, and the growth that was
found, over the length that is planned. Each reason stands in a comment. A size of your own below that is refused unless it is
forced, and then the risk is said.
"""


def text() -> str:
    """The page."""
    checked = json.loads(DATA.read_text(encoding="utf-8"))
    lines = [
        _HEAD,
        "## Read by the systems themselves",
        "",
        f"A need of {NEED.host_bytes:,} bytes, {NEED.devices} devices and {format_bytes(NEED.shm_bytes)} of shared memory,"
        f" as each program reads what memfit writes of it (`python -m benchmarks.requests.check`): {ASKED_BYTES:,} bytes are"
        f" right, the need rounded up to MiB ({ASKED_BYTES // MIB:,}). *Refuses* is whether it refuses the same text with a"
        " wrong unit or sign, so that it is seen to read it.",
        "",
        "| system | version | as written | bytes, as read | devices | right | refuses |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in checked.items():
        right = row["host_bytes"] == ASKED_BYTES and row.get("devices", NEED.devices) == NEED.devices
        told = [line.strip() for line in row["text"].splitlines() if re.search(r"mem(ory)?(Max)?[=:]", line, re.I)]
        written = "; ".join(f"`{line}`" for line in dict.fromkeys(told))
        lines.append(
            f"| {name} | {row['version']} | {written} | {row['host_bytes']:,} | {row.get('devices', '')} "
            f"| {'yes' if right else '**no**'} | {'yes' if row['refuses'] else '**no**'} |"
        )
    lines += [
        "",
        "Slurm's controller and node ran here with two devices that are files; Docker's client spoke to a socket that kept "
        "what it asked for; Kubernetes' schemas and client, Ray's decorator and systemd's verifier need no server.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page, or check it."""
    write_or_check(PAGE, text, "benchmarks.requests.page", __doc__)


if __name__ == "__main__":
    main()
