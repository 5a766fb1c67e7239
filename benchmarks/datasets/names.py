"""Which made table is in which half. Needs nothing, so that the launcher stays small."""

from __future__ import annotations

from benchmarks.datasets import real

HALVES = {
    **dict.fromkeys(
        ("floats", "counts", "shop", "reviews", "codes", "gaps", "wide", "names", "thin", "flags"), "tuning"
    ),
    **dict.fromkeys(
        ("sensors", "ledger", "rides", "posts", "identifiers", "survey", "panel", "requests", "baskets", "sorted_keys"),
        "judging",
    ),
    **dict.fromkeys(("clinic", "genome", "chats", "clicks"), "fresh"),
    **dict.fromkeys(real.TUNING, "tuning"),
    **dict.fromkeys(real.JUDGING, "real"),
}
