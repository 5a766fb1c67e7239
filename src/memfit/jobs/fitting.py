"""The child for scripts that fit estimators: runs the script to each call that trains, probes that call, goes on.

    python -m memfit.jobs.fitting FOLDER

The folder is as for jobs.child. A probe is a fork of the script at that call, with some of its real rows; the script
itself goes on with an estimator that was fitted on a small part, so that a later, larger fit is seen too.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from memfit.documents import save
from memfit.errors import JobFailed, JobNeverTrained, JobTimedOut, MemfitError
from memfit.jobs import shrunk
from memfit.jobs.changing import changed, facts_of
from memfit.jobs.child import Child
from memfit.jobs.device_calls import keep_on_host, on_device_of
from memfit.jobs.failing import hint_for, said
from memfit.jobs.fitted import FitSeen, document_of_script
from memfit.jobs.holdings import Holding, holdings
from memfit.jobs.probed import FEW_ROWS, SMALL_ROWS, handed_back, probed
from memfit.jobs.readers import Readers
from memfit.jobs.running import run_as_main, stay_offline
from memfit.jobs.shrunk import Ahead, FitThere
from memfit.jobs.tabular import kept_bytes
from memfit.jobs.tree_mark import TreeMark, children_bytes
from memfit.probing.calls import TrainingCall
from memfit.probing.child.reading import reset_peak
from memfit.probing.watching import Limits
from memfit.quantities import ByteRange
from memfit.recording.child.imports import Watch
from memfit.registry import TRAININGS
from memfit.sensors import process_memory

_Told = TypeVar("_Told")
_MOST_FITS = 8
_CHEAP_S = 2.0  # fits that take less are made by the script too, after they were probed
_HANDED_S = 60.0
# What this process has that no import of scikit-learn, XGBoost or LightGBM brings: measured with CPython 3.11, as the
# difference between processes that imported each with and without this module (3 MiB each).
_OWN_BYTES = 3 << 20


class Fitting(Child):
    """One script being run to its fits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fits: list[FitSeen] = []
        self.assumed: dict[str, str] = {}
        self.tree = TreeMark()
        self._probing = False
        self._told: list[dict[str, Any]] = []
        self._outside = ByteRange.exactly(0)
        self._seen: dict[Hashable, bool] = {}  # whether the script may make such a call itself
        self.readers: Readers | None = None
        self.ahead: Ahead | None = None
        self._there: list[FitThere] = []  # what was seen of the fits, where the data is a part
        self._marks: list[int] = []

    def _simulate(self) -> None:
        if self.request.shrink != 1:
            self._shrink()
        self.tell("start", "running the script up to the call that trains", 0)
        os.environ["MEMFIT_SCRATCH"] = str(self.folder)  # for what libraries write that open() does not see
        watch = Watch(lambda text: self.assume("probe-note", text))
        for module in TRAININGS.values():
            for name, install in importlib.import_module(module).HOOKS.items():
                watch.after(name, lambda found, install=install: install(found, self.trains))  # type: ignore[misc]
        for name, patch in self.readers.hooks() if self.readers is not None else ():
            watch.after(name, patch)
        watch.start()
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.tree.start()
        self.overlay.install()
        self.tell("setup", "running the script up to the call that trains", 0)
        try:
            run_as_main(self.request)
        except SystemExit as error:
            if error.code not in (None, 0) and not self.fits:
                raise JobFailed(
                    f"{self.request.target} called sys.exit({error.code!r}) before it fitted anything",
                    hint="run it with the arguments that python would need; --debug shows all that it printed",
                ) from error
        except MemfitError:
            raise
        except Exception as error:
            self._script_failed(error)
        self.finish()

    # -- on a part of the data ---------------------------------------------------------------------------------

    @property
    def _goes_ahead(self) -> bool:
        return self.request.shrink_part < 1

    def _shrink(self) -> None:
        """Have readers read a part; first let a run go ahead with half of it."""
        share = self.request.shrink
        if not self._goes_ahead:
            self.tell("start", "running the script on half of the part of its data", 0)
            self.ahead = shrunk.run_ahead(self.folder, self.request)
            share = self.ahead.share
            if not self.ahead.cuts:  # sized by memfit, and small
                self.ahead = None
                self.assume("not-shrunk", "no file that it reads is so large that it was cut")
                return
        self.readers = Readers(
            share,
            self.request.shrink_part,
            count=lambda path: self._besides(lambda: shrunk.count(path)),
            heads=lambda path, rows: self._besides(lambda: shrunk.heads(path, rows, self.folder)),
            free_bytes=Limits.of_this_machine(share=1.0).memory_bytes,
            reading=self._reading,
        )

    def _besides(self, work: Callable[[], _Told]) -> _Told:
        """What is done in processes that are not the script's."""
        paused, self.tree.paused = self.tree.paused, True
        try:
            return work()
        finally:
            self.tree.paused = paused

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """A mark before and after: at a part, the peak of reading may lie below another that does not grow."""
        self._mark()
        yield
        self._mark()

    def _met(self, call: TrainingCall) -> bool:
        """Of a run ahead: what is noted of a call; whether the script can make it as it is."""
        self._mark()
        self._noted(call)
        return call.rows <= FEW_ROWS

    def _noted(self, call: TrainingCall) -> FitThere:
        own = shrunk.own_bytes() if self.readers is not None else 0
        self._there.append(FitThere(call.label, call.rows, call.data_bytes, own))
        return self._there[-1]

    def _carried(self, call: TrainingCall, there: FitThere) -> tuple[FitThere, int, float]:
        """What a call comes to with all of the rows, how much more the script holds then, by which power of the rows.

        The run ends where the one ahead made another call.
        """
        if self.ahead is None:
            return there, 0, 1.0
        at = len(self._there) - 1
        before = self.ahead.fits[at] if at < len(self.ahead.fits) else None
        if before is None or before.label != there.label:
            self._fail(shrunk.diverged(call.label, before))
            self._end(1)
        found, power = self.ahead.whole_of(at, there)
        if power > 1:
            self.assume("grows-faster", shrunk.faster(f"at {call.label}", power, self.ahead.share))
        return found, found.own_bytes - there.own_bytes, power

    def assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text

    def _script_failed(self, error: Exception) -> None:
        traceback.print_exception(error)
        told = said(error)
        if not self.fits:
            raise JobFailed(told, hint=hint_for(error)) from error
        self.assume(
            "script-failed-later",
            f"after {self.fits[-1].label} the script failed with an estimator fitted on a part of the data: {told}",
        )

    # -- fits --------------------------------------------------------------------------------------------------

    def trains(self, call: TrainingCall) -> Any:
        """A call that trains: probe it, and hand back what a small part gives."""
        if self._probing:
            return call.whole()
        self._probing = True
        try:
            return self._made(call)
        finally:
            self._probing = False

    def _made(self, call: TrainingCall) -> Any:
        keep_on_host(call)
        key = _key(call)
        if key not in self._seen:
            if len(self.fits) >= _MOST_FITS and call.rows > FEW_ROWS:
                self.assume("fits-bounded", f"the script was stopped after {_MOST_FITS} different fits")
                self.finish()
            look = self._met if self._goes_ahead else self._probed
            self._seen[key] = len(self.fits) >= _MOST_FITS or look(call)
        return call.alone() if self._seen[key] else self._of_a_part(call)

    def _probed(self, call: TrainingCall) -> bool:
        """Probe a call; whether it is so cheap that the script can make it as it is."""
        if not call.forkable:
            self.assume("fit-made-whole", f"{call.label} cannot be made in a fork: a few of its rounds were made here")
            return True
        self._mark()
        self.tree.paused = True
        whole_call, growth, power = self._carried(call, self._noted(call))
        now = process_memory()
        told, less = facts_of(call), changed(call, self.request.changes) + call.remade_bytes
        held = (now.rss_bytes if now is not None else 0) + children_bytes() - less
        try:
            result = probed(
                call,
                self.folder,
                budget_s=min(self.request.probe_budget_s, self.request.timeout_s / 2),
                longest_s=self.request.timeout_s / 3,
                tell=lambda text: self.tell("probe", f"{call.label}: {text}", 0),
                target=whole_call.rows,
            )
        except MemfitError as error:
            if self.ahead is not None:
                raise shrunk.on_a_part(error.message) from error
            if call.rows > SMALL_ROWS:
                raise
            self.assume("fit-made-whole", f"{call.label} gave no probe ({error.message}): it was made as it is")
            return True
        finally:
            self.tree.paused = False
        whole = [each for each in result.readings if each.size == call.rows and each.rise_bytes is not None]
        cheap = self.ahead is None and bool(whole) and whole[-1].seconds < _CHEAP_S and not whole[-1].note
        largest = result.readings[-1]
        self._told.append(told)
        self.fits.append(
            FitSeen(
                label=call.label,
                where=_where(self.request.target),
                rows=whole_call.rows,
                columns=call.columns,
                data_bytes=whole_call.data_bytes,
                held_bytes=max(held - _OWN_BYTES, 0) + growth,
                result=self.ahead.unsure(result) if self.ahead is not None else result,
                earlier_bytes=sum(each.kept_bytes for each in self.fits)
                + (0 if largest.children else max((each.workers_bytes for each in self.fits), default=0)),
                kept_bytes=0 if cheap else kept_bytes(result),
                workers_bytes=max(each.workers_bytes for each in result.readings),
                holdings=self._holdings(call, whole_call.rows / max(call.rows, 1)),
                unsure_bytes=self.ahead.unsure_bytes(growth, power) if self.ahead is not None else 0,
                on_device=on_device_of(call, whole_call.rows),
            )
        )
        return cheap or (self.ahead is not None and call.rows <= FEW_ROWS)

    def _mark(self) -> None:
        """What the script held at most since the last mark, with what its fits would have left it."""
        now = process_memory()
        highest = max(now.peak_rss_bytes or 0 if now is not None else 0, self.tree.taken())
        seen = max(highest - _OWN_BYTES, 0)
        unsure = 0
        if self.ahead is not None:
            seen, unsure, power = self.ahead.mark(len(self._marks), seen)
            if power > 1:
                self.assume("grows-faster", shrunk.faster("at its peak", power, self.ahead.share))
        self._marks.append(seen)
        more = sum(fit.kept_bytes for fit in self.fits) + max((fit.workers_bytes for fit in self.fits), default=0)
        known = self._outside
        self._outside = ByteRange(
            low=max(known.low, seen),
            expected=max(known.expected, seen + more),
            high=max(known.high, seen + more + unsure),
        )
        reset_peak()

    def _holdings(self, call: TrainingCall, times: float) -> tuple[Holding, ...]:
        given = (*getattr(call, "args", ()), *getattr(call, "kwargs", {}).values(), getattr(call, "table", None))
        found = holdings(_variables(self.request.target), Path(self.request.target), given)
        return tuple(replace(each, size_bytes=round(each.size_bytes * times)) for each in found)

    def _of_a_part(self, call: TrainingCall) -> Any:
        """Make the call on a part in a fork and take over what it learnt: this process starts no threads of its own."""
        self.tree.paused = True
        for lighter, rows in ((False, FEW_ROWS), (True, FEW_ROWS // 4)):
            with tempfile.TemporaryDirectory(prefix="fit-", dir=self.folder) as folder:
                found, problem = handed_back(call, Path(folder), rows=rows, lighter=lighter, seconds=_HANDED_S)
            if found is not None:
                break
        else:
            self.assume("first-fits-only", f"the script was not followed beyond {call.label}: {problem}")
            self.finish()
        self.tree.paused = False
        state, result = found
        if call.estimator is not None:
            call.take(state)
        return call.estimator if result is None else result

    # -- ends --------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Write the estimate of the fits that were seen, and end."""
        with self._lock:
            code = 0
            try:
                if self._goes_ahead:
                    self._mark()
                    assert self.readers is not None
                    shrunk.written_ahead(self.folder, self.readers, self._there, self._marks)
                    self._end(0)
                if not self.fits and "fit-made-whole" not in self.assumed:
                    raise JobNeverTrained(
                        f"{self.request.target} ended without fitting an estimator in this process",
                        hint="pass the arguments that make it train; fits in other processes are not seen",
                    )
                if self.request.looked_at and self.fits:
                    largest = max(range(len(self.fits)), key=lambda at: self.fits[at].peak_bytes)
                    self._write_json("facts.json", self._told[largest])
                save(self._document(), self.folder / "result.json")
            except MemfitError as error:
                code = self._fail(error)
            except Exception as error:
                code = self._fail(MemfitError(f"memfit itself failed: {error!r}", slug="internal"), error)
            self._end(code)

    def _document(self) -> Any:
        self._mark()
        if self.readers is not None and self.ahead is not None:
            self.assumed |= {each.slug: each.text for each in shrunk.assumptions(self.readers, self.ahead)}
        return document_of_script(
            self.request, tuple(self.fits), self._outside, self.assumed, seconds=time.monotonic() - self.started
        )

    def _watchdog(self) -> None:
        time.sleep(self.request.timeout_s)
        if self.fits:
            self.assume(
                "stopped-by-time",
                f"the time limit of {self.request.timeout_s:g} s came after {len(self.fits)} fits",
            )
            self.finish()
        self._fail(
            JobTimedOut(
                f"the script came to no fit that could be probed within {self.request.timeout_s:g} s",
                hint="give it longer with --timeout, or less data to prepare",
            )
        )
        self._end(1)


def _key(call: TrainingCall) -> Hashable:
    """Calls that allocate alike: of the same classes, shape and whole numbers; rates and seeds do not count."""
    told = tuple(
        (
            learner.kind,
            *sorted(
                (name, each)
                for name, each in learner.params.items()
                if isinstance(each, (int, str)) and name not in ("random_state", "verbose", "seed")
            ),
        )
        for learner in call.learners()
    )
    return (call.label, call.rows, call.columns, told)


def _variables(target: str) -> dict[str, Any]:
    """Those of the script itself, of its functions that are being run too."""
    found: dict[str, Any] = {}
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if Path(frame.f_code.co_filename).name == Path(target).name:
            found = {**frame.f_globals, **found, **frame.f_locals}
        frame = frame.f_back
    return found


def _where(target: str) -> str | None:
    """The innermost line of the script itself that is being run."""
    name = Path(target).name
    for frame in reversed(traceback.extract_stack()):
        if Path(frame.filename).name == name:
            return f"{name}:{frame.lineno}"
    return None


def main() -> None:
    """Work on the folder named on the command line."""
    child = Fitting(Path(sys.argv[1]))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
