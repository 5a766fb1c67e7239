"""Feeds the reader what a mutator makes of recordings, for as long as one likes, and keeps what it falls over.

    python -m benchmarks.survival.fuzz [--seconds 60] [--seed 1] [--findings FOLDER]

With atheris installed it is led by coverage; without, by chance alone. Bodies are mutated and given valid checksums
(most of the time), so that they get past the first look. Only InvalidDocument may come out, and within five seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.survival import cuts
from memfit.errors import InvalidDocument
from memfit.recording import reader
from memfit.recording.joining import join
from memfit.recording.lines import encode

_SLOW_S = 5.0
_MORE: tuple[dict[str, Any], ...] = (
    {"k": "proc", "pid": 7, "parent": 1, "name": "python", "command": "python", "role": "main", "rank": 0, "t0": 0.0,
     "t1": 3.0, "peak": 950},
    {"k": "p", "pid": 7, "name": "evaluation", "t0": 0.1, "t1": None, "rss0": 1, "rss1": 2, "high": None},
    {"k": "pt", "pid": 7, "name": "backward", "count": 5, "seconds": 0.1, "high": 400},
    {"k": "e", "slug": "limit-near", "t": 0.3, "pid": None, "text": "host: 90 %"},
    {"k": "h", "pid": 7, "t": 0.2, "look": "tensors", "held": [["parameters", "2 layers", 80, 2, "", None]]},
    {"k": "env", "values": {"torch": "2.13.0"}},
    {"k": "note", "text": "no permission"},
    {"k": "s", "t": 9.0, "d": [[0, 300, 100, 900], [1, 5]]},
)  # fmt: skip
_PIECES = (
    b"null", b"true", b"-1", b"1e308", b"1e999", b"NaN", b"9" * 400, b"4611686018427387904", b'"\\ud800"', b"[]", b"{}",
    b"[[0,1]]", b'"k":"s"', b'"t":', b'"d":', b",", b"[", b"]", b"{", b"}", b'"', b"\\", b"\n", b"\t", b"\x00", b"0.1",
)  # fmt: skip


def seeds() -> list[list[bytes]]:
    """Bodies of a whole recording, line by line."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "job.memfit"
        cuts.write(path)
        bodies = [line.rpartition(b"\t")[0] for line in path.read_bytes().splitlines()]
    return [[*bodies[:6], *(encode(item).rpartition(b"\t")[0] for item in _MORE), *bodies[-1:]]]


def mutated(body: bytes, chance: random.Random) -> bytes:
    """A body with a few changes."""
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + chance.randrange(9)] = b""
            case 2:
                changed[at:at] = chance.choice(_PIECES)
            case 3:
                changed[at : at + chance.randrange(12)] = chance.choice(_PIECES)
            case _:
                start = chance.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + chance.randrange(40)]
    return bytes(changed)


def value_changed(body: bytes, chance: random.Random) -> bytes:
    """A body that is still JSON, with another value somewhere."""
    try:
        item = json.loads(body)
    except ValueError:
        return body
    if not isinstance(item, dict):
        return body
    values = [None, True, -1, 0, 1 << 62, 10**40, 1e308, -0.0, "", "x" * 3000, "\ud800", [], [[]], {}, {"": {}},
              [[0, 1]], [0, 1, 1, 1], "host", "job", [1, 2, 3, 4, 5]]  # fmt: skip
    for _ in range(chance.choice((1, 1, 3))):
        place: Any = item
        key: Any = chance.choice(sorted(item))
        while isinstance(place[key], (list, dict)) and place[key] and chance.random() < 0.7:
            place = place[key]
            key = chance.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
        place[key] = json.loads(json.dumps(chance.choice(values)))
    return json.dumps(item, separators=(",", ":")).encode()


def sealed(bodies: list[bytes], chance: random.Random) -> bytes:
    """A file of the bodies, nearly all with checksums that hold."""
    lines = [
        b"%s\t%08x\n" % (body, zlib.crc32(body) if chance.random() < 0.98 else chance.randrange(1 << 32))
        for body in bodies
    ]
    content = b"".join(lines)
    return content if chance.random() < 0.9 else content[: chance.randrange(len(content) + 1)]


def one(content: bytes, path: Path) -> None:
    """Read it, and join it with itself.

    Raises:
        Exception: whatever the reader raises that it should not.
        TimeoutError: it took too long.
    """
    path.write_bytes(content)
    began = time.monotonic()
    try:
        recording = reader.read(path)
        join([("a", recording), ("b", recording)])
    except InvalidDocument:
        pass
    if time.monotonic() - began > _SLOW_S:
        raise TimeoutError(f"{time.monotonic() - began:.1f} s for {len(content):,} bytes")


def by_chance(seconds: float, seed: int, path: Path, found: Callable[[bytes, Exception], None]) -> int:
    """Mutates until the time is over; returns how many files were read."""
    chance, known, count, end = random.Random(seed), seeds(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        bodies = list(chance.choice(known))
        for _ in range(chance.choice((1, 2, 5))):
            at = chance.randrange(0 if chance.random() < 0.1 else 1, len(bodies))
            bodies[at] = chance.choice((mutated, value_changed))(bodies[at], chance)
        if chance.random() < 0.2:
            bodies[1:] = chance.choices(bodies, k=len(bodies) * chance.choice((1, 2)))
        content = sealed(bodies, chance)
        count += 1
        try:
            one(content, path)
        except Exception as error:
            found(content, error)
    return count


def by_coverage(seconds: float, seed: int, path: Path, found: Callable[[bytes, Exception], None]) -> None:
    """Lets atheris lead; it ends the process when its time is over."""
    import atheris

    def look(data: bytes) -> None:
        chance = random.Random(len(data))
        try:
            one(sealed(data.split(b"\n"), chance) if data[:1] != b"=" else data[1:], path)
        except Exception as error:
            found(data, error)

    corpus = path.parent / "corpus"
    corpus.mkdir()
    for number, bodies in enumerate(seeds()):
        (corpus / str(number)).write_bytes(b"\n".join(bodies))
    atheris.instrument_all()
    limits = [f"-max_total_time={int(seconds)}", f"-seed={seed}", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], look)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--coverage", action="store_true", help="with atheris")
    options = parser.parse_args()
    errors: dict[str, int] = {}

    def found(content: bytes, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        name = f"{type(error).__name__} at {where}"
        errors[name] = errors.get(name, 0) + 1
        if errors[name] == 1:
            options.findings.mkdir(exist_ok=True)
            kept = options.findings / hashlib.sha1(content).hexdigest()[:12]
            kept.write_bytes(content)
            print(f"{name}: {str(error)[:200]}: {kept}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.memfit"
        if options.coverage:
            by_coverage(options.seconds, options.seed, path, found)
        count = by_chance(options.seconds, options.seed, path, found)
    print(f"{count:,} files read; {sum(errors.values())} fell over: {errors or 'none'}")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
