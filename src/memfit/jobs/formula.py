"""An estimator and the shape of its data → the estimate document, by a formula: only its import is measured."""

from __future__ import annotations

import importlib
import time
from typing import Any

from memfit.documents import Assumption, Component, Estimate
from memfit.errors import UsageError
from memfit.jobs.tabular import TabularRequest, document_of, held_parts, item_bytes, one_array, parameters_of
from memfit.probing.baseline import FRAMEWORKS, measure
from memfit.probing.closed_forms import FitShape, Parts
from memfit.quantities import Basis, ByteRange, Category
from memfit.registry import CLOSED_FORMS

_PACKAGES = {module.partition(".")[0]: package for package, module in FRAMEWORKS.items()}


def estimate_by_formula(request: TabularRequest) -> Estimate:
    """The estimate of a fit without a probe.

    Raises:
        UsageError: there is no formula for the class with these parameters.
    """
    began = time.monotonic()
    top, name = request.name.partition(".")[0], request.name.rpartition(".")[2]
    module: Any = importlib.import_module(CLOSED_FORMS[top]) if top in CLOSED_FORMS else None
    shape = FitShape(
        rows=request.rows,
        columns=request.columns,
        item_bytes=item_bytes(request.dtype),
        classes=request.classes,
        params={**parameters_of(request.given), **request.params},
    )
    found = module.closed_form(name, shape) if module is not None else None
    if found is None or request.predict:
        known = ", ".join(sorted(module.FORMS)) if module is not None else "some of scikit-learn"
        what = f"predicting with {request.name}" if request.predict else request.name
        raise UsageError(
            f"there is no formula for {what} with these parameters",
            hint=f"without --no-probe it is probed; formulas: {known}",
            slug="no-formula",
        )
    base = measure(_PACKAGES[top], **({"python": request.python} if request.python else {}))
    parts = [*held_parts(request, base.import_bytes), *_parts(found, module.FORMS[name].__doc__ or "")]
    told = (
        Assumption(
            slug="by-formula",
            text=f"nothing was fitted: a formula of rows and columns, read from the arrays that {name} allocates and "
            "held against measured fits (docs/tabular-accuracy.md); real values change what trees and support vectors "
            "take",
        ),
        one_array(request),
    )
    cost = {"seconds": round(time.monotonic() - began, 2), "process_peak_bytes": base.import_bytes}
    return document_of(request, parts, told, cost)


def _parts(found: Parts, source: str) -> list[Component]:
    source = " ".join(source.split())
    return [
        Component(
            category=category,
            range=ByteRange.around(size, round(size * found.spread_share)),
            basis=Basis.COMPUTED,
            source=source,
        )
        for category, size in (
            (Category.PARAMETERS, found.model_bytes),
            (Category.TEMPORARIES, found.meanwhile_bytes),
        )
    ]
