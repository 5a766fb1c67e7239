"""The recorded real loops as labelled series. How they were made: benchmarks/judgement/real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.judgement.case import Case

FOLDER = Path(__file__).parent / "data" / "loops"
LEAKING = (
    "losses_with_their_graph", "hidden_state_with_history", "hooks_added_in_the_loop", "cached_by_tensor",
    "scheduler_history", "evaluation_predictions", "cache_without_bound", "exceptions_with_frames", "global_outputs",
    "figures_never_closed", "callbacks_that_close_over_batches", "futures_kept", "malloc_without_free",
    "cycles_without_a_collector", "mappings_kept", "handlers_added_in_the_loop",
)  # fmt: skip
# What each file's loop does to memory, in the words of docs/diagnosis.md.
CLASSES: dict[str, tuple[str, ...]] = {
    "evaluation_predictions": ("stepwise_leak",),
    "figures_never_closed": ("stepwise_leak", "linear_leak"),
    "handlers_added_in_the_loop": ("accelerating",),
    "plain_training": ("constant", "saturating", "one_time_step", "several_steps"),
    "adam_training": ("one_time_step", "saturating", "several_steps", "constant"),
    "losses_as_numbers": ("constant", "log_accumulation", "saturating", "one_time_step", "several_steps"),
    "training_with_checkpoints": ("periodic_spikes", "constant", "one_time_step", "several_steps", "saturating"),
    "training_with_evaluation": ("periodic_spikes", "constant", "one_time_step", "several_steps", "saturating"),
    "batches_of_varying_length": ("constant", "wandering", "saturating", "several_steps", "one_time_step"),
    "bounded_cache": ("saturating",),
    "replay_buffer": ("saturating",),
    "first_epoch_cached": ("saturating",),
    "garbage_in_cycles": ("saw_tooth",),
    "heap_in_motion": ("saturating", "wandering", "constant", "several_steps"),
    "mapped_data_set": ("saturating",),
    "strings_come_and_go": ("constant", "several_steps", "one_time_step", "saturating"),
    "prefetching": ("constant", "wandering", "saturating", "several_steps", "one_time_step"),
    "forked_readers": ("copy_on_write",),
}


def cases() -> Iterator[Case]:
    """Every recorded loop, leaking ones first."""
    for path in sorted(FOLDER.glob("*.txt"), key=lambda path: (path.stem not in LEAKING, path.stem)):
        table = np.loadtxt(path, ndmin=2)
        yield Case(
            name=path.stem,
            family="real loops",
            shown=table[:, 0],
            summed=table[:, 1] if table.shape[1] > 1 else None,
            is_leak=path.stem in LEAKING,
            classes=CLASSES.get(path.stem, ("linear_leak",)),
        )
