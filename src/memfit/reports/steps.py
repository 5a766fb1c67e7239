"""How the peaks of the simulated steps move, in a sentence. Three steps show growth; they do not prove a leak."""

from __future__ import annotations

from collections.abc import Sequence

from memfit.documents import StepPeak
from memfit.quantities import format_bytes

_LISTED = 6
_RIPPLE = 0.001  # of the peak: a batch that differs a little in shape, not growth


def describe_steps(steps: Sequence[StepPeak]) -> str:
    """Say how the steps' peaks move.

    Args:
        steps: the peaks of the simulated steps, in order.

    Returns:
        A sentence; empty when there are fewer than two steps or all peak alike.
    """
    peaks = [step.peak_bytes for step in steps]
    if len(peaks) < 2 or max(peaks) - min(peaks) <= _ripple(peaks):
        return ""
    listed = ", ".join(f"{step.step}: {format_bytes(step.peak_bytes)}" for step in steps[:_LISTED])
    more = ", …" if len(steps) > _LISTED else ""
    return f"{listed}{more}; {_trend(steps)}"


def _ripple(peaks: Sequence[int]) -> int:
    return round(max(peaks) * _RIPPLE)


def _trend(steps: Sequence[StepPeak]) -> str:
    peaks = [step.peak_bytes for step in steps]
    rise_bytes = peaks[-1] - peaks[-2]
    # The second step is higher than the first in every job whose optimizer keeps state: that alone is no growth.
    if len(peaks) == 2:
        return "what the first step left behind shows in the second: simulate --steps 4 to see whether it goes on"
    if rise_bytes <= _ripple(peaks):
        return "settled"
    if steps[-1].end_bytes > steps[-2].end_bytes:
        return f"still rising by {format_bytes(rise_bytes)} a step: simulate more with --steps to see where it ends"
    return "not settled yet: simulate more with --steps"
