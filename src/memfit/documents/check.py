"""A check: a job against budgets of memory and of growth. An answer to a program: printed, and never read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCheck:
    """One pool against its budget.

    Args:
        pool: "host", "cuda:0".
        budget_bytes: what may be used.
        peak_bytes: what is judged: the high end of an estimate, or the measured peak; None when unknown.
        basis: "predicted" or "measured".
        within: None when it cannot be told: nothing was read, or a recording was cut short below its budget.
        text: the verdict in a sentence.
    """

    pool: str
    budget_bytes: int
    peak_bytes: int | None
    basis: str
    within: bool | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthCheck:
    """What an iteration adds, against its budget.

    Args:
        pool: where it grows.
        budget_bytes: per iteration; None where only a leak was asked for.
        bytes_per_iteration: as measured or simulated; None when unknown.
        is_leak: None when that cannot be told.
        within: None when it cannot be told.
        text: the verdict in a sentence.
    """

    pool: str
    budget_bytes: int | None
    bytes_per_iteration: float | None
    is_leak: bool | None
    within: bool | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A job against its budgets.

    Args:
        target: the job's name.
        budgets: of memory, pool by pool.
        growth: of every pool that was looked at.
    """

    target: str
    budgets: tuple[BudgetCheck, ...]
    growth: tuple[GrowthCheck, ...] = ()

    @property
    def over(self) -> bool:
        """Whether a budget of memory is exceeded, or cannot be shown to be kept."""
        return any(each.within is not True for each in self.budgets)

    @property
    def leaks(self) -> bool:
        """Whether growth is beyond its budget; growth that cannot be told yet is not."""
        return any(each.within is False for each in self.growth)

    @property
    def passed(self) -> bool:
        return not self.over and not self.leaks


def check_to_json(check: Check) -> dict[str, Any]:
    """The check as plain JSON values, by the contract of docs/json.md."""
    verdict = {"passed": check.passed, "over": check.over, "leaks": check.leaks}
    parts = {name: [asdict(one) for one in getattr(check, name)] for name in ("budgets", "growth")}
    return {"schema": 1, "kind": "check", "target": check.target, **verdict, **parts}
