"""Files of real-looking columns: half of them chose how probes are made like a file, the other half judges it.

Each is made by its name and a seed alone, in memory for a fit and as CSV for `memfit estimate … --data`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Numbers = np.ndarray
Dice = np.random.Generator
_EPOCH = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file's values.

    Args:
        table: a column of each; texts by their codes, dates by their days.
        target: numbers, or labels.
        texts: columns that the file holds as words.
        dates: columns that the file holds as dates.
    """

    table: Numbers
    target: Numbers
    texts: tuple[int, ...] = ()
    dates: tuple[int, ...] = ()


def skewed(rows: int, dice: Dice) -> Made:
    """Amounts of money: log-normal, in cents."""
    table = np.round(np.exp(dice.normal(3, 1.2, (rows, 16))), 2)
    return Made(table=table, target=np.round(table[:, 0] + table[:, 1] * dice.normal(1, 0.3, rows), 2))


def codes(rows: int, dice: Dice) -> Made:
    """Whole numbers that stand for something, of 2 to 400 values, few of them frequent."""
    table = np.column_stack([np.minimum(dice.zipf(1.3, rows), most) for most in np.geomspace(2, 400, 16).astype(int)])
    return Made(table=table.astype(float), target=(table[:, 5] % 3 + dice.normal(0, 1, rows) > 1).astype(float))


def ties(rows: int, dice: Dice) -> Made:
    """Measured to half a unit; the target too."""
    table = np.round(dice.normal(20, 5, (rows, 16)) * 2) / 2
    return Made(table=table, target=np.round(table[:, :4].mean(1) + dice.normal(0, 1, rows)))


def missing(rows: int, dice: Dice) -> Made:
    """From hardly a gap to four in five."""
    table = np.round(dice.gamma(2, 3, (rows, 16)), 3)
    target = np.round(table[:, :3].sum(1) + dice.normal(0, 2, rows), 2)
    for at, share in enumerate(np.linspace(0.02, 0.8, 16)):
        table[dice.random(rows) < share, at] = np.nan
    return Made(table=table, target=target)


def identifiers(rows: int, dice: Dice) -> Made:
    """Numbers of orders and of customers among few measures; a rare class."""
    wide = dice.integers(1, 40 * rows, (rows, 6))
    table = np.column_stack([wide, dice.integers(0, rows // 20, (rows, 4)), np.round(dice.normal(0, 1, (rows, 6)), 4)])
    return Made(table=table.astype(float), target=(table[:, 10] + dice.normal(0, 1, rows) > 2.3).astype(float))


def constant(rows: int, dice: Dice) -> Made:
    """Half of the columns say always, or nearly always, the same."""
    same = np.zeros((rows, 8)) + np.arange(8)
    for at in range(4, 8):
        same[dice.random(rows) < 0.005, at] += 1
    return Made(
        table=np.column_stack([same, np.round(dice.normal(0, 3, (rows, 8)), 3)]),
        target=np.round(dice.normal(0, 1, rows), 3),
    )


def correlated(rows: int, dice: Dice) -> Made:
    """Three causes in sixteen columns, and a target that they nearly decide."""
    causes = dice.normal(0, 1, (rows, 3))
    table = causes @ dice.normal(0, 1, (3, 16)) + dice.normal(0, 0.2, (rows, 16))
    return Made(table=np.round(table, 3), target=(causes.sum(1) + dice.normal(0, 0.2, rows) > 0).astype(float))


def unrelated(rows: int, dice: Dice) -> Made:
    """Labels that have nothing to do with the columns."""
    return Made(table=np.round(dice.normal(0, 1, (rows, 16)), 3), target=dice.integers(0, 2, rows).astype(float))


def sparse(rows: int, dice: Dice) -> Made:
    """Counts of which nine in ten and more are zero."""
    table = dice.poisson(np.geomspace(0.01, 0.12, 16), (rows, 16)) * dice.integers(1, 9, (rows, 16))
    return Made(table=table.astype(float), target=np.round(table.sum(1) + dice.normal(0, 1, rows), 2))


def mixed(rows: int, dice: Dice) -> Made:
    """Words, truths, dates, ages and prices, as customers' tables have them."""
    words = np.column_stack([(dice.random(rows) ** 2 * most).astype(int) for most in (4, 30, 300, 5_000)])
    truths = dice.random((rows, 4)) < (0.5, 0.2, 0.05, 0.9)
    days = 15_000 + dice.integers(0, 3_000, (rows, 2))
    ages, prices = dice.integers(18, 90, (rows, 3)), np.round(np.exp(dice.normal(2, 1, (rows, 3))), 2)
    table = np.column_stack([words, truths, days, ages, prices]).astype(float)
    target = (prices[:, 0] + ages[:, 0] / 10 + dice.normal(0, 4, rows) > 14).astype(float)
    return Made(table=table, target=target, texts=(0, 1, 2, 3), dates=(8, 9))


def one_gap(rows: int, dice: Dice) -> Made:
    """Whole but for one column, where a cell in two hundred is missing."""
    table = np.round(dice.normal(0, 1, (rows, 16)), 3)
    target = np.round(table[:, 0] * table[:, 1] + dice.normal(0, 1, rows), 3)
    table[dice.random(rows) < 0.005, 7] = np.nan
    return Made(table=table, target=target)


def claims(rows: int, dice: Dice) -> Made:
    """Heavy tails, and a target that is zero for most."""
    table = np.round(dice.standard_cauchy((rows, 16)), 2)
    target = np.where(dice.random(rows) < 0.65, 0.0, np.round(np.exp(dice.normal(4, 1, rows)) + np.abs(table[:, 0]), 2))
    return Made(table=table, target=target)


def sensors(rows: int, dice: Dice) -> Made:
    """Slow waves and steps, as they follow one another in time."""
    time = np.arange(rows)[:, None]
    waves = np.sin(time / np.geomspace(50, 5_000, 14)) * 10 + dice.normal(0, 0.5, (rows, 14))
    table = np.column_stack([time, time // 1_000, np.round(waves, 2)]).astype(float)
    return Made(table=table, target=np.round(waves[:, 0] + waves[:, 5] + dice.normal(0, 1, rows), 2))


def scales(rows: int, dice: Dice) -> Made:
    """Two humps, shares, large and small numbers side by side; three classes."""
    humps = np.where(dice.random((rows, 8)) < 0.3, dice.normal(-5, 1, (rows, 8)), dice.normal(1_000, 200, (rows, 8)))
    table = np.column_stack([np.round(humps, 1), np.round(dice.beta(0.3, 0.3, (rows, 8)), 4)])
    return Made(table=table, target=np.digitize(table[:, 8] + dice.normal(0, 0.3, rows), (0.3, 0.7)).astype(float))


FILES: dict[str, tuple[str, Callable[[int, Dice], Made], bool]] = {
    "skewed": ("tuning", skewed, False),
    "codes": ("judging", codes, True),
    "ties": ("tuning", ties, False),
    "missing": ("judging", missing, False),
    "identifiers": ("tuning", identifiers, True),
    "constant": ("judging", constant, False),
    "correlated": ("tuning", correlated, True),
    "unrelated": ("judging", unrelated, True),
    "sparse": ("tuning", sparse, False),
    "mixed": ("judging", mixed, True),
    "one gap": ("tuning", one_gap, False),
    "claims": ("judging", claims, False),
    "sensors": ("tuning", sensors, False),
    "scales": ("judging", scales, True),
}  # by name: its half, how it is made, whether its target are classes


def made(name: str, rows: int) -> Made:
    """A file's values, the same each time."""
    return FILES[name][1](rows, np.random.default_rng(sorted(FILES).index(name)))


def write(name: str, rows: int, path: Path) -> None:
    """The file as CSV: columns c0, c1, … and target."""
    values = made(name, rows)
    columns = []
    for at in range(values.table.shape[1]):
        numbers = values.table[:, at]
        if at in values.texts:
            columns.append([f"word {number:.0f}" for number in numbers])
        elif at in values.dates:
            columns.append([str(datetime.date.fromordinal(_EPOCH + int(number))) for number in numbers])
        else:
            columns.append([_shown(number) for number in numbers.tolist()])
    columns.append([_shown(number) for number in values.target.tolist()])
    with path.open("w", encoding="utf-8") as target:
        target.write(",".join([*(f"c{at}" for at in range(values.table.shape[1])), "target"]) + "\n")
        target.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _shown(number: float) -> str:
    if number != number:
        return ""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
