"""A JAX job of small batches: JAX has no loader to cut, but runs behind the script, and is waited for at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from memfit.probing.small_batches import SmallBatches


def install(module: Any, small: SmallBatches) -> None:
    """What was dispatched is computed before the peak is read."""
    small.at_the_end(lambda: module.block_until_ready(module.live_arrays()))


HOOKS: dict[str, Callable[[Any, SmallBatches], None]] = {"jax": install}
