"""What of a simulated job only Python's collector gives back: storages that reference cycles hold.

Trusts the ledger for deaths: those that fall within a run of the collector are the collector's doing. At the end of the
job it is run once more, for what is still waiting.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter, defaultdict
from types import FunctionType
from typing import Any

import torch

from memfit.engine.garbage import left_by_a_step, waiting_bytes, where_born
from memfit.engine.trace import Storage

_NOT_THE_JOBS = frozenset({"memfit", "torch", *sys.stdlib_module_names})


class Cycles:
    """Looks on while a job is simulated.

    Args:
        simulation: the simulation; entered before this is installed.
    """

    def __init__(self, simulation: Any) -> None:
        self._sim = simulation
        self._began = 0
        self._on = True
        self._runs: list[tuple[int, int]] = []  # ticks between which the collector ran

    def watch(self) -> None:
        """Look on from now, until it is told what was seen."""
        gc.callbacks.append(self._collecting)

    def rest(self) -> None:
        """Let the collector rest from now, so that what waits for it is still there when it is asked for."""
        gc.callbacks.remove(self._collecting)
        self._on = gc.isenabled() and gc.get_threshold()[0] > 0
        gc.disable()

    def _collecting(self, phase: str, info: dict[str, int]) -> None:
        ledger = self._sim.ledger
        if phase == "start":
            self._began = ledger.tick
        elif ledger.tick > self._began:
            self._runs.append((self._began, ledger.tick))

    def told(self, pool: str) -> dict[str, Any]:
        """What the collector gave back, and what it would now; it rests, and the books are closed.

        Returns:
            The fields of memfit.documents.CycleFacts.
        """
        trace = self._sim.trace
        through, objects, seconds, found = self._collect()
        cyclic = [storage for storage in trace.storages if self._in_a_run(storage.died)] + found
        born_in = {storage.step for storage in found}
        of_a_step = objects // len(born_in) if born_in else 0
        return {
            "waiting_bytes": waiting_bytes(trace, pool, cyclic),
            "step_bytes": left_by_a_step(trace, pool, cyclic),
            "where": where_born(pool, cyclic),
            "through": through,
            # it starts when so many more containers were made than given back, whatever bytes they hold (module gc)
            "steps_apart": max(gc.get_threshold()[0] // of_a_step, 1) if of_a_step and self._on else None,
            "collector_on": self._on,
            "seconds": round(seconds, 3),
        }

    def _in_a_run(self, died: int | None) -> bool:
        return died is not None and any(began < died <= ended for began, ended in self._runs)

    def _collect(self) -> tuple[str, int, float, list[Storage]]:
        """Run the collector: by what the cycles go, how many objects there were, CPU seconds, storages given back."""
        before = self._sim.ledger.alive()
        flags = gc.get_debug()
        started = time.process_time()
        gc.set_debug(gc.DEBUG_SAVEALL)  # once to see the objects
        gc.collect()
        seconds = time.process_time() - started
        gc.set_debug(flags)
        through, objects = _by_what(gc.garbage), len(gc.garbage)
        gc.garbage.clear()
        gc.collect()  # and once to let go of them
        after = {id(record) for record in self._sim.ledger.alive()}
        return through, objects, seconds, [record for record in before if id(record) not in after]


def _by_what(garbage: list[Any]) -> str:
    """The kind of the job's exceptions, objects or functions through which most of the garbage holds tensors.

    Looks at types alone: an object's own attributes may be computed.
    """
    kinds: list[Counter[str]] = [Counter(), Counter(), Counter()]
    for each in _holders(garbage):
        kind = type(each)
        if issubclass(kind, BaseException):
            kinds[0][kind.__name__] += 1
        elif kind is FunctionType:
            if _the_jobs(each.__module__):
                kinds[2][f"{each.__qualname__}()"] += 1
        elif _the_jobs(kind.__module__) and not issubclass(kind, (type, torch.Tensor)):
            kinds[1][kind.__qualname__] += 1
    return next((names.most_common(1)[0][0] for names in kinds if names), "")


def _holders(garbage: list[Any]) -> list[Any]:
    """Those from which a tensor is reached."""
    by_id = {id(each): each for each in garbage}
    referrers: defaultdict[int, list[int]] = defaultdict(list)
    for each in garbage:
        for other in gc.get_referents(each):
            referrers[id(other)].append(id(each))
    found: set[int] = set()
    waiting = [number for number, each in by_id.items() if issubclass(type(each), torch.Tensor)]
    while waiting:
        for number in referrers[waiting.pop()]:
            if number not in found:
                found.add(number)
                waiting.append(number)
    return [by_id[number] for number in found]


def _the_jobs(module: Any) -> bool:
    return str(module).partition(".")[0] not in _NOT_THE_JOBS
