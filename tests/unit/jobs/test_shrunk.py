"""Scripts run on a part of their data: what they come to with all of it, what was cut, and when it is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.environments import TABULAR

from memfit import api
from memfit.cli.main import parse
from memfit.datasets.counting import counted
from memfit.documents import Estimate
from memfit.errors import MemfitError, UsageError
from memfit.jobs.shrunk import Ahead, FitThere
from memfit.quantities import MIB

linux = pytest.mark.skipif(sys.platform != "linux", reason="probes are read from /proc")
needs_tabular = pytest.mark.skipif(not TABULAR.exists(), reason="no .venv-tabular: `make tabular`")
ROWS = 600_000

SCRIPT = """
import numpy as np
from sklearn.linear_model import LinearRegression
table, target = np.load("x.npy"), np.load("y.npy")
table = np.hstack([table, table ** 2])
LinearRegression().fit(table, target)
"""


def ahead(share: float = 0.1) -> Ahead:
    return Ahead(share=share, fits=(FitThere("f", 5, 0, 0),), marks=(100,), cuts=("t",), whole={}, unsure_share=0.0)


def test_what_grows_is_carried_on_and_what_does_not_is_not() -> None:
    """A line through a twentieth and a tenth; a sample of fixed size stays as it is."""
    for whole, fixed in ((1_000, 0), (1_000, 300), (0, 300)):
        now, before = fixed + whole / 10, fixed + whole / 20

        assert ahead().carried(now, before) == fixed + whole


def test_marks_that_the_run_ahead_had_not_grow_in_proportion() -> None:
    """The careful reading."""
    assert ahead().mark(0, 150).size_bytes == 1_050
    assert ahead().mark(1, 150).size_bytes == 1_500


def test_what_grows_faster_than_the_rows_is_carried_on_by_its_power() -> None:
    """A square through a fortieth, a twentieth and a tenth, with what does not grow beside it; lines stay lines."""
    square, line = ([50 * MIB + round(4_000 * MIB * part**power) for part in (0.025, 0.05, 0.1)] for power in (2, 1))
    for figures, whole, power in ((square, 4_050 * MIB, 2), (line, 4_050 * MIB, 1)):
        known = replace(ahead(), marks=(figures[1],), marks_before=(figures[0],))

        found = known.mark(0, figures[2])

        assert found.size_bytes == pytest.approx(whole, rel=0.01)
        assert found.power == pytest.approx(power, abs=0.01)
    assert replace(ahead(), marks=(square[1],)).mark(0, square[2]).size_bytes < 1_000 * MIB


def test_rows_that_a_join_multiplies_are_carried_on_by_their_power() -> None:
    """What a fit will have of rows decides how far it is probed; what is unsure of it widens."""
    fits = [FitThere("f", rows, rows * 800, rows * 800) for rows in (62_500, 250_000, 1_000_000)]
    known = replace(ahead(), fits=(fits[1],), fits_before=(fits[0],))

    found, power = known.whole_of(0, fits[2])

    assert (found.rows, power) == (100_000_000, 2.0)
    assert known.unsure_bytes(1 << 30, power) > known.unsure_bytes(1 << 30)


def test_the_high_end_widens_with_the_distance() -> None:
    """The smaller the share, the less sure; more rows than were counted come on top."""
    shares = [ahead(share).unsure_bytes(1 << 30) for share in (0.5, 0.1, 0.02)]

    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("words", "share", "command"),
    [
        (["--shrink", "0.05", "train.py", "--shrink", "x"], 0.05, ["train.py", "--shrink", "x"]),
        (["--shrink", "train.py", "-n", "3"], 0.0, ["train.py", "-n", "3"]),
        (["--on", "cpu", "--shrink", "--steps", "2", "train.py"], 0.0, ["train.py"]),
        (["--shrink=5%", "train.py"], 0.05, ["train.py"]),
        (["train.py", "--shrink"], None, ["train.py", "--shrink"]),
    ],
)
def test_shrink_may_stand_bare(words: list[str], share: float | None, command: list[str]) -> None:
    """Before the script, before another option; behind the script it is the script's own."""
    arguments = parse(["estimate", *words])

    assert (arguments.shrink, arguments.command) == (share, command)


@pytest.mark.parametrize("word", ["0", "1.5", "-0.1"])
def test_what_is_no_share_is_wrong_usage(word: str) -> None:
    """The message says what is one."""
    with pytest.raises(UsageError, match="share"):
        parse(["estimate", f"--shrink={word}", "train.py"])


def test_rows_of_a_text_file_are_counted(tmp_path: Path) -> None:
    """In a process of its own, as the script's must not grow by it."""
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 5_000)

    assert counted(str(tmp_path / "t.csv"))["rows"] == (5_000, 5_000, 5_000)
    assert "problem" in counted(str(tmp_path / "none.csv"))


def test_what_reads_no_tables_is_not_shrunk(tmp_path: Path) -> None:
    """A script that is simulated, an estimator by its class."""
    script = tmp_path / "train.py"
    script.write_text("import torch\n")

    with pytest.raises(UsageError, match="cannot be shrunk"):
        api.estimate(script, shrink=0.1)
    with pytest.raises(UsageError, match="only a script's data"):
        api.estimate("sklearn.svm.SVC", rows=100, columns=2, shrink=0.1)


def estimated(folder: Path, text: str, shrink: float | None) -> Estimate:
    script = folder / "train.py"
    script.write_text(text)
    return api.estimate(script, python=str(TABULAR), shrink=shrink, probe_budget_s=30, timeout_s=200)


@linux
@needs_tabular
@pytest.mark.slow
def test_script_on_a_part_of_its_arrays_comes_to_what_it_really_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same script run in earnest; rows and data are told at their full size, and what was cut."""
    monkeypatch.chdir(tmp_path)
    dice = np.random.default_rng(0)
    np.save("x.npy", dice.standard_normal((ROWS, 12)))
    np.save("y.npy", dice.standard_normal(ROWS))
    told = "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))\n"
    real = subprocess.run([str(TABULAR), "-c", SCRIPT + told], capture_output=True, text=True, check=True)
    real_bytes = int(real.stdout) * 1024

    estimate = estimated(tmp_path, SCRIPT, 0.1)

    pool = estimate.pool("host")
    texts = {item.slug: item.text for item in estimate.assumptions}
    assert "60,000 of 600,000 rows of x.npy (numpy.load, by memory map)" in texts["shrunk-data"]
    assert re.search(r"LinearRegression.fit \(600,000 × 24\)", texts["fit-not-made"])
    assert pool.peak_bytes.expected == pytest.approx(real_bytes, rel=0.15)
    assert pool.peak_bytes.high >= real_bytes
    assert estimate.cost["process_peak_bytes"] < real_bytes + 100 * MIB


@linux
@needs_tabular
@pytest.mark.slow
def test_script_whose_data_cannot_be_cut_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it reads is named with the reason, and the readers that can be cut."""
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=np.zeros((100, 3)))
    text = (
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\n"
        "x = np.load('x.npz')['x']\nLinearRegression().fit(x, x[:, 0])\n"
    )

    with pytest.raises(MemfitError, match=r"could be cut \(x.npz: only .npy files can be cut\)") as caught:
        estimated(tmp_path, text, 0.1)

    assert caught.value.slug == "nothing-to-shrink"
    assert "pandas.read_csv" in caught.value.hint
