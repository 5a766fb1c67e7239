"""Made tables of many kinds, from a seed: what the data-set figures are tuned and judged on.

The judging half has other columns, other distributions and other sizes than the tuning half. Halves were fixed before
anything was predicted. Needs NumPy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

Columns = dict[str, Any]
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One table: how it is made, how many rows."""

    make: Callable[[np.random.Generator, int], Columns]
    rows: int


def _words(rng: np.random.Generator, count: int, low: int, high: int) -> np.ndarray:
    """Random words of the lengths low … high."""
    lengths = rng.integers(low, high + 1, count)
    letters = "".join(_LETTERS[rng.integers(0, 26, int(lengths.sum()))])
    ends = np.cumsum(lengths)
    return np.array([letters[end - length : end] for end, length in zip(ends, lengths, strict=True)], dtype=object)


def _pick(rng: np.random.Generator, values: Any, rows: int, skew: float = 0.0) -> pa.Array:
    """Values drawn with a skew, as an Arrow array without Python strings."""
    shares = (np.arange(1, len(values) + 1.0) ** -skew) if skew else np.ones(len(values))
    codes = rng.choice(len(values), rows, p=shares / shares.sum()).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(values))).dictionary_decode()


def _holes(rng: np.random.Generator, values: Any, share: float) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < share)


def _text(rng: np.random.Generator, rows: int, mean: float, spread: float, extra: str = "") -> pa.Array:
    """Sentences of varying length; some with characters beyond ASCII."""
    stock = " ".join(_words(rng, 20000, 2, 9))
    lengths = np.clip(rng.lognormal(np.log(mean), spread, rows), 3, 4000).astype(int)
    starts = rng.integers(0, len(stock) - 4001, rows)
    marks = rng.random(rows) < (0.3 if extra else 0.0)
    return pa.array([
        stock[at : at + size] + (extra if mark else "")
        for at, size, mark in zip(starts.tolist(), lengths.tolist(), marks.tolist(), strict=True)
    ])  # fmt: skip


def _dates(rng: np.random.Generator, rows: int, form: str) -> pa.Array:
    moments = np.datetime64("2019-01-01", "s") + rng.integers(0, 5 * 365 * 86400, rows)
    return pa.compute.strftime(pa.array(moments), format=form)


def floats(rng: np.random.Generator, rows: int) -> Columns:
    return {f"x{at}": rng.normal(size=rows) for at in range(20)}


def counts(rng: np.random.Generator, rows: int) -> Columns:
    return {f"n{at}": rng.integers(0, 10 ** (1 + at % 6), rows) for at in range(18)}


def shop(rng: np.random.Generator, rows: int) -> Columns:
    return {
        "order": np.arange(rows),
        "day": _dates(rng, rows, "%Y-%m-%d"),
        "city": _pick(rng, _words(rng, 300, 4, 12), rows, 0.8),
        "product": _pick(rng, _words(rng, 5000, 6, 20), rows, 0.5),
        "price": rng.gamma(2.0, 20.0, rows).round(2),
        "units": rng.integers(1, 9, rows),
        "member": rng.random(rows) < 0.4,
    }


def reviews(rng: np.random.Generator, rows: int) -> Columns:
    return {"stars": rng.integers(1, 6, rows), "review": _text(rng, rows, 180, 0.7)}


def codes(rng: np.random.Generator, rows: int) -> Columns:
    return {"key": _words(rng, rows, 8, 10), "other": _words(rng, rows, 14, 18), "value": rng.random(rows)}


def gaps(rng: np.random.Generator, rows: int) -> Columns:
    numbers = {f"x{at}": _holes(rng, rng.normal(size=rows).round(3), 0.3) for at in range(8)}
    whole = {f"n{at}": _holes(rng, rng.integers(0, 1000, rows), 0.1) for at in range(4)}
    return {**numbers, **whole, "tag": _holes(rng, _pick(rng, _words(rng, 40, 3, 8), rows), 0.2)}


def wide(rng: np.random.Generator, rows: int) -> Columns:
    return {f"f{at}": rng.normal(size=rows).round(4) for at in range(400)}


def names(rng: np.random.Generator, rows: int) -> Columns:
    stock = [f"{word}é{word[:2]}" for word in _words(rng, 30000, 3, 8)] + [f"Ж{w}ш" for w in _words(rng, 10000, 3, 8)]
    return {"name": _pick(rng, stock, rows), "age": rng.integers(0, 100, rows)}


def thin(rng: np.random.Generator, rows: int) -> Columns:
    return {f"s{at}": rng.integers(1, 9, rows) * (rng.random(rows) < 0.04) for at in range(60)}


def flags(rng: np.random.Generator, rows: int) -> Columns:
    return {f"b{at}": rng.random(rows) < 0.5 for at in range(30)}


# The judging half.


def sensors(rng: np.random.Generator, rows: int) -> Columns:
    walk = {f"t{at}": (20 + np.cumsum(rng.normal(size=rows)) * 0.01).round(2) for at in range(12)}
    return {"at": _dates(rng, rows, "%Y-%m-%dT%H:%M:%SZ"), **walk}


def ledger(rng: np.random.Generator, rows: int) -> Columns:
    big = {f"id{at}": rng.integers(10**9, 10**12, rows) for at in range(6)}
    return {**big, **{f"k{at}": rng.integers(-50, 50, rows) for at in range(8)}}


def rides(rng: np.random.Generator, rows: int) -> Columns:
    return {
        "picked": _dates(rng, rows, "%Y-%m-%d %H:%M:%S"),
        "dropped": _dates(rng, rows, "%Y-%m-%d %H:%M:%S"),
        "vendor": _pick(rng, ["CMT", "VTS", "DDS"], rows, 0.5),
        "distance": rng.lognormal(0.7, 0.8, rows).round(2),
        "fare": rng.lognormal(2.4, 0.5, rows).round(1),
        "people": _holes(rng, rng.integers(1, 7, rows), 0.03),
        "flag": _pick(rng, ["Y", "N"], rows, 3),
        "zone": rng.integers(1, 266, rows),
    }


def posts(rng: np.random.Generator, rows: int) -> Columns:
    return {
        "user": _pick(rng, _words(rng, 60000, 4, 15), rows, 1.0),
        "text": _text(rng, rows, 70, 0.9, " 😀"),
        "likes": (rng.pareto(1.5, rows) * 3).astype(np.int64),
    }


def identifiers(rng: np.random.Generator, rows: int) -> Columns:
    raw = rng.bytes(16 * rows).hex()
    return {"uuid": np.array([raw[at : at + 32] for at in range(0, 32 * rows, 32)], dtype=object),
            "n": rng.integers(0, 1000, rows)}  # fmt: skip


def survey(rng: np.random.Generator, rows: int) -> Columns:
    answers = {f"q{at}": _holes(rng, _pick(rng, ["never", "sometimes", "often", "always"], rows, at / 4), at / 14)
               for at in range(12)}  # fmt: skip
    return {"respondent": np.arange(rows) + 10_000_000, **answers, "weight": rng.random(rows)}


def panel(rng: np.random.Generator, rows: int) -> Columns:
    whole = {f"w{at}": rng.poisson(3, rows) for at in range(150)}
    return {**whole, **{f"v{at}": rng.exponential(size=rows).round(6) for at in range(150)}}


def requests(rng: np.random.Generator, rows: int) -> Columns:
    agents = [
        f"Mozilla/5.0 ({a}; {b}) AppleWebKit/537"
        for a, b in zip(_words(rng, 400, 5, 30), _words(rng, 400, 5, 30), strict=True)
    ]
    paths = [f"/{a}/{b}.html" for a, b in zip(_words(rng, 20000, 3, 12), _words(rng, 20000, 3, 20), strict=True)]
    octets = rng.integers(1, 255, (20000, 4))
    return {
        "ip": _pick(rng, [".".join(map(str, row)) for row in octets], rows, 0.6),
        "path": _pick(rng, paths, rows, 1.1),
        "agent": _pick(rng, agents, rows, 1.0),
        "status": _pick(rng, ["200", "304", "404", "500"], rows, 2),
        "bytes": rng.lognormal(8, 1.5, rows).astype(np.int64),
    }


def baskets(rng: np.random.Generator, rows: int) -> Columns:
    return {f"item{at}": rng.poisson(0.02 * (1 + at % 5), rows) for at in range(90)}


def sorted_keys(rng: np.random.Generator, rows: int) -> Columns:
    users = _words(rng, rows // 12 + 1, 8, 14)
    return {
        "user": pa.array(np.sort(users)[np.arange(rows) // 12]),
        "score": rng.random(rows),
        "seen": np.arange(rows) + 1_600_000_000,
    }


# The fresh tables: made after the ranges had been widened with the judging half in view.


def clinic(rng: np.random.Generator, rows: int) -> Columns:
    stock = [f"{a.upper()}{at:02}" for at, a in enumerate(_words(rng, 90, 1, 2))]
    return {
        "patient": rng.integers(0, rows // 4, rows),
        "admitted": _dates(rng, rows, "%Y-%m-%d"),
        **{f"code{at}": _holes(rng, _pick(rng, stock, rows, 1.0), 0.1 * at) for at in range(5)},
        **{f"lab{at}": _holes(rng, rng.normal(100, 15, rows).round(1), 0.5) for at in range(10)},
        "smoker": rng.random(rows) < 0.2,
    }


def genome(rng: np.random.Generator, rows: int) -> Columns:
    return {f"g{at}": _holes(rng, rng.lognormal(size=rows).astype(np.float32), 0.05) for at in range(250)}


def chats(rng: np.random.Generator, rows: int) -> Columns:
    return {
        "room": _pick(rng, _words(rng, 2000, 5, 9), rows, 0.9),
        "said": _dates(rng, rows, "%Y-%m-%d %H:%M:%S"),
        "message": _text(rng, rows, 45, 1.1, " привет"),
        "reply": _holes(rng, rng.integers(0, rows, rows), 0.6),
    }


def clicks(rng: np.random.Generator, rows: int) -> Columns:
    return {
        "session": rng.integers(10**15, 10**16, rows),
        "page": _pick(rng, [f"/{a}" for a in _words(rng, 9000, 4, 30)], rows, 1.2),
        "device": _pick(rng, ["phone", "tablet", "desktop"], rows),
        "seconds": rng.exponential(30, rows).round(3),
        **{f"flag{at}": rng.random(rows) < 0.1 for at in range(6)},
    }


TABLES: dict[str, Made] = {
    "floats": Made(make=floats, rows=500_000),
    "counts": Made(make=counts, rows=900_000),
    "shop": Made(make=shop, rows=1_000_000),
    "reviews": Made(make=reviews, rows=350_000),
    "codes": Made(make=codes, rows=900_000),
    "gaps": Made(make=gaps, rows=900_000),
    "wide": Made(make=wide, rows=30_000),
    "names": Made(make=names, rows=1_500_000),
    "thin": Made(make=thin, rows=300_000),
    "flags": Made(make=flags, rows=800_000),
    "sensors": Made(make=sensors, rows=900_000),
    "ledger": Made(make=ledger, rows=800_000),
    "rides": Made(make=rides, rows=1_200_000),
    "posts": Made(make=posts, rows=800_000),
    "identifiers": Made(make=identifiers, rows=1_000_000),
    "survey": Made(make=survey, rows=700_000),
    "panel": Made(make=panel, rows=50_000),
    "requests": Made(make=requests, rows=700_000),
    "baskets": Made(make=baskets, rows=250_000),
    "sorted_keys": Made(make=sorted_keys, rows=1_400_000),
    "clinic": Made(make=clinic, rows=600_000),
    "genome": Made(make=genome, rows=40_000),
    "chats": Made(make=chats, rows=700_000),
    "clicks": Made(make=clicks, rows=900_000),
}


def build(name: str) -> pa.Table:
    """The table as Arrow; the same for the same name."""
    made = TABLES[name]
    columns = made.make(np.random.default_rng(sum(name.encode()) * 7919), made.rows)
    return pa.table(
        {key: values if isinstance(values, pa.Array) else pa.array(values) for key, values in columns.items()}
    )
