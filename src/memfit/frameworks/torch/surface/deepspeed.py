"""A job that imports DeepSpeed: its engine is the real one, without the kernels that it compiles and the other ranks.

By its code of 0.19.8. The launcher's options and the file of settings are read by DeepSpeed itself.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from memfit.frameworks.torch.surface.patching import Patches, Silence


def skip_building(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """Kernels are compiled for the device that is there, when an engine is made (op_builder/builder.py). Its optimizers
    make their states in Python; what they call then writes to these, to weights and to gradients.
    """

    def load(builder: Any, verbose: bool = False) -> Silence:
        simulation.assume(
            "kernels-not-run",
            "DeepSpeed's own kernels were not built or run: they write to what their callers allocate",
        )
        return Silence()

    patches.set(module.OpBuilder, "load", load)


def agree_with_others(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """Lists that rank 0 would send to be compared with this rank's (runtime/zero/utils.py): they are this rank's."""
    patches.set(module, "assert_lst_len_same_as_other_ranks", lambda lst: None)
    patches.set(module, "get_lst_from_rank0", list)
