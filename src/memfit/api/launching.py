"""A job of several processes on the devices that were named: one for each rank of a node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memfit.documents import Estimate
from memfit.errors import UsageError
from memfit.jobs import Progress, Request
from memfit.jobs.launch import run_job
from memfit.jobs.ranks import Launch
from memfit.machines import parse_request


def in_ranks(request: Request, ranks: str) -> tuple[Request, Launch]:
    """The job with a device for each of its processes on a node, and how many these are.

    Raises:
        UsageError: no such number of ranks, or one that does not go with the devices.
    """
    launch = Launch.parse(ranks)
    if request.way == "planned":
        raise UsageError(
            "a JAX job finds the devices of its process by itself: several ranks of it are not planned",
            hint="name the devices that one process has, --on 4xh100-80gb",
            slug="bad-ranks",
        )
    if request.device_count > 1 and request.device_count != launch.per_node:
        raise UsageError(
            f"{request.on} has {request.device_count} devices a node, and {launch.per_node} ranks run there",
            hint="name the device alone, --on h100-80gb: every rank has one",
            slug="bad-ranks",
        )
    if request.on is not None:
        name = parse_request(request.on)[0].name
        request = replace(request, on=f"{launch.per_node}x{name}", device_count=launch.per_node)
    return request, launch


def runner(python: str | None, progress: Callable[[Progress], None] | None) -> Callable[[Request, bool], Estimate]:
    """What estimates one rank, and whether its progress is shown."""

    def one(each: Request, shown: bool) -> Estimate:
        return run_job(each, python=python, progress=progress if shown else None)

    return one
