"""Recordings made up for tests of their views: a training job on host and device, large ones, hostile ones."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from memfit.documents import (
    Ending,
    Event,
    Holding,
    Iterations,
    Limit,
    PhaseSpan,
    PhaseTotal,
    Process,
    Recording,
    Series,
)
from memfit.quantities import GIB, MIB

MAIN, WORKER, LAUNCHER = 4102, 4188, 4100


def series(pool: str, name: str, values: list[int], seconds: list[float], scope: str = "job") -> Series:
    """A series whose points are single readings."""
    return Series(
        pool=pool,
        scope=scope,
        name=name,
        seconds=array("d", seconds),
        last_bytes=array("q", values),
        low_bytes=array("q", values),
        high_bytes=array("q", values),
    )


def training(samples: int = 900, seconds: float = 300.0, seed: int = 7) -> Recording:
    """Three hundred steps with evaluation and a checkpoint now and then, a slow leak on the host, a card used half."""
    chance = random.Random(seed)
    at = [seconds * (i + 1) / samples for i in range(samples)]
    rise = [min(t / 8, 1.0) for t in at]
    leak = [220 * MIB * t / seconds for t in at]
    spike = [1.2 * GIB if 0 < (t % 75) - 60 < 4 else 0.0 for t in at]
    noise = [chance.gauss(0, 12 * MIB) for _ in at]
    held = [int(r * 2.6 * GIB + a + b + c + 300 * MIB) for r, a, b, c in zip(rise, leak, spike, noise, strict=True)]
    file = [int(380 * MIB * r) for r in rise]
    shared = [int(96 * MIB * r) for r in rise]
    saw = [int((6.2 + 3.1 * abs(math.sin(t * 2.2))) * GIB * r) for t, r in zip(at, rise, strict=True)]
    main = [int(h * 0.8) for h in held]
    return Recording(
        command=("python", "train_gpt.py", "--batch-size", "12", "--data", "/srv/data/openwebtext"),
        started="2026-11-20T09:30:00Z",
        machine={"host": "gpu-box-17", "user": "alice", "system": "Linux 6.1", "cwd": "/home/alice/jobs", "cpus": 16},
        environment={"python": "3.11.9", "torch": "2.13.0", "memfit": "0.1.0", "MALLOC_ARENA_MAX": "2"},
        limits=(
            Limit(pool="host", name="container limit", limit_bytes=5 * GIB),
            Limit(pool="host", name="RAM", limit_bytes=64 * GIB, others_bytes=9 * GIB),
            Limit(pool="cuda:0", name="device memory", limit_bytes=24 * GIB, others_bytes=1 * GIB),
        ),
        series=(
            series("host", "held", held, at),
            series("host", "rss", [h + f + 150 * MIB for h, f in zip(held, file, strict=True)], at),
            series("host", "pss", held[::5], at[::5]),
            series("host", "swap", [max(int((t / seconds - 2 / 3) * 300 * MIB), 0) for t in at], at),
            series("host", "anonymous", [h - f - s for h, f, s in zip(held, file, shared, strict=True)], at),
            series("host", "file", file, at),
            series("host", "shared", shared, at),
            series("host", "available", [48 * GIB - h for h in held[::3]], at[::3], scope="machine"),
            series("host", "rss", main, at, scope=f"process:{MAIN}"),
            series("host", "rss", [int(h * 0.16) for h in held], at, scope=f"process:{WORKER}"),
            series("cuda:0", "used", [max(s, 7 * GIB) + 480 * MIB for s in saw], at),
            series("cuda:0", "allocated", saw, at),
            series("cuda:0", "reserved", [max(s, 7 * GIB) for s in saw], at),
        ),
        iterations=(_steps(300, seconds, chance),),
        phases=tuple(_phases(seconds)),
        phase_totals=(
            PhaseTotal(pid=MAIN, name="data", count=300, seconds=12.0, high_bytes=int(2.9 * GIB)),
            PhaseTotal(pid=MAIN, name="forward", count=300, seconds=98.0, high_bytes=int(3.0 * GIB)),
            PhaseTotal(pid=MAIN, name="backward", count=300, seconds=131.0, high_bytes=int(3.05 * GIB)),
            PhaseTotal(pid=MAIN, name="optimizer", count=300, seconds=22.0, high_bytes=int(3.02 * GIB)),
            PhaseTotal(pid=MAIN, name="evaluation", count=4, seconds=24.0, high_bytes=int(3.1 * GIB)),
            PhaseTotal(pid=MAIN, name="checkpoint", count=4, seconds=16.0, high_bytes=int(4.2 * GIB)),
        ),
        processes=(
            Process(pid=LAUNCHER, parent_pid=1, name="torchrun", command="torchrun --nproc 1 train_gpt.py",
                    role="launcher", peak_rss_bytes=210 * MIB),
            Process(pid=MAIN, parent_pid=LAUNCHER, name="python", command="python train_gpt.py --batch-size 12",
                    role="trainer", rank=0, start_s=0.4, peak_rss_bytes=max(main)),
            Process(pid=WORKER, parent_pid=MAIN, name="python", command="python -c from multiprocessing …",
                    role="loader worker", start_s=3.1, end_s=290.0, peak_rss_bytes=640 * MIB),
        ),
        events=(
            Event(slug="warning", at_s=211.0, pid=None, text="Swapping began."),
            Event(slug="process-ended", at_s=290.0, pid=WORKER, text="A loader worker ended with exit code 0."),
        ),
        holdings=tuple(_holdings()),
        ending=Ending(how="exited", exit_code=0, at_s=seconds),
        notes=("Proportional set sizes were read every 5 seconds: reading them oftener would have cost too much.",),
    )  # fmt: skip


def million(samples: int = 1_000_000) -> Recording:
    """The same job, sampled so often that no page could hold the points."""
    return training(samples=samples, seconds=7 * 86400.0)


def bare() -> Recording:
    """A command that ended before anything was read."""
    return Recording(
        command=("true",), started="2026-11-20T09:30:00Z", machine={}, environment={}, limits=(), series=(),
        iterations=(), phases=(), phase_totals=(), processes=(), events=(), holdings=(),
        ending=Ending(how="exited", exit_code=0),
    )  # fmt: skip


def with_texts(document: Any, text: Callable[[str], str]) -> Any:
    """The document with every text in it replaced, names of fields and enumerations aside."""
    if isinstance(document, str) and type(document) is str:
        return text(document)
    if is_dataclass(document) and not isinstance(document, type):
        kept = {"how", "scope", "pool", "look"} if not isinstance(document, Limit) else {"pool"}
        return replace(
            document,
            **{
                field.name: with_texts(getattr(document, field.name), text)
                for field in fields(document)
                if field.name not in kept
            },
        )
    if isinstance(document, dict):
        return {with_texts(name, text): with_texts(value, text) for name, value in document.items()}
    return tuple(with_texts(item, text) for item in document) if isinstance(document, tuple) else document


def _steps(count: int, seconds: float, chance: random.Random) -> Iterations:
    numbers = range(1, count + 1)
    rss = [int(2.9 * GIB + number * 0.75 * MIB + chance.gauss(0, 4 * MIB)) for number in numbers]
    return Iterations(
        pid=MAIN,
        unit="step",
        numbers=array("q", numbers),
        seconds=array("d", [8 + (seconds - 10) * number / count for number in numbers]),
        columns={
            "host/rss": array("q", rss),
            "cuda:0/allocated": array("q", [int(6.2 * GIB)] * count),
            "cuda:0/reserved": array("q", [7 * GIB if number < 40 else int(9.4 * GIB) for number in numbers]),
        },
    )


def _phases(seconds: float) -> list[PhaseSpan]:
    spans = [PhaseSpan(pid=MAIN, name="setup", start_s=0.0, end_s=8.0)]
    for number in range(int(seconds // 75) if seconds < 3600 else 4):
        start = 75.0 * number * (seconds / 300)
        spans.append(
            PhaseSpan(pid=MAIN, name="evaluation", start_s=start + 52 * seconds / 300, end_s=start + 58 * seconds / 300)
        )
        spans.append(
            PhaseSpan(pid=MAIN, name="checkpoint", start_s=start + 60 * seconds / 300, end_s=start + 64 * seconds / 300)
        )
    return spans


def _holdings() -> list[Holding]:
    found = []
    for number, at in enumerate((10.0, 80.0, 160.0, 240.0, 290.0)):
        figures = {
            "parameters": 498,
            "gradients": 498 if number else 0,
            "optimizer_state": 996 if number else 0,
            "graph": 310,
        }
        for category, size in figures.items():
            found.append(
                Holding(at_s=at, pid=MAIN, look="tensors", category=category, label=f"GPT {category}",
                        held_bytes=size * MIB, count=148, where="train_gpt.py:88")
            )  # fmt: skip
        found.append(
            Holding(at_s=at, pid=MAIN, look="containers", category="container", label="list of Tensor in train.losses",
                    held_bytes=(20 + number * 50) * MIB, count=75 * number + 1,
                    where="/home/alice/jobs/train_gpt.py:131", grows=number > 0 or None)
        )  # fmt: skip
    return found
