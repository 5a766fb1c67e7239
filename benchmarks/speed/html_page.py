"""The HTML report of a recording with many samples: seconds to make, size, seconds until a real browser has drawn it.

    python -m benchmarks.speed.html_page [--samples 1000000] [--show]

Needs chromium and chromedriver. Keeps what it measured in data/html_page.json unless told only to show it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.browser.driver import Browser, missing
from tests.samples.recordings import million

from benchmarks.speed.clock import keep
from memfit.reports.html import Content, page, render

LOADS = 7
ZOOM = """
const plot = document.querySelector('.plot');
const key = (name) => plot.dispatchEvent(new KeyboardEvent('keydown', {key: name}));
key('End');
const took = [];
for (let i = 0; i < 12; i++) {
  const start = performance.now();
  key(i < 6 ? '+' : '-');
  took.push(performance.now() - start);
}
return Math.max(...took)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--show", action="store_true", help="keep nothing")
    arguments = parser.parse_args()
    if missing():
        raise SystemExit(missing())
    measured = measure(arguments.samples)
    print(measured)
    if not arguments.show:
        keep("html_page", measured)


def measure(samples: int) -> dict[str, object]:
    """Make the page once, load it several times, each in a browser that has not seen it."""
    recording = million(samples)
    start = time.perf_counter()
    text = render(page(Content(recording=recording)))
    made_s = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        loads = [load(file) for _ in range(LOADS)]
        with Browser() as browser:
            version = browser.version
    return {
        "chromium": version,
        "samples": samples,
        "series": len(recording.series),
        "readings": sum(len(series.seconds) for series in recording.series),
        "page_bytes": len(text.encode()),
        "make_seconds": round(made_s, 2),
        "drawn_ms_median": statistics.median(drawn for drawn, _ in loads),
        "drawn_ms": [drawn for drawn, _ in loads],
        "slowest_zoom_ms_median": statistics.median(zoom for _, zoom in loads),
    }


def load(file: Path) -> tuple[int, float]:
    """Milliseconds from the start of the navigation until all charts are drawn, and of the slowest step of a zoom."""
    with Browser() as browser:
        browser.open(file)
        while (drawn := browser.ask("return document.documentElement.dataset.complete")) is None:
            time.sleep(0.05)
        return int(drawn), round(float(browser.ask(ZOOM)), 1)


if __name__ == "__main__":
    main()
