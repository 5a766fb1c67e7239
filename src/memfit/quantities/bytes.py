"""Bytes for programs (int) and for people ("1.5 GiB"). A size that is unknown is None, never 0."""

from __future__ import annotations

import re

from memfit.errors import UsageError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

_UNITS = {
    "": 1, "b": 1,
    "k": KIB, "kib": KIB, "kb": 1000,
    "m": MIB, "mib": MIB, "mb": 1000**2,
    "g": GIB, "gib": GIB, "gb": 1000**3,
    "t": GIB * 1024, "tib": GIB * 1024, "tb": 1000**4,
}  # fmt: skip


def parse_bytes(text: str) -> int:
    """Read a size as people write it.

    Args:
        text: "24GiB", "512 MiB", "16g" (binary), "16GB" (decimal) or plain bytes.

    Returns:
        The size in bytes.

    Raises:
        UsageError: the text is no size.

    >>> parse_bytes("1.5GiB")
    1610612736
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", text)
    unit = _UNITS.get(found.group(2).lower()) if found else None
    if found is None or unit is None:
        raise UsageError(f"{text!r} is no memory size", hint="write it like 24GiB, 512MiB or 16GB", slug="bad-size")
    return round(float(found.group(1)) * unit)


def format_bytes(size_bytes: int | None) -> str:
    """Write a size for a person, in binary units; an unknown size is an em dash.

    >>> format_bytes(3 * 1024**3 + 200 * 1024**2)
    '3.20 GiB'
    """
    if size_bytes is None:
        return "—"
    sign, size = ("-", -size_bytes) if size_bytes < 0 else ("", size_bytes)
    if size >= 100 * GIB:
        return f"{sign}{size / GIB:,.0f} GiB"
    if size >= GIB:
        return f"{sign}{size / GIB:.2f} GiB"
    if size >= MIB:
        return f"{sign}{size / MIB:.0f} MiB"
    return f"{sign}{size / KIB:.0f} KiB" if size >= KIB else f"{sign}{size} B"


def format_finely(size_bytes: float) -> str:
    """Write a size where small differences matter, as a rate or a level that hardly moves: three digits at the least.

    >>> format_finely(2.6 * 1024**2), format_finely(450.3 * 1024**2), format_finely(19.2 * 1024)
    ('2.60 MiB', '450.3 MiB', '19.2 KiB')
    """
    sign, size = ("-", -size_bytes) if size_bytes < 0 else ("", size_bytes)
    if size >= 100 * GIB or size < KIB:
        return format_bytes(round(size_bytes))
    unit, name = next((unit, name) for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")) if size >= unit)
    return f"{sign}{size / unit:.{2 if size < 10 * unit else 1}f} {name}"
