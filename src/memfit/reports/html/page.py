"""Documents → page: which sections there are and in what order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memfit.documents import Advice, Comparison, Data, Diagnosis, Estimate, Placements, Recording, ResourceRequest
from memfit.reports import recorded
from memfit.reports import view as estimated
from memfit.reports.html import advised, compared, diagnosed, measured, placed, predicted, requested, weighed
from memfit.reports.html.curves import Curves
from memfit.reports.html.parts import Page, Section
from memfit.reports.text import printable
from memfit.reports.wording import listed

_FIRST = ("curves", "peak")  # of a recording's sections; what was made of it follows them


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a page is made from: at least one of them."""

    estimate: Estimate | None = None
    recording: Recording | None = None
    diagnosis: Diagnosis | None = None
    comparison: Comparison | None = None
    data: Data | None = None
    advice: Advice | None = None
    placements: Placements | None = None
    request: ResourceRequest | None = None


def page(content: Content, *, private: bool = False) -> Page:
    """The page of that content.

    Args:
        content: the documents; what must not be shown is out of them already (memfit.reports.private).
        private: say on the page that something was left out.
    """
    guess = None if content.estimate is None else estimated.view(content.estimate)
    seen = None if content.recording is None else recorded.view(content.recording)
    return Page(
        title=seen.command if seen else guess.target if guess else _name(content),
        kinds=listed(list(_kinds(content))),
        badges=tuple(_badges(content, seen, guess)),
        headline=tuple(_headline(content, seen, guess)),
        sections=tuple(_sections(content, seen, guess)),
        timeline=None if content.recording is None else Curves(content.recording).timeline(),
        private=private,
    )


def _badges(
    content: Content, seen: recorded.RecordingView | None, guess: estimated.EstimateView | None
) -> Iterable[tuple[str, str]]:
    if seen is not None:
        yield seen.ended.badge, seen.ended.tone
    if content.diagnosis is not None:
        yield diagnosed.verdict(content.diagnosis)
    if guess is not None:
        words = predicted.badge(guess.verdict)
        yield words if seen is None else f"predicted: {words}", predicted.TONES[guess.verdict]
    if content.comparison is not None and content.comparison.standing is not None:
        yield compared.verdict(content.comparison.standing)
    if content.data is not None and (fits := weighed.verdict(content.data)) is not None:
        yield f"reading it {predicted.badge(fits)}", predicted.TONES[fits]
    if content.advice is not None:
        yield advised.verdict(content.advice)
    if content.placements is not None:
        yield placed.verdict(content.placements)


def _name(content: Content) -> str:
    if content.advice is not None:
        return advised.title(content.advice)
    if content.placements is not None:
        return placed.title(content.placements)
    if content.request is not None:
        return requested.title(content.request)
    if content.comparison is not None:
        return printable(content.comparison.second.name)
    if content.data is not None and content.diagnosis is None:
        return weighed.title(content.data)
    return "a job" if content.diagnosis is None else printable(content.diagnosis.target.get("name", "a series"))


def _kinds(content: Content) -> Iterable[str]:
    if content.recording is not None:
        yield "a recording"
    if content.estimate is not None:
        yield "an estimate"
    if content.diagnosis is not None:
        yield "a diagnosis"
    if content.comparison is not None:
        yield "a comparison"
    if content.data is not None:
        yield "a weighing of data sets"
    if content.advice is not None:
        yield "advice"
    if content.placements is not None:
        yield "machines held against an estimate"
    if content.request is not None:
        yield "a request"


def _headline(
    content: Content, seen: recorded.RecordingView | None, guess: estimated.EstimateView | None
) -> Iterable[str]:
    if seen is not None:
        yield seen.headline
        yield f"{seen.ended.text} ({recorded.summary(seen)}.)"
    if content.diagnosis is not None:
        yield diagnosed.headline(content.diagnosis)
    if guess is not None:
        yield predicted.headline(guess)
    if content.comparison is not None:
        yield compared.headline(content.comparison)
    if content.data is not None:
        yield from weighed.headlines(content.data)
    if content.advice is not None:
        yield from advised.headlines(content.advice)
    if content.placements is not None:
        yield from placed.headlines(content.placements)
    if content.request is not None:
        yield requested.headline(content.request)


def _sections(
    content: Content, seen: recorded.RecordingView | None, guess: estimated.EstimateView | None
) -> Iterable[Section]:
    if seen is not None and seen.pools:
        yield Section(name="peaks", title="Peaks", tiles=measured.tiles(seen, content.estimate))
    if guess is not None and seen is None:
        yield Section(name="peaks", title="Peaks to plan with", tiles=predicted.tiles(guess))
    measurements: list[Section] = []
    if content.recording is not None and seen is not None:
        measurements = list(measured.sections(content.recording, seen, content.estimate))
    yield from (section for section in measurements if section.name in _FIRST)
    if content.diagnosis is not None:
        yield diagnosed.section(content.diagnosis, curves=content.recording is None)
    if content.comparison is not None:
        yield compared.section(content.comparison)
    yield from (section for section in measurements if section.name not in _FIRST)
    if content.estimate is not None and guess is not None:
        if seen is not None:
            yield Section(name="plan", title="Prediction", tiles=predicted.tiles(guess))
        yield from predicted.sections(content.estimate, guess)
    if content.recording is not None and seen is not None:
        yield measured.surroundings(content.recording, seen)
    if guess is not None:
        yield predicted.surroundings(guess)
    if content.data is not None:
        alone = seen is None and guess is None  # a job's own peaks have that name
        yield from (part for part in weighed.sections(content.data) if alone or part.name != "peaks")
    if content.advice is not None:
        yield from advised.sections(content.advice)
    if content.placements is not None:
        yield from placed.sections(content.placements)
    if content.request is not None:
        yield requested.section(content.request)
