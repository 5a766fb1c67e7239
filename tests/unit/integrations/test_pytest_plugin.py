"""The pytest marker: a test that takes too much or grows fails with a figure, every other test is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Run tests of the given text in a process of their own, with this plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))

    def run_tests(text: str, *words: str) -> pytest.RunResult:
        pytester.makepyfile(text)
        return pytester.runpytest_subprocess("-p", "memfit.integrations.pytest_plugin", *words)

    return run_tests


def test_peak_over_its_budget_fails_with_the_figures(run) -> None:  # type: ignore[no-untyped-def]
    """64 MiB against a budget of 32: the message has both, and what is over."""
    result = run(
        """
        import pytest

        @pytest.mark.memfit(peak="32MiB")
        def test_large():
            bytearray(b"x") * (64 << 20)

        @pytest.mark.memfit(peak="96MiB")
        def test_small_enough():
            bytearray(b"x") * (64 << 20)
        """
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r".*took 6\d MiB above its start, the budget is 32 MiB: 3\d MiB over.*"])


def test_order_of_tests_does_not_move_the_peak(run) -> None:  # type: ignore[no-untyped-def]
    """What the test before freed is not there to be used for nothing: many small blocks that malloc would keep."""
    result = run(
        """
        import pytest

        def allocate():
            return [bytes(1000) for _ in range(60_000)]

        def test_before():
            allocate()

        @pytest.mark.memfit(peak="20MiB")
        def test_measured():
            allocate()
        """
    )

    result.assert_outcomes(passed=1, failed=1)


def test_growth_over_its_budget_fails_with_the_rate(run) -> None:  # type: ignore[no-untyped-def]
    """64 KiB a step: over a budget of 1 KiB, within one of 1 MiB."""
    result = run(
        """
        import pytest

        kept = []

        @pytest.mark.memfit(growth="1KiB")
        def test_leaks(memfit_steps):
            for _ in memfit_steps(150):
                kept.append(bytearray(b"x") * (64 << 10))

        @pytest.mark.memfit(growth="1MiB")
        def test_leaks_less_than_allowed(memfit_steps):
            for _ in memfit_steps(150):
                kept.append(bytearray(b"x") * (64 << 10))
        """
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r".*memory grows by 6\d KiB per iteration, the budget is 1 KiB.*"])


def test_a_level_loop_passes(run) -> None:  # type: ignore[no-untyped-def]
    """Steps that give back what they take, and a cache that fills at first."""
    result = run(
        """
        import pytest

        @pytest.mark.memfit(growth="1KiB")
        def test_level(memfit_steps):
            cache = {}
            for step in memfit_steps(200):
                cache[step % 16] = bytearray(b"x") * (256 << 10)
                bytearray(b"x") * (1 << 20)
        """
    )

    result.assert_outcomes(passed=1)


def test_a_few_steps_are_no_verdict(run) -> None:  # type: ignore[no-untyped-def]
    """Five iterations can prove nothing: a warning, no failure."""
    result = run(
        """
        import pytest

        @pytest.mark.memfit(growth="1KiB")
        def test_short(memfit_steps):
            for _ in memfit_steps(5):
                pass
        """
    )

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*cannot be told from 5 iterations*"])


def test_the_fixture_alone_fails_for_a_leak(run) -> None:  # type: ignore[no-untyped-def]
    """Without a marker there is no budget, and a leak is a leak."""
    result = run(
        """
        kept = []

        def test_leaks(memfit_steps):
            for _ in memfit_steps(150):
                kept.append(bytearray(b"x") * (64 << 10))
        """
    )

    result.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('memfit("500MiB")', "takes peak=, growth= and device="),
        ('memfit(peek="500MiB")', "peek"),
        ('memfit(peak="much")', "no memory size"),
        ('memfit(growth="1KiB")', "needs the fixture"),
        ('memfit(peak="1GiB", device="cuda:0")', "no CUDA device"),
    ],
)
def test_a_marker_that_measures_nothing_fails(run, marker: str, said: str) -> None:  # type: ignore[no-untyped-def]
    """A slip in the marker, or a device that is not there, must not pass as a kept budget."""
    if "cuda" in marker:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a device")

    result = run(
        f"""
        import pytest

        @pytest.mark.{marker}
        def test_marked():
            pass
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{said}*"])


def test_a_test_that_fails_of_itself_keeps_its_own_failure(run) -> None:  # type: ignore[no-untyped-def]
    """The budget says nothing where the test did not come to its end."""
    result = run(
        """
        import pytest

        @pytest.mark.memfit(peak="1MiB")
        def test_wrong():
            block = bytearray(b"x") * (64 << 20)
            assert 1 == 2
        """
    )

    result.assert_outcomes(failed=1)
    assert "above its start" not in result.stdout.str()


def test_figures_are_in_the_junit_report_and_workers_measure_their_own(run, pytester: pytest.Pytester) -> None:  # type: ignore[no-untyped-def]
    """With xdist each worker measures its own process; the peak is a property of the test."""
    pytest.importorskip("xdist")

    result = run(
        """
        import pytest

        @pytest.mark.memfit(peak="200MiB")
        @pytest.mark.parametrize("mib", [16, 32])
        def test_sized(mib):
            bytearray(b"x") * (mib << 20)
        """,
        "-p", "xdist", "-n", "2", "--junitxml=report.xml",
    )  # fmt: skip

    result.assert_outcomes(passed=2)
    assert (pytester.path / "report.xml").read_text().count('name="memfit_peak_bytes"') == 2


def test_tests_without_the_marker_load_nothing_of_memfit(run) -> None:  # type: ignore[no-untyped-def]
    """The plugin costs an ordinary test run neither NumPy nor memfit's own parts."""
    result = run(
        """
        import sys

        def test_ordinary():
            loaded = {name for name in sys.modules if name.startswith("memfit.")}
            assert loaded <= {"memfit.integrations", "memfit.integrations.pytest_plugin"}
            assert "numpy" not in sys.modules and "psutil" not in sys.modules
        """
    )

    result.assert_outcomes(passed=1)


def test_the_installed_package_offers_the_plugin() -> None:
    """pyproject names the plugin by the entry point that pytest looks for."""
    project = (SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8")

    assert '[project.entry-points.pytest11]\nmemfit = "memfit.integrations.pytest_plugin"' in project
    assert subprocess.run(
        [sys.executable, "-c", "import memfit.integrations.pytest_plugin"], check=True, env={"PYTHONPATH": str(SOURCE)}
    )
