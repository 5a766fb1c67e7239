"""Page → HTML: one file that needs nothing else. The one home of Jinja2.

Trusts no text of the page: the template escapes all of it, the charts' data is JSON that cannot end its element, and
the policy in the head allows the file's own style and script, by their hashes, and no connection to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from memfit.reports.html.parts import Chart, Page

_STYLES = ("uplot/uPlot.min.css", "page.css")
_SCRIPTS = ("uplot/uPlot.iife.min.js", "data.js", "chart.js", "page.js")
# What could end the script element or be read as a line end by an old parser of JavaScript.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def render(page: Page) -> str:
    """The page as HTML text."""
    style = "\n".join(map(_asset, _STYLES))
    script = "\n".join(map(_asset, _SCRIPTS))
    template = _environment().get_template("page.html.j2")
    return template.render(page=page, policy=_policy(style, script), style=style, script=script, data=_data(page))


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=DictLoader({"page.html.j2": _asset("page.html.j2")}),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cells"] = _hundredths
    return environment


def _asset(name: str) -> str:
    return resources.files("memfit.reports.html").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _data(page: Page) -> str:
    charts: list[Chart] = [chart for section in page.sections for chart in section.charts]
    data: dict[str, Any] = {"charts": [asdict(chart) for chart in charts]}
    if page.timeline is not None:
        data["timeline"] = asdict(page.timeline)
    return json.dumps(data, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _hundredths(share: float) -> str:
    """A share as a length for SVG, of 100."""
    return f"{max(0.0, min(share, 1.0)) * 100:.2f}"
