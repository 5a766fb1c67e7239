"""Which programs are recorded for the page, with which arguments, and what is expected of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data"
PICTURES = ROOT / "docs" / "does-memory-grow"
EXAMPLES = ROOT / "examples" / "memory_over_iterations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One program as it is run for the page.

    Args:
        name: of the data file and the picture.
        words: the script and its arguments, as typed in the folder of the examples.
        what: a few words for the tables.
        leaks: whether it was written to leak; None where it is no case of its own.
    """

    name: str
    words: tuple[str, ...]
    what: str
    leaks: bool | None = False

    @property
    def command(self) -> str:
        """What to type."""
        return "python " + " ".join(self.words)


LONG = " --samples 2500000 --epochs 3"  # long enough for shares to be read often


def _case(name: str, words: str, what: str, *, leaks: bool | None = False) -> Case:
    return Case(name=name, words=tuple(words.split()), what=what, leaks=leaks)


CASES = {
    case.name: case
    for case in (
        _case("linear-as-written", "linear_sgd.py --inputs 10 --outputs 1 --batch 32 --iterations 1000", "SGD, 10 × 1"),
        _case("linear-large", "linear_sgd.py --inputs 512 --outputs 512 --batch 512 --iterations 600", "SGD, 512²"),
        _case("adam", "adam_state.py --iterations 80", "Adam"),
        _case("adam-not", "adam_state.py --optimizer sgd --iterations 80", "the same with SGD"),
        _case("checkpoint-file", "checkpoints.py", "`torch.save` to a file"),
        _case("checkpoint-buffer", "checkpoints.py --kind buffer", "`torch.save` to memory, then a file"),
        _case("checkpoint-history", "checkpoints.py --kind history", "copies kept in a list", leaks=True),
        _case("metrics-floats", "logged_metrics.py --iterations 2000", "losses as floats"),
        _case(
            "metrics-loss", "logged_metrics.py --kind loss --iterations 2000", "losses after `backward()`", leaks=True
        ),
        _case(
            "metrics-loss-trimmed",
            "logged_metrics.py --kind loss --iterations 2000 --trim",
            "the same, and `malloc_trim` at the end",
            leaks=None,
        ),
        _case("metrics-graph", "logged_metrics.py --kind graph", "losses with their activations", leaks=True),
        _case("batch-large", "batches.py --batch 1024", "1024 samples at once"),
        _case("batch-small", "batches.py --batch 256", "256 samples at once"),
        _case("batch-accumulated", "batches.py --batch 256 --accumulate 4", "4 × 256 accumulated"),
        _case("data-memory", "data_loading.py --kind memory", "the file read at once"),
        _case("data-mapped", "data_loading.py --kind mapped", "the file mapped"),
        _case("data-mapped-anew", "data_loading.py --kind mapped-anew", "mapped anew for each batch"),
        _case(
            "data-list-workers",
            "data_loading.py --kind list-workers" + LONG,
            "2 workers, a Python list",
        ),
        _case(
            "data-array-workers",
            "data_loading.py --kind array-workers" + LONG,
            "2 workers, an array",
        ),
    )
}
