"""Loaded by Python at start when this folder is on PYTHONPATH: what made-up data needs, and a stop for the real run.

Made-up files cannot have the published checksums, so torchvision's and Keras's checks ask only whether the
file is there. With
MEMFIT_STOP_AFTER_STEPS=N the process ends with code 77 after N real optimizer steps: proof that the set-up is right.
Nothing here is used by memfit itself.
"""

import importlib.abc
import importlib.util
import os
import sys
from pathlib import Path

STOPPED = 77


def _trust_made_up_files(module):
    module.check_integrity = lambda fpath, md5=None: Path(fpath).is_file()


def _trust_what_keras_would_download(module):
    module.validate_file = lambda fpath, *_, **__: Path(fpath).is_file()


def _stop_after_steps(module):
    left = int(os.environ["MEMFIT_STOP_AFTER_STEPS"])

    def count(*_):
        nonlocal left
        left -= 1
        if left <= 0:
            sys.stdout.flush()
            os._exit(STOPPED)

    module.register_optimizer_step_post_hook(count)


AFTER_IMPORT = {
    "torchvision.datasets.utils": _trust_made_up_files,
    "keras.src.utils.file_utils": _trust_what_keras_would_download,
}
if os.environ.get("MEMFIT_STOP_AFTER_STEPS"):
    AFTER_IMPORT["torch.optim.optimizer"] = _stop_after_steps


class _AfterImport(importlib.abc.MetaPathFinder):
    """Runs a function once, right after the module it is registered for was executed."""

    def find_spec(self, name, path=None, target=None):
        after = AFTER_IMPORT.pop(name, None)
        if after is None:
            return None
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            after(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _AfterImport())
