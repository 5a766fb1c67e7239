"""The curves of the page as small SVG files: the same bytes for the same data, readable on light and dark pages.

Each file carries the fingerprint of what it was drawn from, so that a check needs no plotting library.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.growth_page.thinning import thinned

MIB = 1024 * 1024
INK = "#7d8590"  # between light and dark: a contrast of 3.8 on white and of 5 on GitHub's dark
DIGITS = re.compile(r"(\d+\.\d\d)\d+")  # a hundredth of a point is enough
BEFORE = 0.25  # of the iterations: what is shown of the time before the first
DRAWN = 200  # points of a line
COLOURS = ("#2f81f7", "#e8590c", "#2da44e")
Data = Mapping[str, Any]


def fingerprint(title: str, lines: Mapping[str, Data]) -> str:
    """Of all that a picture is drawn from."""
    drawn = {name: [data["clock"], data["ends"], data["shares"]] for name, data in lines.items()}
    text = json.dumps([title, drawn], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def picture(title: str, lines: Mapping[str, Data]) -> str:
    """One SVG: for each program the level in MiB over its iterations, and its lowest and highest as a band."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    settings = {
        "svg.hashsalt": "memfit",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "path.simplify": True,
    }
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(7.2, 2.6), layout="constrained")
        for colour, (name, data) in zip(COLOURS, lines.items(), strict=False):
            begin = -BEFORE * data["clock"][-1][0]
            at, low, last, high = zip(*(row for row in data["clock"] if row[0] >= begin), strict=True)
            _draw(axes, name, thinned(at, low, last, high, points=DRAWN), colour)
        _finish(axes, title)
        stream = io.StringIO()
        said = {"Date": None, "Creator": "memfit benchmarks.growth_page", "Description": fingerprint(title, lines)}
        figure.savefig(stream, format="svg", transparent=True, metadata=said)
        pyplot.close(figure)
    short = DIGITS.sub(r"\1", stream.getvalue())
    return "\n".join(line.strip() for line in short.splitlines()) + "\n"


def _draw(axes: Any, name: str, rows: Sequence[Sequence[float]], colour: str) -> None:
    at, low, last, high = ([row[0] for row in rows], *([row[i] / MIB for row in rows] for i in (1, 2, 3)))
    axes.fill_between(at, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(at, last, color=colour, linewidth=1.2, label=name)


def _finish(axes: Any, title: str) -> None:
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel("iterations that have ended (before 0: imports, the model, the data)")
    axes.set_ylabel("MiB")
    axes.set_ylim(bottom=0)
    axes.grid(color=INK, alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", labelcolor=INK)
