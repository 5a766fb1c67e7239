"""What a script does first: the imports and the environment that its opening statements ask for, and nothing else.

Several runs of one script that are forks of one process share what these statements load. Only statements are taken
that stand before all others, so whoever executes them does what the script itself would do, in its order; modules of
the script's own folder end them, since they may do anything.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

_ENVIRONMENT = frozenset({"os.environ", "os.environ.setdefault", "os.environ.update", "os.putenv"})


def prelude(text: str, folder: Path) -> list[ast.stmt]:
    """The opening statements of a script that only import installed packages and set the environment.

    Args:
        text: of the script; "" where it is not to be had.
        folder: where modules of its own are looked for.

    >>> code = "import os\\nos.environ['KERAS_BACKEND'] = 'jax'\\nimport keras\\nprint(1)\\nimport jax"
    >>> [ast.unparse(each) for each in prelude(code, Path("/nowhere"))]
    ['import os', "os.environ['KERAS_BACKEND'] = 'jax'", 'import keras']
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return []
    found = []
    for statement in body:
        if _is_text(statement):
            continue
        if not (_imports(statement, folder) or _sets_the_environment(statement)):
            break
        found.append(statement)
    return found


def execute(statements: list[ast.stmt], name: str) -> None:
    """Execute them in a module of their own, up to the first that fails: the script will fail there by itself.

    Args:
        statements: of ``prelude``.
        name: of the file, for tracebacks.
    """
    namespace: dict[str, object] = {"__name__": "__memfit_prelude__"}
    for statement in statements:
        try:
            exec(compile(ast.Module([statement], []), name, "exec"), namespace)
        except Exception:
            return


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _imports(statement: ast.stmt, folder: Path) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom)) and all(
        _is_installed(name, folder) for name in _names(statement)
    )


def _names(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(statement, ast.ImportFrom):
        yield "" if statement.level or statement.module is None else statement.module
    else:
        yield from (each.name for each in statement.names)


def _is_installed(name: str, folder: Path) -> bool:
    top = name.partition(".")[0]
    if not top or (folder / f"{top}.py").exists() or (folder / top).is_dir():
        return False
    try:
        return top == "__future__" or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _sets_the_environment(statement: ast.stmt) -> bool:
    """``os.environ["X"] = "…"``, ``os.environ.setdefault("X", "…")`` and their like, with constants."""
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=where, slice=ast.Constant())], value=ast.Constant()):
            return ast.unparse(where) in _ENVIRONMENT
        case ast.Expr(value=ast.Call(func=where, args=given, keywords=named)):
            constant = all(isinstance(each, ast.Constant) for each in (*given, *(pair.value for pair in named)))
            return constant and ast.unparse(where) in _ENVIRONMENT
    return False
