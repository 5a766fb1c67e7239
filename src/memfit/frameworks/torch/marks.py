"""What a recorder is told of a PyTorch job: optimizer steps, backward passes, data, evaluation, checkpoints.

Everything is a wrapper around a public function or a public hook; arguments and results pass through as they are, no
tensor is touched, and nothing of CUDA is initialised. Code that torch.compile traces sees the original alone.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from memfit.frameworks.torch.gauges import add_gauges
from memfit.frameworks.torch.holdings import Holdings
from memfit.quantities import Marks

# An optimizer sets the pace until another has stepped so often without it (a warm-up's optimizer that is kept alive).
_HANDED_OVER = 64
# Passes without any step before they count themselves: hand-written updates, compiled steps.
_BACKWARD_ALONE = 8
_MOST = 16  # optimizers, and modules, that are remembered


class Seen:
    """A few objects, by identity, that are not kept alive.

    Args:
        most: how many; later ones are not taken.
    """

    def __init__(self, most: int) -> None:
        self._refs: dict[int, weakref.ref[Any]] = {}
        self._most = most

    def add(self, obj: Any) -> None:
        """Take it in, if there is room."""
        known = self._refs.get(id(obj))
        if known is not None and known() is obj:
            return
        if len(self._refs) >= self._most:
            self._refs = {key: ref for key, ref in self._refs.items() if ref() is not None}
        if len(self._refs) < self._most:
            self._refs[id(obj)] = weakref.ref(obj)

    def __iter__(self) -> Iterator[Any]:
        return iter([obj for ref in list(self._refs.values()) if (obj := ref()) is not None])


class _Job:
    """What is known of the job in this process.

    Args:
        torch: the module.
        marks: where it is told.
    """

    def __init__(self, torch: Any, marks: Marks) -> None:
        self.torch = torch
        self.marks = marks
        self.optimizers = Seen(_MOST)
        self.modules = Seen(_MOST)
        self.steps = 0
        self.pace: Callable[[], Any] = lambda: None  # a weak reference
        self._others: dict[int, int] = {}
        self._backwards = 0
        self.in_backward = False
        self.in_step = False
        self.undisturbed = False  # no other optimizer has stepped since
        self.changes_mode = False
        self.evaluated: weakref.ref[Any] | None = None
        self._role_told = False
        self.optimizer_lap, self.backward_lap, self.data_lap = map(marks.lap, ("optimizer", "backward", "data"))
        self.step_started: float | None = None

    # ---- optimizer steps

    def step_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.in_step:  # the step before ended in an exception
            self.marks.end("optimizer")
            self.in_step = False
        closure = args[1] if len(args) > 1 else kwargs.get("closure")  # wrappers pass None on
        if closure is None:  # a closure is forward and backward as well
            self.in_step = True
            self.step_started = self.optimizer_lap.start()

    def stepped_safely(self, optimizer: Any) -> None:
        """Whatever an optimizer is, its step is the job's."""
        try:
            self.stepped(optimizer)
        except Exception as error:
            self.marks.note(slug="marks-failed", text=f"a step is not followed: {type(error).__name__}: {error}")

    def stepped(self, optimizer: Any) -> None:
        """One step of an optimizer: an iteration if it is the one that sets the pace."""
        if self.pace() is not optimizer:
            if not self._takes_over(optimizer):
                return
            self.pace = weakref.ref(optimizer)
        self._others.clear()
        self.undisturbed = True
        self.steps += 1
        if self.evaluated is not None:
            self.evaluation_ends()
        if not self._role_told:
            self._tell_role()
        self.marks.iteration("step")

    def _takes_over(self, optimizer: Any) -> bool:
        self.optimizers.add(optimizer)
        if self.pace() is None:
            return True
        self.undisturbed = False
        key = id(optimizer)
        self._others[key] = self._others.get(key, 0) + 1
        return self._others[key] >= _HANDED_OVER

    def _tell_role(self) -> None:
        self._role_told = True
        distributed = sys.modules.get("torch.distributed")
        rank: int | None = None
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            rank = distributed.get_rank()
        self.marks.role("trainer", rank if rank is not None else rank_of_environment())

    # ---- backward passes

    def passed_back(self) -> None:
        """A backward pass has ended and no optimizer has ever stepped."""
        self._backwards += 1
        if self._backwards >= _BACKWARD_ALONE:
            self.marks.iteration("backward")

    # ---- evaluation

    def train_called_safely(self, module: Any, mode: bool) -> None:
        try:
            self._train_called(module, mode)
        except Exception as error:  # a module may be anything
            self.marks.note(slug="marks-failed", text=f"evaluations are not followed: {type(error).__name__}: {error}")

    def _train_called(self, module: Any, mode: bool) -> None:
        """A module goes into training or evaluation mode; it matters if it is the one that is trained."""
        self.modules.add(module)
        if mode:
            evaluated = module if self.evaluated is None else self.evaluated()
            if self.evaluated is not None and (evaluated is None or evaluated is module):
                self.evaluation_ends()
        elif self.steps and self.evaluated is None and module.training and self._is_trained(module):
            self.evaluated = weakref.ref(module)
            self.marks.begin("evaluation")

    def _is_trained(self, module: Any) -> bool:
        """Whether it owns the first parameter of an optimizer that has stepped: a teacher or a frozen part does not."""
        firsts = {id(first) for optimizer in self.optimizers for first in _first_parameter(optimizer)}
        return any(id(parameter) in firsts for parameter in module.parameters())

    def evaluation_ends(self) -> None:
        self.evaluated = None
        self.marks.end("evaluation")

    # ---- data

    def next_batch(self, original: Callable[[Any], Any], iterator: Any) -> Any:
        if self.evaluated is not None:
            module = self.evaluated()
            if module is None or module.training:  # some restore the mode without calling train()
                self.evaluation_ends()
        started = self.data_lap.start()
        try:
            return original(iterator)
        finally:
            self.data_lap.stop(started)


def _first_parameter(optimizer: Any) -> list[Any]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            return [parameter]
    return []


def rank_of_environment() -> int | None:
    """The rank that a launcher gave this process."""
    rank = os.environ.get("RANK", "")
    return int(rank) if rank.isdecimal() and os.environ.get("WORLD_SIZE", "").isdecimal() else None


_job: _Job | None = None


def install(torch: Any, marks: Marks) -> None:
    """Tell ``marks`` of all that PyTorch does from now on in this process."""
    global _job
    first = _job is None
    _job = _Job(torch, marks)
    holdings = Holdings(torch, _job.optimizers, _job.modules)
    marks.attribution("tensors", holdings.tensors)
    marks.attribution("graphs", holdings.graphs)
    add_gauges(torch, marks)
    processes = sys.modules.get("multiprocessing.process")
    if rank_of_environment() is not None and (processes is None or processes.parent_process() is None):
        marks.role("trainer", rank_of_environment())
    if first:
        _patch(torch, marks)


def _patch(torch: Any, marks: Marks) -> None:
    """Each by itself: what another version of PyTorch has elsewhere is missed alone, and said."""
    compiling = getattr(getattr(torch, "compiler", None), "is_compiling", lambda: False)
    module, data = torch.nn.Module, torch.utils.data
    parts: dict[str, Callable[[], None]] = {
        "optimizer steps": lambda: _hook_steps(sys.modules["torch.optim.optimizer"], compiling),
        "backward": lambda: _wrap(torch.autograd, "backward", functools.partial(_backward, compiling=compiling)),
        "evaluation": lambda: _wrap(module, "train", functools.partial(_train, compiling=compiling)),
        "data": lambda: _wrap(data.dataloader._BaseDataLoaderIter, "__next__", _next),
        "workers": lambda: _wrap(data._utils.worker, "_worker_loop", _worker_loop),
        "checkpoints": lambda: _wrap(torch.serialization, "save", _checkpoint, torch),
        "skipped steps": lambda: _wrap(torch.amp.GradScaler, "step", _scaled_step),
    }
    for name, patch in parts.items():
        try:
            patch()
        except (AttributeError, KeyError) as error:
            text = f"{name} are not followed with PyTorch {torch.__version__}: {error}"
            marks.note(slug="marks-failed", text=text)


def _wrap(owner: Any, name: str, wrapped: Callable[[Any], Any], *also: Any) -> None:
    wrapper = wrapped(getattr(owner, name))
    for place in (owner, *also):
        setattr(place, name, wrapper)


def _hook_steps(optimizers: Any, compiling: Callable[[], bool]) -> None:
    # The usual case stands here, without a further call: a small loop makes thousands of steps a second.
    def before(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if compiling():
            return
        job: Any = _job
        if job.in_step or kwargs or len(args) > 1:
            job.step_begins(args, kwargs)
        else:
            job.in_step = True
            job.step_started = job.optimizer_lap.start()

    def after(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if compiling():
            return
        job: Any = _job
        if job.in_step:
            job.in_step = False
            job.optimizer_lap.stop(job.step_started)
        if job.pace() is optimizer and job.undisturbed and job.evaluated is None:
            job.steps += 1
            job.marks.iteration("step")
        else:
            job.stepped_safely(optimizer)

    optimizers.register_optimizer_step_pre_hook(before)
    optimizers.register_optimizer_step_post_hook(after)


def _backward(original: Any, compiling: Callable[[], bool]) -> Any:
    @functools.wraps(original)
    def backward(*args: Any, **kwargs: Any) -> Any:
        job: Any = _job
        if job.in_backward or compiling():  # a checkpointed part is run again within the pass
            return original(*args, **kwargs)
        if job.evaluated is not None:
            job.evaluation_ends()
        job.in_backward = True
        started = job.backward_lap.start()
        try:
            return original(*args, **kwargs)
        finally:
            job.backward_lap.stop(started)
            job.in_backward = False
            if not job.steps:
                job.passed_back()

    return backward


def _train(original: Any, compiling: Callable[[], bool]) -> Any:
    @functools.wraps(original)
    def train(self: Any, mode: bool = True) -> Any:
        """eval() comes here too, and both go on to every module within."""
        job = _job
        if job.changes_mode or compiling():  # type: ignore[union-attr]
            return original(self, mode)
        job.changes_mode = True  # type: ignore[union-attr]
        try:
            job.train_called_safely(self, mode)  # type: ignore[union-attr]
            return original(self, mode)
        finally:
            job.changes_mode = False  # type: ignore[union-attr]

    return train


def _next(original: Any) -> Any:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:
        return _job.next_batch(original, self)  # type: ignore[union-attr]

    return __next__


def _worker_loop(original: Any) -> Any:
    @functools.wraps(original)
    def _worker_loop(*args: Any, **kwargs: Any) -> Any:
        _job.marks.role("loader worker")  # type: ignore[union-attr]
        return original(*args, **kwargs)

    return _worker_loop


def _checkpoint(original: Any) -> Any:
    @functools.wraps(original)
    def save(*args: Any, **kwargs: Any) -> Any:
        with _job.marks.phase("checkpoint"):  # type: ignore[union-attr]
            return original(*args, **kwargs)

    return save


def _scaled_step(original: Any) -> Any:
    @functools.wraps(original)
    def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """A step that the scaler skips, because a gradient is not finite, is an iteration as well."""
        job = _job
        before = job.steps  # type: ignore[union-attr]
        result = original(self, optimizer, *args, **kwargs)
        if job.steps == before:  # type: ignore[union-attr]
            job.stepped_safely(getattr(optimizer, "optimizer", optimizer))  # type: ignore[union-attr]
        return result

    return step


def install_launcher(api: Any, marks: Marks) -> None:
    """The process that starts the ranks says so when it does."""
    original = api.launch_agent

    @functools.wraps(original)
    def launch_agent(*args: Any, **kwargs: Any) -> Any:
        marks.role("launcher")
        return original(*args, **kwargs)

    api.launch_agent = launch_agent


def install_safetensors(module: Any, marks: Marks) -> None:
    """Its files are checkpoints too."""
    module.save_file = _checkpoint(module.save_file)


HOOKS: dict[str, Callable[[Any, Marks], None]] = {
    "torch": install,
    "torch.distributed.launcher.api": install_launcher,
    "safetensors.torch": install_safetensors,
}
