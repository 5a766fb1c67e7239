"""Advice for scripts that fit estimators: every change is a fit that is probed again, so few are tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memfit.advice import HINTS, Outcome, Setting, Wishes, proposals, search
from memfit.api.answering import TIME, advice_of, budget
from memfit.api.changed import script_text
from memfit.api.lighter_data import data_ways
from memfit.documents import Advice, Hint, JobFacts
from memfit.errors import MemfitError
from memfit.jobs import Progress, Request
from memfit.jobs.launch import Seen, look_at

_ANOTHER_BUDGET_SHARE = 0.5  # of the first estimate's probes: the law of a changed fit is near that of the first


class ChangedFit:
    """A script's largest fit and its changed forms."""

    def __init__(self, request: Request, seen: Seen, python: str | None) -> None:
        self._request = replace(request, probe_budget_s=request.probe_budget_s * _ANOTHER_BUDGET_SHARE)
        self._python = python
        self._known: dict[str, Outcome | None] = {}
        self.failures: dict[str, str] = {}
        self.estimates = 1
        self.base = _outcome(seen)

    def outcomes(self, settings: Sequence[Setting]) -> list[Outcome | None]:
        """Estimates of settings; None, and a line among the failures, for one that cannot be probed."""
        return [self._one(setting) for setting in settings]

    def _one(self, setting: Setting) -> Outcome | None:
        if setting.key not in self._known:
            self.estimates += 1
            try:
                seen = look_at(replace(self._request, changes=setting.params), python=self._python)
                self._known[setting.key] = _outcome(seen)
            except MemfitError as error:
                self.failures[", ".join(setting.params)] = error.message
                self._known[setting.key] = None
        return self._known[setting.key]


def _outcome(seen: Seen) -> Outcome:
    pool = seen.estimate.pools[-1]
    return Outcome(peak_bytes=pool.peak_bytes, phase_peaks={"fit": pool.peak_bytes.expected}, estimate=seen.estimate)


def advised_on_tables(
    request: Request,
    wishes: Wishes,
    within_bytes: int | None,
    *,
    python: str | None,
    progress: Callable[[Progress], None] | None,
) -> Advice:
    """The advice for a script that is probed at its fits."""
    began = time.monotonic()
    seen = look_at(replace(request, looked_at=True), python=python, progress=progress)
    job = ChangedFit(request, seen, python)
    estimate = seen.estimate
    pool = estimate.pools[-1]
    facts = replace(_facts(seen.facts, seen, script_text(request), request.arguments), script=Path(request.target).name)
    proposed = proposals(facts)
    wishes.check(proposed)
    budget_bytes, assumed = budget(estimate, pool.pool, within_bytes)
    found = search(job.base, [each for each in proposed if wishes.allow(each)], job.outcomes, budget_bytes)
    hints = [hint for rule in HINTS for hint in rule(facts)]
    hints += [Hint(slug="change-not-simulated", text=f"{name}: {why}") for name, why in job.failures.items()]
    return advice_of(
        estimate,
        pool.pool,
        found,
        budget_bytes=budget_bytes,
        now_bytes=job.base.peak_bytes,
        hints=hints,
        assumptions=(*assumed, TIME, *estimate.assumptions),
        cost={"seconds": round(time.monotonic() - began, 2), "estimates": job.estimates},
    )


def _facts(told: dict[str, Any] | Any, seen: Seen, text: str, arguments: Sequence[str]) -> JobFacts:
    pool = seen.estimate.pools[-1]
    return JobFacts(
        framework=str(told["framework"]),
        pool=pool.pool,
        on_device=False,
        breakdown=dict(pool.breakdown_bytes),
        params=told["params"],
        target=str(told["target"]),
        dtype=str(told["dtype"]),
        data_ways=data_ways(text, arguments),
        text=text,
    )
