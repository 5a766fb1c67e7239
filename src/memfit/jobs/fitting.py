"""The child for scripts that fit estimators: runs the script to each call that trains, probes that call, goes on.

    python -m memfit.jobs.fitting FOLDER

The folder is as for jobs.child. A probe is a fork of the script at that call, with some of its real rows; the script
itself goes on with an estimator that was fitted on a small part, so that a later, larger fit is seen too.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import runpy
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memfit.documents import save
from memfit.errors import JobFailed, JobNeverTrained, JobTimedOut, MemfitError
from memfit.jobs.child import Child, _first_line, _hint, _stay_offline, _user_line
from memfit.jobs.fitted import FitSeen, document_of_script
from memfit.jobs.tabular import kept_bytes, with_all, with_sample
from memfit.probing.launching import ForkOfThis
from memfit.probing.scaling import Repeats, Sample
from memfit.probing.sweeping import Plan, sweep
from memfit.probing.watching import Limits
from memfit.recording.child.imports import Watch
from memfit.registry import TRAININGS, scaling
from memfit.sensors import process_memory

_MOST_FITS = 8
_SMALL_ROWS = 20_000  # fits of so few rows are probed up to their whole size
_HANDED_ROWS = 2_000  # the script goes on with an estimator that was fitted on so many
# A bare interpreter's resident size, of what this process held before the script (CPython 3.11: 9 to 11 MiB).
_BARE_BYTES = 10 << 20


class Fitting(Child):
    """One script being run to its fits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fits: list[FitSeen] = []
        self.assumed: dict[str, str] = {}
        self._probing = False
        self._seen: set[tuple[str, int, int]] = set()
        now = process_memory()
        self.own_bytes = max((now.rss_bytes if now is not None else 0) - _BARE_BYTES, 0)

    def _simulate(self) -> None:
        self.tell("start", "running the script up to the call that trains", 0)
        watch = Watch(lambda text: self.assume("probe-note", text))
        for module in TRAININGS.values():
            for name, install in importlib.import_module(module).HOOKS.items():
                watch.after(name, lambda found, install=install: install(found, self.trains))  # type: ignore[misc]
        watch.start()
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.overlay.install()
        self.tell("setup", "running the script up to the call that trains", 0)
        try:
            self._run()
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

    def assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text

    def _run(self) -> None:
        request = self.request
        sys.argv = [request.target, *request.arguments]
        if request.module:
            sys.path.insert(0, "")
            runpy.run_module(request.target, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(request.target).resolve().parent))
            runpy.run_path(request.target, run_name="__main__")

    def _script_failed(self, error: Exception) -> None:
        traceback.print_exception(error)
        said = f"{type(error).__name__}: {_first_line(error)}{_user_line(error)}"
        if not self.fits:
            raise JobFailed(said, hint=_hint(error)) from error
        self.assume(
            "script-failed-later",
            f"after {self.fits[-1].label} the script failed with an estimator fitted on a part of the data: {said}",
        )

    # -- fits --------------------------------------------------------------------------------------------------

    def trains(self, fit: Any) -> Any:
        """A call that trains: probe it, and hand back what a small part gives."""
        if self._probing:
            return fit.whole()
        self._probing = True
        try:
            key = (fit.label, fit.rows, fit.columns)
            if key not in self._seen:
                self._seen.add(key)
                self.fits.append(self._probed(fit))
            if len(self._seen) >= _MOST_FITS:
                self.assume("fits-bounded", f"the script was stopped after {_MOST_FITS} different fits")
                self.finish()
            return self._small(fit)
        finally:
            self._probing = False

    def _probed(self, fit: Any) -> FitSeen:
        now = process_memory()
        rss, peak = (now.rss_bytes, now.peak_rss_bytes or now.rss_bytes) if now is not None else (0, 0)
        rows = fit.rows
        known = scaling(fit.framework)
        plan = Plan(
            target=rows,
            sizes=(max(rows // 4, 1), max(rows // 2, 1), rows) if rows <= _SMALL_ROWS else None,
            budget_s=min(self.request.probe_budget_s, self.request.timeout_s / 2),
            limits=Limits.of_this_machine(seconds=self.request.timeout_s / 3),
        )
        repeats: Repeats | None = None
        sample: Sample | None = None
        if known is not None:
            found = known.scaling_of(fit.kind, fit.params, fit.columns)
            sample = found.sample
            repeats = found.repeats if rows > _SMALL_ROWS and fit.estimator is not None else None
            plan = replace(
                plan, terms=found.terms, caps_bytes=dict(found.caps_bytes), switches=found.switches,
                smallest=found.smallest,
            )  # fmt: skip
        if repeats is not None:
            fit.changed = {repeats.parameter: repeats.probed}
        result = sweep(ForkOfThis(_InFork(fit), folder=self.folder), plan, progress=self._teller(fit.label))
        fit.changed = {}
        if repeats is not None:
            result = with_all(result, repeats, plan)
        if sample is not None:
            result = with_sample(result, sample, plan)
        return FitSeen(
            label=fit.label,
            where=_where(self.request.target),
            rows=rows,
            columns=fit.columns,
            data_bytes=fit.data_bytes,
            held_bytes=max(rss - self.own_bytes, 0),
            peak_before_bytes=max(peak - self.own_bytes, 0),
            result=result,
            earlier_bytes=sum(kept_bytes(each.result) for each in self.fits),
        )

    def _teller(self, label: str) -> Callable[[str], None]:
        return lambda text: self.tell("probe", f"{label}: {text}", 0)

    def _small(self, fit: Any) -> Any:
        """Fit a small part in a fork and take over what it learnt: this process starts no threads of its own."""
        with tempfile.TemporaryDirectory(prefix="fit-", dir=self.folder) as folder:
            path = Path(folder) / "fitted"
            reading = ForkOfThis(_HandBack(fit, str(path)), folder=self.folder).probe(
                min(fit.rows, _HANDED_ROWS), Limits.of_this_machine(seconds=60)
            )
            if reading.failure or not path.exists():
                self.assume(
                    "first-fits-only",
                    f"the script was not followed beyond {fit.label}: {reading.problem or 'its result is no data'}",
                )
                self.finish()
            state, result = pickle.loads(path.read_bytes())
        if fit.estimator is not None:
            fit.estimator.__dict__.update(state)
        return fit.estimator if result is None else result

    # -- ends --------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Write the estimate of the fits that were seen, and end."""
        with self._lock:
            code = 0
            try:
                if not self.fits:
                    raise JobNeverTrained(
                        f"{self.request.target} ended without fitting an estimator in this process",
                        hint="pass the arguments that make it train; fits in other processes are not seen",
                    )
                save(self._document(), self.folder / "result.json")
            except MemfitError as error:
                code = self._fail(error)
            except Exception as error:
                code = self._fail(MemfitError(f"memfit itself failed: {error!r}", slug="internal"), error)
            self._end(code)

    def _document(self) -> Any:
        now = process_memory()
        peak = max((now.peak_rss_bytes or 0 if now is not None else 0) - self.own_bytes, 0)
        return document_of_script(
            self.request, tuple(self.fits), peak, self.assumed, seconds=time.monotonic() - self.started
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


@dataclass(frozen=True, slots=True)
class _InFork:
    """A fit with as many threads as the script would have had: see launch._one_thread."""

    fit: Any

    def prepare(self, rows: int) -> Any:
        threads = (os.environ.get("MEMFIT_THREADS") or "1").partition(",")[0]
        os.environ["OMP_NUM_THREADS"] = threads  # for processes that the fit starts
        with contextlib.suppress(Exception):  # without threadpoolctl, or a pool that it does not know: one thread
            importlib.import_module("threadpoolctl").threadpool_limits(limits=int(threads), user_api="openmp")
        return self.fit.prepare(rows)

    def __call__(self, prepared: Any) -> Any:
        return self.fit(prepared)


@dataclass(frozen=True, slots=True)
class _HandBack:
    """Fits a part in a fork and leaves what was learnt in a file."""

    fit: Any
    path: str

    def prepare(self, rows: int) -> Any:
        return self.fit.prepare(rows)

    def __call__(self, prepared: Any) -> None:
        result = self.fit(prepared)
        learnt = None if result is self.fit.estimator else result
        if learnt is not None and not self.fit.gives_result and self.fit.rows > _HANDED_ROWS:
            return  # labels of a part are not those of all: the script cannot go on with them
        draft = self.path + ".part"
        Path(draft).write_bytes(pickle.dumps((getattr(self.fit.estimator, "__dict__", {}), learnt)))
        os.rename(draft, self.path)  # noqa: PTH104  # pathlib's is the overlay's


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
    _stay_offline()
    child.work()


if __name__ == "__main__":
    main()
