"""Version numbers as far as constants depend on them: "2.13.0+cu130" is torch (2, 13) with CUDA (13, 0)."""

from __future__ import annotations

import re


def version_pair(text: str | None) -> tuple[int, int] | None:
    """Major and minor of a version; None when the text has none.

    >>> version_pair("2.13.0+cu130")
    (2, 13)
    """
    found = re.match(r"\s*v?(\d+)\.(\d+)", text or "")
    return (int(found.group(1)), int(found.group(2))) if found else None


def cuda_of(torch_version: str, cuda_version: str | None = None) -> tuple[int, int] | None:
    """The CUDA version of a build of torch: the one given, else the one in its local label; None for a CPU build.

    >>> cuda_of("2.1.2+cu118")
    (11, 8)
    """
    if cuda_version:
        return version_pair(cuda_version)
    found = re.search(r"\+cu(\d+)(\d)$", torch_version)
    return (int(found.group(1)), int(found.group(2))) if found else None
