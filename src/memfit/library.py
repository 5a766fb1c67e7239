"""memfit alone, for another interpreter: what a process is given to find it without this one's packages."""

from __future__ import annotations

from pathlib import Path


def library(folder: Path) -> Path:
    """A folder that holds memfit and nothing else, to be put on a process's PYTHONPATH.

    Args:
        folder: where to make it; it lives as long as that.

    Returns:
        The folder; where links cannot be made (Windows without the right to), the one that memfit is installed in.
    """
    package = Path(__file__).resolve().parent
    target = folder / "library"
    target.mkdir()
    try:
        (target / "memfit").symlink_to(package, target_is_directory=True)
    except OSError:
        return package.parent
    return target
