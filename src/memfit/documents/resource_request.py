"""What a scheduler or a container is asked for, ready to paste, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRequest:
    """Of one node of a job.

    Args:
        job: what it is called.
        system: who is asked.
        lines: what to type or paste.
        reasons: how the figures came about, in sentences.
        host_bytes: memory of the container or the node's share.
        device_bytes: what each accelerator is to have; None without any, or when unknown.
        devices: how many.
        shm_bytes: of ``host_bytes`` in /dev/shm; 0 when none is known to be used.
    """

    job: str
    system: str
    lines: tuple[str, ...]
    reasons: tuple[str, ...]
    host_bytes: int
    device_bytes: int | None = None
    devices: int = 0
    shm_bytes: int = 0

    @property
    def text(self) -> str:
        """The lines, with the reasons as comments above them."""
        return "\n".join([*(f"# {reason}" for reason in self.reasons), *self.lines]) + "\n"
