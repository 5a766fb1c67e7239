"""What a fit takes by a formula instead of probes: the shape that goes in, the parts that come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FitShape:
    """A fit as a formula sees it.

    Args:
        rows, columns: of the data.
        item_bytes: of one value.
        classes: of a classifier's target.
        params: that the estimator was given.
    """

    rows: int
    columns: int
    item_bytes: int
    classes: int = 2
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table_bytes(self) -> int:
        """The data as they are."""
        return self.rows * self.columns * self.item_bytes

    def as_bytes(self, item_bytes: int) -> int:
        """A copy of the data as values of another size; nothing where they have that size already."""
        return self.rows * self.columns * item_bytes if item_bytes != self.item_bytes else 0

    def number(self, name: str, default: int) -> int:
        """A parameter that is a whole number; the default where it is None or another thing."""
        value = self.params.get(name, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else default


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a fit takes above its data.

    Args:
        model_bytes: what it keeps.
        meanwhile_bytes: what it needs besides at its peak.
        spread_share: of both, that a fit may take more or less.
    """

    model_bytes: int
    meanwhile_bytes: int
    spread_share: float = 0.1
