"""A plan made ready for review: a patch of the script, variables, a command line; what is left to be done by hand.

Nothing is written here, and nothing is run: the script's text comes in, a patch goes out.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memfit.advice.setting import Proposal
from memfit.documents import JobFacts, Knob

_OPTIMIZERS = {"Adafactor": "Adafactor", "SGD": "SGD", "SGD with momentum": "SGD"}
_KEPT = ("lr", "weight_decay")  # keyword arguments that mean the same for every optimizer
_Span = tuple[int, int, str]  # from, to, what stands there instead

_CHECKPOINT = """

# Recompute the activations of {kind} in the backward pass instead of keeping them.
def _recomputed(self, *args, _forward={kind}.forward, **kwargs):
    if self.training and torch.is_grad_enabled():
        return torch.utils.checkpoint.checkpoint(_forward, self, *args, use_reentrant=False, **kwargs)
    return _forward(self, *args, **kwargs)


{kind}.forward = _recomputed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What to look at before it is applied.

    Args:
        patch: of the script, as `git apply` and `patch -p1` take it; "" where nothing changes in it.
        environment: variables to set.
        arguments: the script's command line.
        by_hand: what the patch does not do: title and what to type.
    """

    patch: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    by_hand: tuple[tuple[str, str], ...]


def review(facts: JobFacts, chosen: Sequence[Proposal], text: str, name: str, arguments: Sequence[str]) -> Review:
    """Make a plan ready.

    Args:
        facts: of the job.
        chosen: the plan's proposals.
        text: of the script.
        name: of the script, as the patch should call it.
        arguments: of the script.
    """
    source = _Source(text)
    by_hand: list[tuple[str, str]] = []
    words = list(arguments)
    environment: dict[str, str] = {}
    for proposal in chosen:
        environment.update(proposal.setting.environment)
        if not _apply(proposal, source, words, facts):
            by_hand.append((proposal.title, proposal.how))
    return Review(patch=source.patch(name), environment=environment, arguments=tuple(words), by_hand=tuple(by_hand))


def _apply(proposal: Proposal, source: _Source, words: list[str], facts: JobFacts) -> bool:
    """Make one change; whether all of it could be made."""
    setting = proposal.setting
    if setting.batch is not None and facts.batch is not None:
        made = _turn(facts.batch, setting.batch, source, words)
        if setting.accumulation is None or setting.accumulation == 1:
            return made
        times = facts.accumulation
        return made and times is not None and _turn(times, times.value * setting.accumulation, source, words)
    if setting.environment:
        return True
    for name, value in setting.changes.items():
        make = _PATCHES.get(name)
        if make is None or not make(source, value):
            return False
    if setting.loaders:
        return source.keywords("DataLoader", _loader_keywords(setting.loaders))
    return bool(setting.changes)


def _turn(knob: Knob, value: int, source: _Source, words: list[str]) -> bool:
    if knob.kind in ("argument", "option"):
        words[:] = knob.on_command_line(words, value)
        return True
    return bool(knob.places) and all(source.number(place, value) for place in knob.places)


def _loader_keywords(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = {"workers": "num_workers", "prefetch": "prefetch_factor", "pinned": "pin_memory",
             "start_method": "multiprocessing_context"}  # fmt: skip
    found = {names[name]: value for name, value in fields.items()}
    return {**found, "prefetch_factor": None} if found.get("num_workers") == 0 else found


class _Source:
    """A script's text, and the changes to it that were asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._spans: list[_Span] = []
        try:
            self.tree: ast.AST = ast.parse(text)
        except (SyntaxError, ValueError):
            self.tree = ast.Module(body=[], type_ignores=[])
        lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line.encode()))

    def at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def replace(self, node: Any, text: str) -> None:
        """What stands in place of a node."""
        self._spans.append((self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset), text))

    def number(self, place: str, value: int) -> bool:
        """Another number at "line:column"."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and f"{node.lineno}:{node.col_offset}" == place:
                self.replace(node, str(value))
                return True
        return False

    def calls(self, name: str) -> Iterator[ast.Call]:
        """Calls of what has that last name, whatever it is reached through."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and _last_name(node.func) == name:
                yield node

    def keywords(self, name: str, values: Mapping[str, Any]) -> bool:
        """Set keyword arguments of every call of a name."""
        found = list(self.calls(name))
        for call in found:
            kept = [keyword for keyword in call.keywords if keyword.arg not in values]
            added = [ast.keyword(arg=arg, value=ast.Constant(value)) for arg, value in values.items()]
            changed = ast.Call(func=call.func, args=call.args, keywords=kept + added)
            self.replace(call, ast.unparse(changed))
        return bool(found)

    def after_class(self, kind: str, text: str) -> bool:
        """Insert after a class's definition at the top of the script."""
        for node in getattr(self.tree, "body", ()):
            if isinstance(node, ast.ClassDef) and node.name == kind and node.end_lineno is not None:
                end = self._starts[node.end_lineno]
                self._spans.append((end, end, text))
                return True
        return False

    def imports_first(self, module: str) -> None:
        """Import a module behind the last import at the top of the script."""
        body = getattr(self.tree, "body", [])
        last = max((node.end_lineno or 0 for node in body if isinstance(node, ast.Import | ast.ImportFrom)), default=0)
        self._spans.append((self._starts[last], self._starts[last], f"import {module}\n"))

    def patch(self, name: str) -> str:
        """A unified diff of all changes; of two in one place the first is made."""
        data = self.text.encode()
        made: list[_Span] = []
        for span in sorted(self._spans):
            if not made or span[0] >= made[-1][1]:
                made.append(span)
        for start, end, text in reversed(made):
            data = data[:start] + text.encode() + data[end:]
        before, after = self.text.splitlines(keepends=True), data.decode().splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, f"a/{name.lstrip('/')}", f"b/{name.lstrip('/')}"))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _patch_checkpoint(source: _Source, value: Mapping[str, Any]) -> bool:
    if float(value.get("share", 1.0)) != 1.0:
        return False
    if not source.after_class(value["kind"], _CHECKPOINT.format(kind=value["kind"])):
        return False
    source.imports_first("torch.utils.checkpoint")
    return True


def _patch_optimizer(source: _Source, value: str) -> bool:
    if value not in _OPTIMIZERS:
        return False
    calls = [call for used in ("Adam", "AdamW", "NAdam", "RAdam", "Adamax") for call in source.calls(used)]
    for call in calls:
        kept = [keyword for keyword in call.keywords if keyword.arg in _KEPT]
        if "momentum" in value:
            kept.append(ast.keyword(arg="momentum", value=ast.Constant(0.9)))
        through = ast.Attribute(value=ast.parse("torch.optim", mode="eval").body, attr=_OPTIMIZERS[value])
        source.replace(call, ast.unparse(ast.Call(func=through, args=call.args[:2], keywords=kept)))
    return bool(calls)


def _patch_kernel(source: _Source, value: str) -> bool:
    words = {"fused": True} if value == "fused" else {"foreach": False}
    made = [source.keywords(name, words) for name in ("Adam", "AdamW", "SGD", "Adagrad")]
    return any(made)


_PATCHES: dict[str, Callable[[_Source, Any], bool]] = {
    "checkpoint": _patch_checkpoint,
    "optimizer": _patch_optimizer,
    "optimizer_kernel": _patch_kernel,
}
