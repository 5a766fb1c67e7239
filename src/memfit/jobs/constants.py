"""Whole numbers that a script gives a name to: found without running it, and run with others instead."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A whole number of a script.

    Args:
        name: "batch_size", or the option "--batch-size" that it is the default of.
        value: the number.
        place: "line:column" of the number itself.
    """

    name: str
    value: int
    place: str

    @property
    def is_option(self) -> bool:
        return self.name.startswith("-")


def named_numbers(text: str) -> list[Named]:
    """All of them: assignments, keyword arguments, defaults of functions and of command-line options.

    >>> [(one.name, one.value) for one in named_numbers("batch_size = 8\\nrun(lr=1, steps=3)")]
    [('batch_size', 8), ('lr', 1), ('steps', 3)]
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    found = [pair for node in ast.walk(tree) for pair in _pairs(node)]
    return [
        Named(name=name, value=value.value, place=f"{value.lineno}:{value.col_offset}")
        for name, value in found
        if isinstance(value, ast.Constant) and type(value.value) is int
    ]


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names with the expressions that give them their values."""
    match node:
        case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str()), *_]):
            options = [item.value for item in node.args if isinstance(item, ast.Constant)]
            name = max((str(option) for option in options), key=len)
            yield from ((name, keyword.value) for keyword in node.keywords if keyword.arg == "default")
        case ast.Call():
            yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            if value is not None:
                yield name, value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from ((n.id, v) for n, v in zip(names, values, strict=False) if isinstance(n, ast.Name))
        case ast.arguments(args=arguments, defaults=defaults, kwonlyargs=keywords, kw_defaults=keyword_defaults):
            last = arguments[len(arguments) - len(defaults) :]
            yield from ((one.arg, value) for one, value in zip(last, defaults, strict=True))
            yield from ((one.arg, v) for one, v in zip(keywords, keyword_defaults, strict=True) if v is not None)
        case ast.Dict(keys=keys, values=values):
            yield from ((k.value, v) for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant)
                        and isinstance(k.value, str))  # fmt: skip


class _Replace(ast.NodeTransformer):
    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        wanted = self._numbers.get(f"{node.lineno}:{node.col_offset}")
        if wanted is None or type(node.value) is not int:
            return node
        return ast.copy_location(ast.Constant(value=wanted), node)


def run_with(path: Path, numbers: Mapping[str, int]) -> None:
    """Run a script as `python` would, but for some of its numbers.

    Args:
        path: of the script; sys.argv and sys.path are the caller's business.
        numbers: "line:column" → what stands there instead.
    """
    tree = _Replace(numbers).visit(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __builtins__=__builtins__)
    sys.modules["__main__"] = main
    exec(compile(tree, str(path), "exec"), main.__dict__)
