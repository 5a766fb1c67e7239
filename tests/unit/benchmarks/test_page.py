"""The accuracy page: misses are named, what differs is explained, nothing is claimed without data."""

from __future__ import annotations

from benchmarks.accuracy import device_page, page
from benchmarks.accuracy.figures import Comparison
from benchmarks.accuracy.judge import device_rows, process_rows

MIB = 1024 * 1024


def real(peak: int, alive: list[list[object]]) -> dict[str, object]:
    return {"peak_bytes": peak, "peak_operator": "aten::mm", "alive_at_peak": alive, "parameters": 10}


def test_a_traced_peak_that_differs_names_the_block_that_explains_it() -> None:
    """The measured block of the size of the difference is shown with its operator."""
    truth = {"environment": {}, "jobs": {"gpt_sgd": real(100 * MIB, [[8 * MIB, 2, "aten::fancy"]])}}
    guess = {"environment": {}, "jobs": {"gpt_sgd": {"requested_peak_bytes": 84 * MIB, "operator": "aten.mm.default"}}}

    text = page.exactness(truth, guess)

    assert "-16.000 %" in text
    assert "2 × 8.0 MiB of `aten::fancy` explains it" in text
    assert "judging: 0 of 1" in text


def test_a_run_above_high_is_named_as_a_miss() -> None:
    """Also when the expected figure is close."""
    row = Comparison(job="gpt_sgd", half="judging", measured=(100, 108), expected=103, high=107)

    assert "`gpt_sgd` (judging): -1.0 %, 1 of 2 runs above high" in page.misses([row])


def test_a_job_that_could_not_be_predicted_is_listed() -> None:
    """With what memfit said."""
    text = page.failures({"gpt_sgd": {"failure": "cannot simulate"}, "gpt_autocast": {"expected_bytes": 1}})

    assert text == "Not predicted:\n\n- `gpt_sgd`: cannot simulate\n\n"


def test_failed_runs_and_predictions_are_not_compared() -> None:
    """A figure that is not there is no figure of nothing."""
    runs = {"gpt_sgd": [{"peak_bytes": "10", "baseline_bytes": "4"}]}

    assert process_rows(runs, {"gpt_sgd": {"failure": "no"}}) == []
    assert len(process_rows(runs, {"gpt_sgd": {"expected_bytes": 9, "high_bytes": 12}})) == 1


def test_what_others_hold_on_the_device_is_not_the_jobs() -> None:
    """The driver's figure is taken relative to what it showed before the process came."""
    truth = {"gpt_sgd": {"used_peak_bytes": 900, "used_before_bytes": 100, "requested_peak_bytes": 500}}
    guess = {"gpt_sgd": {"expected_bytes": 810, "high_bytes": 900, "requested_peak_bytes": 500}}

    used = device_rows(truth, guess, "used")
    requested = device_rows(truth, guess, "requested")

    assert used[0].measured == (800,)
    assert requested[0].error == 0


def test_without_a_device_the_page_says_so() -> None:
    """No figures, and how to get them."""
    assert "No figures of a real device yet" in page.no_device()


def test_a_device_tells_its_figures_apart_and_names_its_misses() -> None:
    """Exact figures by how many are exact, ranges by who lies above, settings beside them."""
    row = Comparison(job="gpt_sgd", half="judging", measured=(100 * MIB,), expected=90 * MIB, high=95 * MIB)
    same = Comparison(job="gpt_autocast", half="judging", measured=(100 * MIB,), expected=100 * MIB, high=110 * MIB)
    figures = {"requested": [row, same], "allocated": [], "reserved": [same], "used": [row, same], "host": []}
    real = {"reserved_peak_bytes": 100 * MIB, "words": "--fraction 0.1"}
    truth = {"environment": {"device": "Card"}, "jobs": {"gpt_sgd@tight": real}}
    predicted = {"jobs": {"gpt_sgd@tight": {"reserved_peak_bytes": 99 * MIB}}}

    text = device_page.device(truth, predicted, figures)

    assert "| judging | 2 | 1 |" in text
    assert "Off by more than 2 %: `gpt_sgd` (judging) -10.0 %" in text
    assert "`gpt_sgd` (judging): -10.0 %, 1 of 1 runs above high" in text
    assert "| `gpt_sgd` | tight | fraction 0.1 | 100.0 | 99.0 | -1.0 % |" in text


def test_single_calls_are_compared_by_what_they_are() -> None:
    """A call that only one side knows is left out."""
    calls = [{"group": "attention", "what": "forward", "call": name, "peak": 100} for name in ("none", "causal", "x")]
    simulated = [{**calls[0], "peak": 101}, {**calls[1], "peak": 130}]

    text = device_page.single_calls(calls, simulated)

    assert "| attention, forward | 2 | 50 % | 50 % |" in text
