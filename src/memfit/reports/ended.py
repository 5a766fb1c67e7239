"""How a recording ended, in words and with the weight it has."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from memfit.documents import Ending
from memfit.reports.text import printable
from memfit.reports.wording import sentence

_SIGTERM_LIKE = {2, 15}  # somebody asked it to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a job.

    Args:
        badge: two words at most.
        text: a sentence.
        tone: "good", "warn", "bad" or "neutral".
    """

    badge: str
    text: str
    tone: str


def ended(ending: Ending) -> Ended:
    """The ending in words: the recorder's own where it left any."""
    badge, words, tone = _told(ending)
    return Ended(badge=badge, text=sentence(printable(ending.text).strip()) or words, tone=tone)


def _told(ending: Ending) -> tuple[str, str, str]:
    match ending.how:
        case "exited" if not ending.exit_code:
            return "finished", "It ended by itself with exit code 0.", "good"
        case "exited":
            return "failed", f"It ended by itself with exit code {ending.exit_code}.", "bad"
        case "signalled":
            return _signalled(ending.signal)
        case "oom_killed":
            return "out of memory", "The kernel killed it because memory ran out.", "bad"
        case "detached":
            return "closed", "The recording was closed from inside the job.", "good"
        case "lost":
            return "cut off", "The recorder itself was killed: the recording stops without an end.", "warn"
        case "running":
            return "running", "It was still running when this was read.", "neutral"
        case other:
            return printable(other)[:20] or "unknown", "How it ended is not known.", "neutral"


def _signalled(number: int | None) -> tuple[str, str, str]:
    if number is None:
        return "killed", "A signal ended it.", "bad"
    name = signal.Signals(number).name if number in {known.value for known in signal.Signals} else ""
    words = f"Signal {number} ({name}) ended it." if name else f"Signal {number} ended it."
    return ("stopped", words, "warn") if number in _SIGTERM_LIKE else ("killed", words, "bad")
