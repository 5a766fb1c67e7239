"""A call that trains, found in a script and not made yet: what whoever probes it needs to know of it.

Frameworks find such calls and say how each is cut down; the job probes them, and hands back what a part gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from memfit.probing.scaling import ColumnsAlike


@dataclass(frozen=True, slots=True)
class Learner:
    """An estimator that is fitted in a call: what its framework's scaling module is asked with.

    Args:
        framework: "sklearn".
        kind: its class, without the module.
        params: of it.
        path: of a part within the outermost one, "svc__" as set_params wants it; None where it cannot be set.
    """

    framework: str
    kind: str
    params: dict[str, Any]
    path: str | None = ""


class Given(NamedTuple):
    """What a call is given, as far as a device's figure asks for it.

    Attributes:
        filled: share of the table's cells that are stored and not missing; None where nobody counted.
        longest_row: values of the fullest row; None where that is not known.
        classes: of the target; 0 where it has none.
        evaluated: rows of each further table that is evaluated in every round.
        weighted: whether rows have weights.
        stored_matrix: whether it is a matrix of values; None where the fit makes one itself.
        page_rows: of the largest page, where it is in external memory; None where it is not.
        pages_on_host: whether a device's pages are kept in host memory, not on a disk.
    """

    filled: float | None = None
    longest_row: int | None = None
    classes: int = 0
    evaluated: tuple[int, ...] = ()
    weighted: bool = False
    stored_matrix: bool | None = None
    page_rows: int | None = None
    pages_on_host: bool = True


class TrainingCall:
    """One call that trains. Probes call it with what ``prepare`` makes of a number of rows.

    Attributes:
        label: "RandomForestClassifier.fit".
        estimator: the object that learns in place, whose state is handed back; None where the result is all.
        gives_result: what a part gives stands for the whole, as it is.
        params: where there is no estimator, those of the call.
        args: of the call, without the estimator.
        changed: parameters that a probe sets otherwise.
        on_host: parameters by which it is made on the CPU, where it is set to train on a GPU.
        sliceable: whether its data can be cut down; otherwise it is probed whole, with what else can be cut.
        forkable: whether it can be made in a fork: not where its data has threads of its own in this process.
        sizes: rows that its data can be cut down to, for probes; None for any.
        remade_bytes: what this process holds of its data that a probe makes anew, and counts.
        unsure_bytes: what one run may hold more than another, by the timing of its threads.
    """

    label = ""
    estimator: Any = None
    gives_result = False
    sliceable = True
    forkable = True
    sizes: tuple[int, ...] | None = None
    remade_bytes = 0
    unsure_bytes = 0

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.args: tuple[Any, ...] = ()
        self.changed: dict[str, Any] = {}
        self.on_host: dict[str, Any] = {}
        self.notes: list[str] = []

    @property
    def rows(self) -> int:
        """Of its data; 0 where that has none."""
        raise NotImplementedError

    @property
    def columns(self) -> int:
        raise NotImplementedError

    @property
    def data_bytes(self) -> int:
        """What the arrays that it was given hold."""
        return 0

    @property
    def stored_columns(self) -> tuple[ColumnsAlike, ...]:
        """What the columns of a sparse table are like; () of a dense one."""
        return ()

    def given(self) -> Given:
        """What a device's figure asks of its data."""
        return Given()

    def keep_on_host(self, settings: dict[str, Any]) -> None:
        """From now on it is made on the CPU, by these settings of what trains on a GPU."""
        self.on_host = settings

    def learners(self) -> Iterable[Learner]:
        """The estimator that it is made of, the outermost first, and those within."""
        raise NotImplementedError

    def whole(self) -> Any:
        """The call as the script made it."""
        raise NotImplementedError

    def alone(self) -> Any:
        """The same without threads or processes of its own, which the script's process could not be forked with."""
        raise NotImplementedError

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """Its arguments with some of the rows.

        Args:
            rows: how many.
            lighter: leave out what does not move the peak: rounds, candidates, folds.
        """
        raise NotImplementedError

    def learnt(self) -> Any:
        """What the estimator has learnt, as data that can be pickled."""
        return getattr(self.estimator, "__dict__", {})

    def take(self, learnt: Any) -> None:
        """Have the estimator know what another learnt."""
        self.estimator.__dict__.update(learnt)

    def __call__(self, prepared: Any) -> Any:
        raise NotImplementedError


Trains = Callable[[TrainingCall], Any]
