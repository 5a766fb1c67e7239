"""The HTML page in a real browser: charts drawn, keys and mouse at work, hostile texts that run nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memfit import api, documents
from memfit.analysis import diagnose_series
from memfit.analysis.comparison import compare
from memfit.documents import Estimate
from memfit.reports.html import Content, page, render
from tests.browser.driver import Browser, missing
from tests.samples.recordings import bare, million, training, with_texts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"no browser to test in: {missing()}"),
]

GOLDEN = Path(__file__).parents[1] / "golden" / "documents"
RIGHT, SHIFT, HOME, END = "\ue014", "\ue008", "\ue011", "\ue010"
HOSTILE = (
    """</script><script>window.ran=1</script><img src=x onerror="window.ran=1">"'&<!-- <svg onload=window.ran=1>"""
)
INK = """
return [...document.querySelectorAll('.uplot canvas')].map((canvas) => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
  let drawn = 0;
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3]) {
    drawn++; seen.add((pixels[i] >> 4) * 256 + (pixels[i + 1] >> 4) * 16 + (pixels[i + 2] >> 4)); }
  return [drawn, seen.size];
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as window:
        yield window


def everything() -> Content:
    estimate = documents.load(GOLDEN / "tight.json", Estimate)
    series = diagnose_series([10**9 + 3 * 10**6 * step for step in range(200)], limit_bytes=4 * 10**9, name="resident")
    return Content(estimate=estimate, recording=training(), comparison=compare(estimate, training()), diagnosis=series)


def shown(browser: Browser, content: Content, folder: Path) -> Browser:
    """The window with the page of that content, its console read empty before."""
    file = folder / "report.html"
    file.write_text(render(page(content)), encoding="utf-8")
    browser.complaints()
    browser.open(file)
    latest = time.monotonic() + 30
    while browser.ask("return document.documentElement.dataset.complete") is None and time.monotonic() < latest:
        time.sleep(0.05)
    return browser


def readout(browser: Browser, number: int = 0) -> str:
    return str(browser.ask("return document.querySelectorAll('.readout')[arguments[0]].textContent", number))


def focus(browser: Browser, number: int = 0) -> None:
    browser.ask("document.querySelectorAll('.plot')[arguments[0]].focus()", number)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_nothing_complains(scheme: str, browser: Browser, tmp_path: Path) -> None:
    """No error, nothing stopped by the policy, nothing loaded, and curves in several colours on every canvas."""
    browser.prefer(scheme)
    shown(browser, everything(), tmp_path)

    ink: Any = browser.ask(INK)
    browser.prefer("light")

    assert browser.complaints() == []
    assert browser.asked_for() == []
    assert len(ink) == 6
    assert all(drawn > 2000 and colours > 8 for drawn, colours in ink), ink


@pytest.mark.parametrize(
    "content",
    [Content(recording=bare()), Content(estimate=documents.load(GOLDEN / "empty.json", Estimate))],
    ids=["nothing recorded", "nothing predicted"],
)
def test_page_with_nothing_on_it_is_still_a_page(content: Content, browser: Browser, tmp_path: Path) -> None:
    """No charts, no errors."""
    shown(browser, content, tmp_path)

    assert browser.complaints() == []
    assert browser.ask("return document.documentElement.dataset.complete") is not None


def test_weighing_of_data_is_drawn_and_complains_of_nothing(browser: Browser, tmp_path: Path) -> None:
    """Its code keeps its lines, and no table is wider than the page."""
    path = tmp_path / "sales.csv"
    path.write_text("order,city\n" + "".join(f"{at},{'Oslo' if at % 2 else 'Rome'}\n" for at in range(400_000)))

    shown(browser, Content(data=api.data(path)), tmp_path)

    assert browser.complaints() == []
    assert browser.ask("return getComputedStyle(document.querySelector('td code')).whiteSpace").startswith("pre")
    assert browser.ask("return document.documentElement.scrollWidth <= window.innerWidth")


def test_hostile_texts_run_nothing(browser: Browser, tmp_path: Path) -> None:
    """Markup in every text of every document is read as text."""
    given = everything()
    hostile = Content(**{
        name: with_texts(getattr(given, name), lambda text: text + HOSTILE)
        for name in ("estimate", "recording", "comparison", "diagnosis")
    })  # fmt: skip

    shown(browser, hostile, tmp_path)
    focus(browser)
    browser.press(RIGHT, RIGHT)

    assert browser.ask("return window.ran === undefined")
    assert browser.ask("return document.querySelectorAll('img, svg[onload]').length") == 0
    assert HOSTILE in browser.ask("return document.querySelector('h1 code').textContent")
    assert browser.complaints() == []
    assert browser.asked_for() == []


def test_keys_move_the_cursor_zoom_and_go_back(browser: Browser, tmp_path: Path) -> None:
    """Home and End name the ends of what is seen; plus narrows it, 0 shows all again."""
    shown(browser, everything(), tmp_path)
    focus(browser)

    browser.press(END)
    whole = readout(browser)
    browser.press(HOME, RIGHT, "+", "+", END)
    near = readout(browser)
    browser.press("0", END)

    assert whole.startswith("at 5:00")
    assert near.startswith("at 1:17.3")
    assert readout(browser).startswith("at 5:00")


def test_readout_names_figures_step_and_phase(browser: Browser, tmp_path: Path) -> None:
    """What the eye sees at the cursor is said in words."""
    shown(browser, everything(), tmp_path)
    focus(browser)

    browser.press(HOME, RIGHT)

    assert re.search(r"used 7\.4\d GiB", readout(browser))
    assert "phase setup" in readout(browser)
    browser.press(*[RIGHT] * 60)
    assert re.search(r"step \d+", readout(browser))


def test_drag_zooms_all_charts_over_time(browser: Browser, tmp_path: Path) -> None:
    """One selection with the mouse: the other charts over time show the same."""
    shown(browser, everything(), tmp_path)

    browser.drag("#pool-0 .u-over", 0.25, 0.5)
    focus(browser, 1)
    browser.press(HOME)
    start = readout(browser, 1)
    browser.press(END)

    assert re.match(r"at 1:1[45]", start)
    assert re.match(r"at 2:(29|30|31)", readout(browser, 1))


def span(browser: Browser) -> tuple[str, str]:
    """The ends of what the first chart shows."""
    focus(browser)
    browser.press(HOME)
    start = readout(browser).split(" · ")[0]
    browser.press(END)
    return start, readout(browser).split(" · ")[0]


def test_fingers_read_zoom_and_move(browser: Browser, tmp_path: Path) -> None:
    """A tap reads the figures, two fingers zoom, one moves along."""
    shown(browser, everything(), tmp_path)
    seen = "#pool-0 .u-over"

    browser.touch(seen, (0.5, 0.5))
    read = readout(browser)
    browser.touch(seen, (0.45, 0.25), (0.55, 0.75))
    near = span(browser)
    browser.touch(seen, (0.8, 0.3))
    moved = span(browser)

    assert re.match(r"at 2:(29|30)", read)
    assert near[0] > "at 1:30"
    assert near[1] < "at 3:31"
    assert moved[0] > near[0]
    assert moved[1] > near[1]


def test_curve_is_hidden_by_its_box(browser: Browser, tmp_path: Path) -> None:
    """The legend's boxes take curves away and bring them back."""
    shown(browser, everything(), tmp_path)
    before: Any = browser.ask(INK)

    browser.ask("document.querySelector('#pool-0 tr[data-line] input').click()")
    after: Any = browser.ask(INK)

    assert after[0] != before[0]
    assert after[1] == before[1]


def test_switch_turns_the_page_dark(browser: Browser, tmp_path: Path) -> None:
    """The button overrides what the system prefers, for text and charts."""
    shown(browser, everything(), tmp_path)
    paper = "return getComputedStyle(document.body).backgroundColor"
    before, ink = browser.ask(paper), browser.ask(INK)

    browser.ask("document.getElementById('theme').click()")

    assert (before, browser.ask(paper)) == ("rgb(255, 255, 255)", "rgb(18, 23, 29)")
    assert browser.ask(INK) != ink


def test_phone_needs_no_sideways_scrolling(browser: Browser, tmp_path: Path) -> None:
    """At the width of a phone nothing sticks out, the charts neither."""
    browser.resize(375, 800)
    given = everything()
    long = with_texts(given.recording, lambda text: text + "_and_a_name_without_any_blank_that_never_ends" * 3)
    try:
        shown(browser, Content(estimate=given.estimate, recording=long), tmp_path)
        width = browser.ask("return document.documentElement.scrollWidth")
        charts = browser.ask("return Math.max(...[...document.querySelectorAll('.uplot')].map((c) => c.offsetWidth))")
    finally:
        browser.resize(1200, 900)

    assert width <= 375
    assert charts <= 375


def test_recording_of_a_million_samples_opens_at_once(browser: Browser, tmp_path: Path) -> None:
    """Under three megabytes, drawn within two seconds, and zooming in takes no time that one would notice."""
    shown(browser, Content(recording=million()), tmp_path)
    focus(browser)

    zoom = browser.ask("""
const key = (name) => document.querySelector('.plot').dispatchEvent(new KeyboardEvent('keydown', {key: name}));
key('End'); const start = performance.now(); for (let i = 0; i < 10; i++) key('+'); return performance.now() - start""")

    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    assert int(browser.ask("return document.documentElement.dataset.ready")) < 2000
    assert zoom < 3000
    assert browser.complaints() == []


def test_page_can_be_printed(browser: Browser, tmp_path: Path) -> None:
    """A PDF of several pages comes out, and the window looks as before afterwards."""
    shown(browser, everything(), tmp_path)

    browser.paper(tmp_path / "report.pdf")

    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert browser.ask("return document.documentElement.dataset.theme === undefined")


def test_tables_and_charts_are_named_for_who_cannot_see(browser: Browser, tmp_path: Path) -> None:
    """Every table has a caption, every chart a label, every button a name, headings skip no level."""
    shown(browser, everything(), tmp_path)

    nameless = browser.ask("""
const out = [];
document.querySelectorAll('table').forEach((t) => { if (!t.caption || !t.caption.textContent) out.push('table'); });
document.querySelectorAll('.plot').forEach((p) => { if (!p.getAttribute('aria-label')) out.push('plot'); });
document.querySelectorAll('button').forEach((b) => {
  if (!(b.getAttribute('aria-label') || b.textContent)) out.push('button'); });
document.querySelectorAll('svg').forEach((s) => {
  if (!s.getAttribute('aria-label') && !s.getAttribute('aria-hidden')) out.push('svg'); });
let last = 1;
document.querySelectorAll('h1, h2, h3, h4').forEach((h) => {
  const n = +h.tagName[1]; if (n > last + 1) out.push(h.textContent); last = n; });
return out""")

    assert nameless == []
