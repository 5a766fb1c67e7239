"""Lists that a script gathers piece by piece and then makes one array of: both live at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from memfit.documents import Hint, JobFacts

SLUG = "list-to-array"
_MAKERS = frozenset({
    "array", "asarray", "stack", "vstack", "hstack", "concatenate", "tensor", "as_tensor", "cat", "DataFrame", "concat",
})  # fmt: skip
_HOW = (
    "made = np.empty((n, *shape), dtype), filled by index; np.fromiter(generator, dtype); for what need not be in "
    "memory np.lib.format.open_memmap(path, 'w+', dtype, shape), or a generator that yields batches"
)


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Where a list is appended to in a loop, at the script's top or in a function, and an array is made of it there."""
    for line, name in _found(facts.text):
        yield Hint(
            slug=SLUG,
            text=f"{name} is gathered as a list and made into one array: while that is made both are held, and numbers "
            "in a list take 32 bytes each",
            how=_HOW,
            where=f"{facts.script}:{line}" if facts.script else f"line {line}",
        )


def _found(text: str) -> list[tuple[int, str]]:
    """Line and name of each array that is made of a gathered list, by scope."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    found = []
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    for scope in scopes:
        own = [node for statement in scope.body for node in _within(statement)]
        gathered = {name for node in own if isinstance(node, ast.For | ast.While) for name in _appended(node)}
        for node in own:
            if isinstance(node, ast.Call) and _last_name(node.func) in _MAKERS and node.args:
                given = node.args[0]
                if isinstance(given, ast.Name) and given.id in gathered:
                    found.append((node.lineno, given.id))
    return found


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and what is in it, functions and classes apart: they are scopes of their own."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _within(child)


def _appended(loop: ast.AST) -> Iterator[str]:
    for node in _within(loop):
        call = node.func if isinstance(node, ast.Call) else None
        if isinstance(call, ast.Attribute) and call.attr in ("append", "extend") and isinstance(call.value, ast.Name):
            yield call.value.id


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
