"""The HTML page without a browser: its sections, what it escapes, and that it needs nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from array import array
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.samples.recordings import bare, million, training, with_texts

from memfit import api, documents
from memfit.analysis import diagnose_series
from memfit.analysis.comparison import compare
from memfit.documents import Data, Diagnosis, Estimate, Placements
from memfit.documents.data import Room
from memfit.machines import KEPT_SHARE
from memfit.quantities import format_bytes
from memfit.reports import showing
from memfit.reports.html import Content, page, render

GOLDEN = Path(__file__).parents[2] / "golden" / "documents"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&<!--\u2028{{7*7}}"


def estimate(name: str = "tight") -> Estimate:
    return documents.load(GOLDEN / f"{name}.json", Estimate)


def everything() -> Content:
    compared = compare(estimate(), training())
    return Content(estimate=estimate(), recording=training(), comparison=compared, diagnosis=leak())


def leak() -> Diagnosis:
    """A diagnosis of a series that grows by 3 MB a step, with a limit ahead."""
    return diagnose_series([10**9 + 3 * 10**6 * step for step in range(200)], limit_bytes=4 * 10**9, name="resident")


def weighed(folder: Path, *, room_bytes: int | None = 30 << 20) -> Data:
    """A table whose peak does not fit, and a file that is not there."""
    path = folder / "sales.csv"
    rows = (f"{at},{'Oslo' if at % 2 else 'Rome'},{at / 7:.3f},{'a remark that is long' if at % 3 else ''}"
            for at in range(100_000))  # fmt: skip
    path.write_text("order,city,price,remark\n" + "\n".join(rows) + "\n")
    found = api.data(path, folder / "none.csv")
    if room_bytes is None:
        return replace(found, room=None)
    room = Room(bound_by="container limit", limit_bytes=room_bytes, others_bytes=10 << 20, swap_free_bytes=1 << 30)
    return replace(found, room=room)


class Elements(HTMLParser):
    """The tags and attributes of a page, and the text of its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._inside, []).append(data)


def test_sections_of_a_recording_stand_in_the_agreed_order() -> None:
    """Peaks, curves, who held the peak, then what was made of it, then the rest."""
    names = [section.name for section in page(everything()).sections]

    assert names[:5] == ["peaks", "curves", "peak", "diagnosis", "comparison"]
    assert names[5:9] == ["iterations", "phases", "processes", "events"]
    assert names[-2:] == ["recorded-on", "predicted-for"]


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_every_kind_of_estimate_has_its_page(name: str) -> None:
    """Without pools, without a capacity, hostile: each gives a page with the verdict on it."""
    text = render(page(Content(estimate=estimate(name))))

    assert f">{estimate(name).verdict.value.replace('_', ' ')}</span>" in text


def test_predicted_range_lies_behind_the_measured_curve() -> None:
    """The chart of a pool that both know carries the range."""
    charts = {chart.title: chart for section in page(everything()).sections for chart in section.charts}

    predicted = [level for level in charts["cuda:0"].levels if level.kind == "predicted"]
    assert [(level.low, level.high) for level in predicted] == [
        (estimate().pools[0].peak_bytes.low, estimate().pools[0].peak_bytes.high)
    ]


def test_diagnosis_alone_is_a_page_with_its_curve() -> None:
    """A series that came from a file: verdict, evidence, rate, date, advice, and the series drawn."""
    made = page(Content(diagnosis=leak()))

    (section,) = made.sections
    assert made.badges == (("leak", "bad"),)
    assert dict(section.findings[0].facts)["per iteration"].startswith("+2.86 MiB")
    assert section.findings[0].advice
    assert [chart.name for chart in section.charts] == ["diagnosed-0"]


def test_weighing_of_data_is_a_page_with_verdicts_and_code(tmp_path: Path) -> None:
    """Peaks against what the machine has, every way to read, the code of lighter ways, and what was not read."""
    made = page(Content(data=weighed(tmp_path)))

    names = [section.name for section in made.sections]
    assert names == ["peaks", "table-0", "not-read", "weighed-for"]
    assert made.badges == (("reading it does not fit", "bad"),)
    (tile,) = made.sections[0].tiles
    assert (tile.tone, tile.details[0]) == ("bad", "does not fit")
    tables = {table.title: table for table in made.sections[1].tables}
    assert set(tables) == {"Peak while reading", "Lighter ways", "Held in memory", "Preprocessing", "Columns"}
    code = [cell.text for row in tables["Lighter ways"].rows for cell in row if cell.code]
    assert all(typed.startswith("import ") and "\n" in typed for typed in code)
    assert 'dtype={"order": "int32", "city": "category"' in code[0]
    assert "container limit of 30 MiB, others hold 10 MiB: 20 MiB to spare" in dict(made.sections[-1].facts)["machine"]
    text = render(made)
    assert "none.csv" in text
    assert len(text) < 400_000


def test_weighing_without_a_machine_has_no_verdict(tmp_path: Path) -> None:
    """An older document knows no machine: there are figures, and neither badge nor meter."""
    made = page(Content(data=weighed(tmp_path, room_bytes=None)))

    assert made.badges == ()
    assert made.sections[0].tiles[0].meter == ""
    assert Elements(render(made)).tags


def test_private_page_of_data_names_no_folder(tmp_path: Path) -> None:
    """File and column names stay; the path is cut to the file's name, in the code as well."""
    (document,) = showing.prepared([weighed(tmp_path)], private=True)

    text = render(page(Content(data=document), private=True))

    assert str(tmp_path) not in text
    assert str(tmp_path.parent) not in text
    assert "sales.csv" in text


def held(name: str = "fits", *only: str) -> Placements:
    """A job on the catalogue's machines, or on those asked for."""
    found = estimate(name)
    return Placements(
        target=found.target, rows=api.placed(found, only=only), kept_share=KEPT_SHARE, all_of_them=bool(only)
    )


def test_machines_that_hold_a_job_are_a_page_with_meters_and_all_of_them() -> None:
    """The smallest with RAM and device beside what they have, then every machine with how full it gets."""
    placements = held()
    made = page(Content(placements=placements))

    smallest, everything = made.sections
    best = placements.fitting[0]
    assert made.badges == ((f"fits on {len(placements.fitting)} machines", "good"),)
    assert best.machine in made.headline[0] and made.title == "train_gpt.py --batch_size=12"
    assert [tile.label for tile in smallest.tiles[:2]] == [f"{best.machine}: RAM", f"{best.machine}: {best.device}"]
    assert smallest.tiles[0].value == format_bytes(best.host_bytes.high)
    assert [row[0].text for row in everything.tables[0].rows] == [row.machine for row in placements.rows]
    assert any(row[2].tone == "bad" for row in everything.tables[0].rows)


def test_what_fits_nowhere_names_the_nearest_machine_on_its_page() -> None:
    """One table: all that were asked for are in it."""
    made = page(Content(placements=held("does-not-fit", "g5.xlarge")))

    (section,) = made.sections
    assert made.badges == (("fits nowhere", "bad"),)
    assert "g5.xlarge comes nearest" in made.headline[0]
    assert [row[2].tone for row in section.tables[0].rows] == ["bad"]


def test_a_request_is_a_page_with_its_lines_sizes_and_reasons() -> None:
    """What is to be pasted stands on the page as it is printed."""
    asked = api.requested(estimate("fits"), "kubernetes")
    made = page(Content(request=asked))

    (section,) = made.sections
    text = render(made)
    assert section.tables[0].rows[0][0].text == "\n".join(asked.lines)
    assert section.tiles[0].value == format_bytes(asked.host_bytes)
    assert len(section.notes) == len(asked.reasons) and "Kubernetes" in made.headline[0]
    assert "nvidia.com/gpu: 1\n  limits:" in text


def test_hostile_names_of_machines_and_jobs_become_no_elements() -> None:
    """Also where they come from the user's own catalogue, or from a saved document."""

    def turn(text: str) -> str:
        return text + HOSTILE

    placements = with_texts(held(), turn)
    request = with_texts(api.requested(estimate("fits"), "slurm"), turn)
    kept = {tag for tag, _ in Elements(render(page(Content(placements=held(), request=request)))).tags}

    found = Elements(render(page(Content(placements=placements, request=request))))

    assert {tag for tag, _ in found.tags} <= kept and "img" not in kept
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def test_charts_name_their_peak_and_limits() -> None:
    """The highest point, and a line for every limit less what others held."""
    charts = {
        chart.title: chart for section in page(Content(recording=training())).sections for chart in section.charts
    }

    host = charts["host"]
    assert host.peak is not None and host.peak[1] == training().peak_bytes("host")
    assert host.levels[0].label == "container limit 5.00 GiB"


@pytest.mark.parametrize("content", [Content(recording=bare()), everything()], ids=["bare", "everything"])
def test_hostile_texts_become_no_elements(content: Content, tmp_path: Path) -> None:
    """Names that would end the script or open an image are text, in every field of every document."""
    content = replace(content, data=weighed(tmp_path))
    kept = render(page(content))
    turned = Content(**{name: with_texts(getattr(content, name), lambda text: text + HOSTILE) for name in
                        ("estimate", "recording", "comparison", "diagnosis", "data")})  # fmt: skip

    found = Elements(render(page(turned)))

    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in Elements(kept).tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    data = next(text for text in found.texts["script"] if text.startswith("{"))
    assert not set("<>&\u2028") & set(data)
    assert json.loads(data)["charts"] is not None


def test_page_allows_its_own_style_and_script_alone() -> None:
    """The policy carries the hash of what is there, and nothing that would let anything else in."""
    text = render(page(everything()))
    found = Elements(text)
    (policy,) = [
        a["content"] for tag, a in found.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]

    assert policy is not None
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert [hashed(part) in policy for part in (*script, *style)] == [True, True]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_page_points_to_nothing_outside() -> None:
    """No address of another file or host in any element, no style attribute that the policy would stop."""
    found = Elements(render(page(everything())))

    for tag, attributes in found.tags:
        assert "style" not in attributes
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)


def test_million_samples_make_a_page_of_less_than_three_megabytes() -> None:
    """The page grows with what a screen can show, not with the recording."""
    text = render(page(Content(recording=million(200_000))))

    assert len(text.encode()) < 3_000_000


def test_peak_of_a_thinned_series_is_on_the_page() -> None:
    """However many samples: the figure of the peak is the recording's own."""
    recording = million(50_000)

    chart = next(c for s in page(Content(recording=recording)).sections for c in s.charts if c.title == "host")

    assert chart.peak is not None
    assert chart.peak[1] == recording.peak_bytes("host")


def test_times_that_are_no_numbers_do_no_harm() -> None:
    """A clock that told NaN or infinity costs its points, not the page."""
    recording = training()
    odd = [float("nan"), float("inf")]
    series = tuple(replace(one, seconds=array("d", [*odd, *one.seconds[2:]])) for one in recording.series)
    phases = tuple(replace(span, start_s=float("nan")) for span in recording.phases[:3]) + recording.phases[3:]
    iterations = tuple(replace(rows, seconds=array("d", [*odd, *rows.seconds[2:]])) for rows in recording.iterations)
    ending = replace(recording.ending, at_s=float("inf"))

    text = render(page(Content(recording=replace(
        recording, series=series, phases=phases, iterations=iterations, ending=ending))))  # fmt: skip

    assert "NaN" not in text.rpartition('id="data">')[2].partition("</script>")[0]


def test_job_on_many_devices_stays_readable() -> None:
    """Hundred devices: some are drawn and the page says so; the rest is in a table."""
    recording = training()
    device = [one for one in recording.series if one.pool == "cuda:0"]
    many = tuple(replace(one, pool=f"cuda:{number}") for number in range(100) for one in device)

    made = page(Content(recording=replace(recording, series=many)))

    curves, peak = made.sections[1], made.sections[2]
    assert len(curves.charts) <= 40
    assert curves.lead == "The first 32 are drawn; 68 more are in the tables."
    assert len(peak.tables) < 12
    assert len(render(made).encode()) < 3_000_000


def test_notices_of_the_plotting_library_travel_with_it() -> None:
    """Its licence lies beside it, and its own line with name and version is in every page."""
    folder = Path(documents.__file__).parents[1] / "reports" / "html" / "assets" / "uplot"

    assert "MIT License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "uPlot (v1.6.32)" in render(page(Content(estimate=estimate())))
