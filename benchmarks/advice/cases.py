"""What is measured, listed before anything was predicted: jobs, shares of their peak that they must fit, batches."""

from __future__ import annotations

from pathlib import Path

JOBS = Path(__file__).parent / "jobs"
# Every script, at shares of the high end of its own estimate. The first half has been looked at while the advice was
# worked on; the second was written and listed before anything was predicted for it, and judges.
TUNING = ("gpt", "mlp", "cnn", "encoder", "unet", "lstm")
JUDGING = ("vit", "vae", "bert", "gan", "ranker", "seq2seq")
SCRIPTS = TUNING + JUDGING
SHARES = (0.85, 0.7, 0.55)
PLANS = 2  # of the fitting plans for each budget, that are run for real
STEPS = 5
BATCH_STEPS = 4
ALLOCATOR_STEPS = 3
# The largest batch: script, budget as a multiple of the estimate's high end.
BATCHES: tuple[tuple[str, float], ...] = (
    ("gpt", 1.5),
    ("mlp", 1.3),
    ("cnn", 1.6),
    ("encoder", 1.5),
    ("unet", 1.7),
    ("lstm", 1.4),
    ("vit", 1.3),
    ("vae", 1.3),
    ("bert", 1.3),
    ("gan", 1.3),
    ("ranker", 1.3),
    ("seq2seq", 1.3),
)
# The same with malloc's threshold set ("@malloc"), where the range is narrow.
BATCHES += (("lstm@malloc", 1.4), ("unet@malloc", 1.7), ("bert@malloc", 1.3))
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "131072"}
# The search against all sets of at most three of the changes that apply, on real estimates.
EXHAUSTIVE = ("mlp", "lstm")
EXHAUSTIVE_SHARES = (0.9, 0.8, 0.7, 0.6, 0.5)
