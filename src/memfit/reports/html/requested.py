"""The section of a request to a scheduler or a container: what to paste, the sizes in it, the reasons for them."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import ResourceRequest
from memfit.quantities import format_bytes
from memfit.reports.html.parts import Cell, Section, Table, Tile
from memfit.reports.text import printable
from memfit.reports.wording import many, sentence

_NAMES = {"slurm": "Slurm", "kubernetes": "Kubernetes", "ray": "Ray", "docker": "Docker", "systemd": "systemd"}


def title(request: ResourceRequest) -> str:
    """The job."""
    return printable(request.job)


def headline(request: ResourceRequest) -> str:
    """Who is asked for how much."""
    devices = f" and {many(request.devices, 'device')}" if request.devices else ""
    return f"To ask {_name(request)} for one node: {format_bytes(request.host_bytes)} of memory{devices}."


def section(request: ResourceRequest) -> Section:
    """The lines, the sizes, the reasons."""
    lines = Cell(text="\n".join(map(printable, request.lines)), code=True)
    return Section(
        name="request",
        title=f"What to ask {_name(request)} for",
        tiles=tuple(_tiles(request)),
        tables=(Table(title="To paste", columns=("lines",), rows=((lines,),)),),
        notes=tuple(sentence(printable(reason)) for reason in request.reasons),
    )


def _name(request: ResourceRequest) -> str:
    return printable(_NAMES.get(request.system, request.system))


def _tiles(request: ResourceRequest) -> Iterable[Tile]:
    shm = (f"{format_bytes(request.shm_bytes)} of it in /dev/shm",) if request.shm_bytes else ()
    yield Tile(label="memory of the node", value=format_bytes(request.host_bytes), details=shm)
    if request.devices:
        known = request.device_bytes is not None
        yield Tile(
            label=many(request.devices, "device"),
            value=format_bytes(request.device_bytes) if request.device_bytes is not None else "unknown",
            details=("at least, of each",) if known else (),
        )
