"""Found by every Python process of a recorded job at its start: begins to mark, then makes way for the user's own."""

import os
import sys


def _begin():
    here = os.path.dirname(os.path.abspath(__file__))
    library = os.environ.get("MEMFIT_LIBRARY", "")
    try:
        spool = os.environ.get("MEMFIT_SPOOL", "")
        if spool and sys.version_info >= (3, 10) and os.path.isdir(spool):
            from memfit.recording.child import start

            start.start_from_environment()
    except Exception:
        pass  # the job comes first: it runs unmarked
    finally:
        # Out of this process's way; its children find both again in their environment.
        sys.path[:] = [entry for entry in sys.path if entry not in (here, library)]
        sys.path_importer_cache.pop(here, None)


def _make_way():
    """Run the sitecustomize that would have run without us."""
    if sys.version_info < (3, 4):
        return
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_begin()
_make_way()
