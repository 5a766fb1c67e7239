"""One self-contained page of what is known about a job: an estimate, a recording, or both, with what was made of them.

- page: which sections there are, in what order
- predicted, measured, diagnosed, compared, weighed, advised, placed, requested: the sections of each kind of document
- curves: the charts' data; packing: makes them small
- parts: what a page is made of
- render: page → HTML, with a policy that lets nothing in from outside
- assets: template, styles, scripts, and the plotting library (uPlot)
"""

from memfit.reports.html.page import Content, page
from memfit.reports.html.render import render

__all__ = ["Content", "page", "render"]
