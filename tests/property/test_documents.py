"""Documents survive being written and read; what is damaged, foreign or newer is refused with a sentence."""

from __future__ import annotations

import copy
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memfit.documents import (
    SCHEMA,
    Assumption,
    Component,
    Estimate,
    Machine,
    PeakLocation,
    PoolEstimate,
    StepPeak,
    codec,
)
from memfit.errors import InvalidDocument
from memfit.quantities import Basis, ByteRange, Category, Phase
from memfit.reports import terminal

SAVED = Path(__file__).parents[1] / "golden" / "documents"

words = st.text(max_size=20)
sizes = st.integers(0, 1 << 50)
ranges = (
    st.lists(sizes, min_size=3, max_size=3).map(sorted).map(lambda it: ByteRange(low=it[0], expected=it[1], high=it[2]))
)
components = st.builds(
    Component, category=st.sampled_from(Category), range=ranges, basis=st.sampled_from(Basis), source=words
)
locations = st.builds(
    PeakLocation,
    phase=st.none() | st.sampled_from(Phase),
    step=st.none() | st.integers(0, 9),
    operator=st.none() | words,
    module=st.none() | words,
    where=st.none() | words,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
plain = st.dictionaries(words, st.integers() | words | st.booleans() | st.none(), max_size=3)


@st.composite
def pools(draw: st.DrawFn) -> PoolEstimate:
    parts = tuple(draw(st.lists(components, max_size=4)))
    return PoolEstimate(
        pool=draw(words),
        capacity_bytes=draw(st.none() | sizes),
        other_processes_bytes=draw(st.none() | sizes),
        peak_bytes=ByteRange.total(part.range for part in parts),
        components=parts,
        allocated_peak_bytes=draw(st.none() | sizes),
        requested_peak_bytes=draw(st.none() | sizes),
        reserved_peak_bytes=draw(st.none() | sizes),
        peak_at=draw(locations),
        steps=tuple(draw(st.lists(st.builds(StepPeak, step=sizes, peak_bytes=sizes, end_bytes=sizes), max_size=3))),
        top=tuple(draw(st.lists(st.tuples(sizes, words, words), max_size=3))),
    )


estimates = st.builds(
    Estimate,
    target=plain,
    machine=st.builds(Machine, name=words, details=plain.map(lambda it: {k: v for k, v in it.items() if k != "name"})),
    pools=st.lists(pools(), max_size=3).map(tuple),
    assumptions=st.lists(st.builds(Assumption, slug=words, text=words, effect_bytes=st.none() | sizes), max_size=2).map(
        tuple
    ),
    environment=plain,
    cost=plain,
)


@given(estimates)
def test_estimates_survive_the_file(estimate: Estimate) -> None:
    """What is saved is what is loaded, through the text of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "estimate.json"

        codec.save(estimate, path)

        assert codec.load(path) == estimate
        assert list(Path(folder).iterdir()) == [path]


@given(estimates)
def test_breakdowns_add_up(estimate: Estimate) -> None:
    """The parts of every pool sum to its expected peak, in the document as in the object."""
    for pool in codec.to_json(estimate)["pools"]:
        assert sum(pool["breakdown_bytes"].values()) == pool["peak_bytes"]["expected"]
        assert sum(part["expected"] for part in pool["components"]) == pool["peak_bytes"]["expected"]


@given(estimates, st.integers(0, 1 << 50))
def test_plan_that_fits_keeps_fitting_with_more_memory(estimate: Estimate, more_bytes: int) -> None:
    """More capacity never makes a verdict worse."""
    ranks = ["fits", "tight", "does_not_fit"]
    for document in codec.to_json(estimate)["pools"]:
        if document["capacity_bytes"] is None:
            continue
        roomier = copy.deepcopy(document)
        roomier["capacity_bytes"] += more_bytes

        grown = codec.from_json(_estimate_of(roomier)).pools[0].verdict

        assert ranks.index(grown.value) <= ranks.index(document["verdict"])


def _estimate_of(pool: dict[str, Any]) -> dict[str, Any]:
    document = {"schema": SCHEMA, "kind": "estimate", "target": {}, "machine": {"name": "m"}}
    return {**document, "pools": [pool], "assumptions": []}


@given(estimates, st.integers(20, 200))
def test_every_estimate_can_be_shown(estimate: Estimate, width: int) -> None:
    """Whatever a document says, its report is text without control characters, within the width."""
    page = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(width))

        terminal.write(estimate, page)

    assert not {character for character in page.getvalue() if ord(character) < 32} - {"\n"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


DOCUMENT = json.loads((SAVED / "tight.json").read_text(encoding="utf-8"))
PLACES = list(places(DOCUMENT))[1:]


def damaged(path: tuple[Any, ...], value: Any, *, removed: bool) -> Any:
    document = copy.deepcopy(DOCUMENT)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if removed:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


@settings(max_examples=200)
@given(st.sampled_from(PLACES), json_values, st.booleans())
def test_damaged_documents_are_refused_or_shown(path: tuple[Any, ...], value: Any, removed: bool) -> None:
    """A document changed anywhere is refused as invalid, or still makes a report: never an error of another kind."""
    document = damaged(path, value, removed=removed)

    try:
        estimate = codec.from_json(document)
    except InvalidDocument:
        return

    terminal.write(estimate, io.StringIO())
    json.dumps(codec.to_json(estimate))


@given(json_values)
def test_foreign_json_is_refused(value: Any) -> None:
    """JSON that is no estimate is an InvalidDocument, whatever it holds."""
    with pytest.raises(InvalidDocument):
        codec.from_json(value)


@settings(max_examples=200)
@given(
    st.binary(max_size=200) | st.sampled_from([b"", b"[" * 100_000, b'{"schema": ' + b"9" * 5000 + b"}", b"\xff\xfe"])
)
def test_files_of_anything_are_refused(content: bytes) -> None:
    """Bytes that are no document are an InvalidDocument, never a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)

        with pytest.raises(InvalidDocument):
            codec.load(path)


def test_newer_schema_says_what_to_do() -> None:
    """A document of a later memfit is refused by its schema, with a hint."""
    with pytest.raises(InvalidDocument) as refused:
        codec.from_json({**DOCUMENT, "schema": SCHEMA + 1})

    assert refused.value.slug == "newer-schema"
    assert refused.value.hint


@pytest.mark.parametrize("kind", ["recipe", None, 3, []])
def test_unknown_kind_is_refused_with_the_kinds_there_are(kind: Any) -> None:
    """A document of a kind that nobody reads is refused, and the sentence names what could be read."""
    with pytest.raises(InvalidDocument, match="expected an 'estimate'"):
        codec.from_json({**DOCUMENT, "kind": kind})


@pytest.mark.parametrize("path", ["missing.json", "."])
def test_missing_file_or_folder_is_refused(path: str) -> None:
    """A path that holds no file is an InvalidDocument."""
    with pytest.raises(InvalidDocument):
        codec.load(path)
