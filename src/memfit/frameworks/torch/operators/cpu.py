"""What the CPU's kernels take beside their results: copies into the layouts of oneDNN, buffers per thread.

Acts in the host's pool alone and leaves every other pool to the handlers that were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.frameworks.torch.dispatch import Handler


def handlers(simulation: Any, others: Mapping[Any, Handler]) -> dict[Any, Handler]:
    """The table of operators with a rule for the CPU; ``others`` act in other pools."""
    return {}
