"""Checkpoints: what is held beside the job while one is written, or read."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.documents import Hint, JobFacts

SLUG = "streamed-checkpoint"
_NEAR = 0.9  # of the highest other phase
_LEAST_SHARE = 0.05  # of the peak


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Where writing a checkpoint makes the peak, or copies pass the host."""
    peaks = facts.phase_peaks
    others = max((size for phase, size in peaks.items() if phase != "checkpoint"), default=0)
    held = facts.breakdown.get("checkpoint", 0)
    peaks_there = others and peaks.get("checkpoint", 0) > _NEAR * others
    if not peaks_there and held < _LEAST_SHARE * facts.peak_bytes:
        return
    yield Hint(
        slug=SLUG,
        text="writing a checkpoint adds to the peak: part by part, each tensor is copied and let go before the next; "
        "and reading one need not hold the file and the model at once",
        how='for name, tensor in model.state_dict().items(): torch.save(tensor, folder / f"{name}.pt"), or '
        "torch.distributed.checkpoint.save; torch.load(path, mmap=True), model.load_state_dict(state, assign=True)",
        saves_bytes=held or None,
    )
