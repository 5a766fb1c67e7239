"""The reader of recordings against what may come: damage of every kind, lines that check out and say nonsense, and
files that were written properly, which come back as they were.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.samples import hostile as hostile_files

from memfit.documents import Recording
from memfit.errors import InvalidDocument
from memfit.recording import reader
from memfit.recording.joining import join
from memfit.recording.lines import encode
from memfit.recording.thinning import spread, thin
from memfit.recording.writer import Writer

Item = dict[str, Any]
ROOT = Path(__file__).parents[2]

quick = settings(max_examples=40, deadline=None)
HEADER: Item = {
    "k": "header", "format": 1, "memfit": "0.1.0", "started": "2026-11-25T10:00:00.000Z",
    "command": ["python", "train.py"], "machine": {"host": "here", "cores": 2}, "environment": {"torch": "2"},
    "limits": [{"pool": "host", "name": "RAM", "limit_bytes": 1 << 34, "others_bytes": 7}], "recorder": None,
    "interval_s": 0.1,
}  # fmt: skip

sizes = st.integers(0, 1 << 45)
times = st.floats(0, 1e6).map(lambda value: round(value, 3))
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=12)
pids = st.integers(1, 3)


def entries() -> st.SearchStrategy[list[int]]:
    three = st.lists(sizes, min_size=3, max_size=3).map(sorted)
    return st.one_of(
        st.tuples(st.integers(0, 3), sizes).map(list),
        st.tuples(st.integers(0, 3), three).map(lambda pair: [pair[0], pair[1][1], pair[1][0], pair[1][2]]),
    )


def samples() -> st.SearchStrategy[list[Item]]:
    """Ascending in time, each series at most once a sample, as a recorder writes them."""
    one = st.lists(entries(), min_size=1, max_size=3, unique_by=lambda entry: entry[0])
    rows = st.lists(st.tuples(st.integers(1, 50), one), min_size=2, max_size=12)

    def at_their_times(rows: list[tuple[int, list[list[int]]]]) -> list[Item]:
        ends = itertools.accumulate(step for step, _ in rows)
        return [{"k": "s", "t": end / 10, "d": d} for end, (_, d) in zip(ends, rows, strict=True)]

    return rows.map(at_their_times)


def iterations() -> st.SearchStrategy[list[Item]]:
    row = st.tuples(pids, st.sampled_from(["step", "epoch"]), times, st.dictionaries(words, sizes, max_size=3))
    return st.lists(row, max_size=20).map(
        lambda rows: [
            {"k": "i", "pid": pid, "unit": unit, "n": number + 1, "t": at, "c": columns}
            for number, (pid, unit, at, columns) in enumerate(rows)
        ]
    )


def rest() -> st.SearchStrategy[list[Item]]:
    maybe = st.none() | sizes
    process = st.fixed_dictionaries(
        {"k": st.just("proc"), "pid": pids, "parent": st.none() | pids, "name": words, "command": words,
         "role": words, "rank": maybe, "t0": times, "t1": st.none() | times, "peak": maybe}
    )  # fmt: skip
    span = st.fixed_dictionaries(
        {"k": st.just("p"), "pid": pids, "name": words, "t0": times, "t1": st.none() | times, "rss0": maybe,
         "rss1": maybe, "high": maybe}
    )  # fmt: skip
    event = st.fixed_dictionaries(
        {"k": st.just("e"), "slug": words, "t": times, "pid": st.none() | pids, "text": words}
    )
    held = st.tuples(words, words, maybe, sizes, words, st.none() | st.booleans()).map(list)
    look = st.fixed_dictionaries(
        {"k": st.just("h"), "pid": pids, "t": times, "look": words, "held": st.lists(held, max_size=3)}
    )
    note = st.fixed_dictionaries({"k": st.just("note"), "text": words})
    return st.lists(st.one_of(process, span, event, look, note), max_size=20)


recordings = st.tuples(samples(), iterations(), rest()).map(lambda parts: [item for part in parts for item in part])
SERIES = [
    {"k": "series", "id": number, "pool": "host", "scope": scope, "name": name}
    for number, (scope, name) in enumerate([("job", "held"), ("job", "rss"), ("machine", "swap"), ("process:1", "uss")])
]
END: Item = {"k": "end", "t": 1e6, "how": "exited", "exit_code": 0, "signal": None, "text": "done"}


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def written(items: list[Item], header: Item = HEADER) -> bytes:
    with folder() as place:
        writer = Writer(place / "job.memfit", header)
        for item in (*SERIES, *items):
            writer.add(item)
        writer.close(END)
        return (place / "job.memfit").read_bytes()


def opened(content: bytes) -> Recording | None:
    """What the reader makes of it; None where it refuses, which is all that it may do besides."""
    with folder() as place:
        (place / "job.memfit").write_bytes(content)
        try:
            return reader.read(place / "job.memfit")
        except InvalidDocument:
            return None


# ---- what was written properly comes back


@quick
@given(recordings)
def test_what_is_written_comes_back(items: list[Item]) -> None:
    """Every value of every kind, in the order that the document promises."""
    recording = opened(written(items))

    assert recording is not None
    assert_samples(recording, items)
    assert_iterations(recording, items)
    of = {kind: [item for item in items if item["k"] == kind] for kind in ("proc", "p", "e", "h", "note")}
    last = {(item["pid"], item["t0"]): item for item in of["proc"]}
    assert {(one.pid, one.start_s): (one.name, one.role, one.rank, one.end_s, one.peak_rss_bytes)
            for one in recording.processes} == {
        key: (item["name"], item["role"], item["rank"], item["t1"], item["peak"]) for key, item in last.items()
    }  # fmt: skip
    assert sorted((span.pid, span.name, span.start_s, span.high_bytes or 0) for span in recording.phases) == sorted(
        (item["pid"], item["name"], item["t0"], item["high"] or 0) for item in of["p"]
    )
    assert {(event.slug, event.at_s, event.text) for event in recording.events} == {
        (item["slug"], item["t"], item["text"]) for item in of["e"]
    }
    assert len(recording.holdings) == sum(len(item["held"]) for item in of["h"])
    assert recording.notes == tuple(dict.fromkeys(item["text"] for item in of["note"]))
    assert (recording.ending.how, recording.ending.at_s, recording.command) == ("exited", 1e6, ("python", "train.py"))


def assert_samples(recording: Recording, items: list[Item]) -> None:
    expected: dict[int, list[tuple[float, int, int, int]]] = {}
    for item in items:
        for entry in item["d"] if item["k"] == "s" else ():
            number, last, low, high = spread(entry)
            expected.setdefault(number, []).append((item["t"], last, low, high))
    for declared in SERIES:
        series = recording.one("host", declared["scope"], declared["name"])  # type: ignore[arg-type]
        rows = [] if series is None else list(
            zip(series.seconds, series.last_bytes, series.low_bytes, series.high_bytes, strict=True)
        )  # fmt: skip
        assert rows == expected.get(declared["id"], [])  # type: ignore[call-overload]


def assert_iterations(recording: Recording, items: list[Item]) -> None:
    for table in recording.iterations:
        rows = [item for item in items if item["k"] == "i" and (item["pid"], item["unit"]) == (table.pid, table.unit)]
        assert list(table.numbers) == [row["n"] for row in rows]
        for at, row in enumerate(rows):
            assert {name: table.columns[name][at] for name in row["c"]} == row["c"]


# ---- damage


@quick
@given(recordings, st.data())
def test_flipped_bytes_cost_lines_and_nothing_else(items: list[Item], data: st.DataObject) -> None:
    """Whatever is changed: the file opens with less, or is refused by name."""
    content = bytearray(written(items))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    opened(bytes(content))


@quick
@given(recordings, st.randoms(use_true_random=False))
def test_cut_spliced_doubled_and_shuffled_lines_are_read(items: list[Item], chance: random.Random) -> None:
    """The order of the lines means nothing, save for which of two is believed; a file may be made of two."""
    first, *lines = written(items).splitlines(keepends=True)
    chance.shuffle(lines)
    lines += chance.choices(lines, k=min(5, len(lines)))
    content = first + b"".join(lines)
    at = chance.randrange(len(content) + 1)

    whole, spliced = opened(content), opened(content[:at] + content[chance.randrange(len(content)) :])
    cut = opened(content[: max(at, len(first))])

    assert whole is not None
    assert whole.notes == tuple(note for note in whole.notes if "damaged" not in note)
    assert cut is not None
    assert all(list(series.seconds) == sorted(series.seconds) for series in whole.series)
    assert spliced is None or spliced.command == whole.command


# ---- lines that check out and say nonsense

hostile: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.sampled_from([1 << 62, 1 << 63, -1, 10**400, 1e308, -0.0, 1e15]),
        st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5),
        st.sampled_from(["\ud800", "\x00", "host", "job", "NaN", "x" * 5000]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
KINDS = ["series", "s", "i", "p", "pt", "proc", "e", "h", "env", "note", "end", "pad", "header", "?"]
FIELDS = ["id", "pool", "scope", "name", "t", "d", "pid", "unit", "n", "c", "t0", "t1", "rss0", "rss1", "high", "count",
          "seconds", "parent", "command", "role", "rank", "peak", "slug", "text", "look", "held", "values", "how",
          "exit_code", "signal"]  # fmt: skip
nonsense = st.builds(
    lambda kind, fields: {**fields, "k": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), hostile),
)


@settings(max_examples=60, deadline=None)
@given(recordings, st.lists(nonsense, max_size=30), st.data())
def test_nonsense_with_a_checksum_costs_itself_alone(items: list[Item], wrong: list[Item], data: st.DataObject) -> None:
    """Wrong types in every field, numbers beyond every bound: the samples of the rest are still there."""
    valid = [item for item in items if item["k"] == "s"]
    spoilt = [
        {**item, data.draw(st.sampled_from(sorted(item.keys() - {"k"}))): data.draw(hostile)} for item in items[:5]
    ]

    recording = opened(written(valid) + b"".join(map(encode, [*spoilt, *wrong])))

    assert recording is not None
    held = recording.one("host", "job", "held")
    expected = {item["t"] for item in valid for entry in item["d"] if entry[0] == 0}
    assert expected == set() or held is None or expected <= set(held.seconds)


@quick
@given(st.dictionaries(st.sampled_from(sorted(HEADER.keys() - {"k"})), hostile, min_size=1))
@example({"recorder": {"pid": 10**30, "start": 10**400}})
@example({"recorder": {"pid": -1, "start": 0}})
@example({"machine": {"host": [[]]}})
@example({"limits": {"pool": 1}})
def test_a_header_of_nonsense_is_refused_or_read(changes: Item) -> None:
    """Nothing else happens, and several such files still join."""
    header = {**HEADER, **changes}
    recording = opened(encode(header) + b"".join(map(encode, [*SERIES, {"k": "s", "t": 1.0, "d": [[0, 5]]}])))

    assert recording is None or recording.one("host", "job", "held") is not None
    if recording is not None:
        join([("a", recording), ("b", recording)])


def raw(body: bytes) -> bytes:
    """A line with its checksum, whatever the body is."""
    return b"%s\t%08x\n" % (body, zlib.crc32(body))


def test_json_that_no_recorder_writes_is_damage() -> None:
    """Nesting without end, numbers without end, what is no JSON at all: each is one damaged line."""
    bodies = [
        b'{"k":"s","t":NaN,"d":[]}', b'{"k":"s","t":Infinity,"d":[[0,1]]}', b'{"k":"s","t":1e999,"d":[[0,1]]}',
        b'{"k":"note","text":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"k":"note","text":' + b'{"a":' * 50_000,
        b'{"k":"s","t":' + b"9" * 500_000 + b',"d":[[0,1]]}', b'{"k":"s","t":1,"d":[[0,' + b"9" * 4000 + b"]]}",
        b'"k"', b"[]", b"7", b"", b'{"k":1}', b"\xff\xfe{\x00}\x00", '{"k":"note","text":"é"}'.encode(),
        b'{"k":"s","t":1.0,"d":[[0,1]]}\r',
    ]  # fmt: skip
    lines = [raw(body) for body in bodies]
    content = written([{"k": "s", "t": 5.0, "d": [[0, 1]]}]) + b"".join(lines)

    recording = opened(content)

    assert recording is not None
    assert recording.notes == (f"{len(lines) - 1} damaged lines were left out",)  # JSON may end in a carriage return
    assert recording.ending.how == "exited"


# ---- making it smaller, joining


@quick
@given(samples(), iterations(), st.integers(1, 4))
def test_thinning_keeps_extremes_ends_and_order(rows: list[Item], steps: list[Item], times_thinned: int) -> None:
    """However often: the highest and lowest of each series, the first and the last sample, ascending times."""
    items: list[Item] = [*SERIES, *rows, *steps]
    before = opened(written(items))
    for _ in range(times_thinned):
        items = list(thin(items))

    after = opened(written(items))

    assert before is not None
    assert after is not None
    for old in before.series:
        new = after.one(old.pool, old.scope, old.name)
        assert new is not None
        assert (max(new.high_bytes), min(new.low_bytes)) == (max(old.high_bytes), min(old.low_bytes))
        assert new.last_bytes[-1] == old.last_bytes[-1]
        assert list(new.seconds) == sorted(new.seconds)
    if rows:
        kept = [item for item in items if item["k"] == "s"]
        assert (kept[0], kept[-1]["t"]) == (rows[0], rows[-1]["t"])
    for old_table, new_table in zip(before.iterations, after.iterations, strict=True):
        assert (new_table.numbers[0], new_table.numbers[-1]) == (old_table.numbers[0], old_table.numbers[-1])
        assert list(new_table.numbers) == sorted(new_table.numbers)


@quick
@given(st.lists(samples(), min_size=2, max_size=4))
def test_joined_files_add_up(parts: list[list[Item]]) -> None:
    """At every time the joined figure is the sum of what each file last said."""
    headers = [{**HEADER, "limits": []} for _ in parts]
    read = [opened(written(items, header)) for items, header in zip(parts, headers, strict=True)]
    known = [recording for recording in read if recording is not None]

    joined = join([(str(number), recording) for number, recording in enumerate(known)])

    held = joined.one("host", "job", "held")
    assert len(known) == len(parts)
    for at, value in [] if held is None else last_by_time(held.seconds, held.last_bytes):
        assert at == END["t"] or value == sum(map(value_at(at), known))


def last_by_time(seconds: Any, values: Any) -> list[tuple[float, int]]:
    return list(dict(zip(seconds, values, strict=True)).items())


def value_at(at: float) -> Callable[[Recording], int]:
    def find(recording: Recording) -> int:
        series = recording.one("host", "job", "held")
        found = [] if series is None else [
            value for seconds, value in zip(series.seconds, series.last_bytes, strict=True) if seconds <= at
        ]  # fmt: skip
        return found[-1] if found else 0

    return find


def test_hostile_json_of_the_tests_is_json() -> None:
    """The strategy makes what a stranger could write."""
    assert json.loads(json.dumps({"a": 10**400}))["a"] == 10**400


# ---- what a file may cost


def read_within(kind: str, megabytes: float, room: float, seconds: float) -> str:
    with folder() as place:
        done = subprocess.run(
            [sys.executable, "-m", "tests.samples.hostile", kind, str(megabytes), str(place / "x.memfit"), str(room)],
            cwd=ROOT, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
    return done.stdout + done.stderr[-300:]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS")
@pytest.mark.parametrize("kind", hostile_files.KINDS)
def test_a_file_costs_memory_in_proportion_to_its_size(kind: str) -> None:
    """Whatever it is filled with: 2 MB are read with 60 MB of room."""
    assert read_within(kind, 2, 60, seconds=60) == "lost\n"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS")
@pytest.mark.parametrize("kind", hostile_files.KINDS)
def test_a_large_hostile_file_is_read_within_bounds(kind: str) -> None:
    """14 MB of room for each MB, in a time that its length explains; where so many of a kind are too many, they are."""
    megabytes = 25 if kind == "holdings" else 12  # of which there may be a million, as 21 MB have
    assert read_within(kind, megabytes, 14 * megabytes, seconds=240) == "lost\n"
