"""What the job is doing right now: optimizer step, phase, module, source line. Cheap enough to ask at every birth."""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import torch

from memfit.quantities import Phase

_HERE = str(Path(__file__).parents[2])  # the memfit package, as it was imported
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {str(Path(torch.__file__).resolve().parents[1])}
)

Place = tuple[str | None, str | None]  # module, "file.py:line"


class Situation:
    """The state that storages are labelled with.

    Args:
        root: folder of the user's code; lines are shown relative to it. None shows file names alone.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.step = 0
        self.phase = Phase.SETUP
        self.stream = 0
        self.in_backward = 0
        self._root = root
        self._modules = threading.local()
        self._names: dict[int, str] = {}
        # By the code's address: its hash goes over all that is in it. The codes are kept, so that none gets another's.
        self._users: dict[int, str | None] = {}
        self._codes: list[CodeType] = []
        self._places: dict[int, Place] = {}
        self._last_sequence = 0
        self.own_name: Callable[[torch.nn.Module], str | None] = lambda module: None  # by a library that names its own

    # -- modules -----------------------------------------------------------------------------------------------

    @property
    def module_stack(self) -> list[torch.nn.Module]:
        stack: list[torch.nn.Module] | None = getattr(self._modules, "stack", None)
        if stack is None:
            stack = self._modules.stack = []
        return stack

    def learn_names(self, root: torch.nn.Module) -> None:
        """Remember the dotted names of a root module's parts."""
        for name, module in root.named_modules():
            self._names[id(module)] = name or type(root).__name__

    def module_name(self) -> str | None:
        stack = self.module_stack
        if not stack:
            return None
        return self.own_name(stack[-1]) or self._names.get(id(stack[-1])) or type(stack[-1]).__name__

    # -- lines -------------------------------------------------------------------------------------------------

    def place(self) -> Place:
        """Module and line of what is running; in the backward pass those of the forward call it undoes."""
        if self.in_backward and not self.module_stack:
            node = torch._C._current_autograd_node()
            if node is not None:
                known = self._places.get(node._sequence_nr())
                if known is not None:
                    return known
        return self.module_name(), self._line()

    def note_graph_node(self) -> None:
        """Called before an operator runs: if autograd has just made a node for it, remember where that was."""
        sequence = torch._C._autograd._get_sequence_nr() - 1
        if sequence == self._last_sequence:
            return
        self._last_sequence = sequence
        if self.phase in (Phase.SETUP, Phase.DATA) and not self.in_backward:
            self.phase = Phase.FORWARD  # a loss computed outside of any module still builds the graph
        self._places[sequence] = (self.module_name(), self._line())

    def forget_graph(self) -> None:
        self._places.clear()

    def _line(self) -> str | None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            name = self._users.get(id(code), "")
            if name == "":
                name = self._users[id(code)] = self._user_file(code.co_filename)
                self._codes.append(code)
            if name is not None:
                return f"{name}:{frame.f_lineno}"
            frame = frame.f_back
        return None

    def _user_file(self, filename: str) -> str | None:
        """How the file is shown, or None when it is a library's, the interpreter's or ours."""
        if filename.startswith(("<", _HERE)) or "site-packages" in filename:
            return None
        if any(filename.startswith(prefix) for prefix in _LIBRARIES):
            return None
        path = Path(filename)
        if self._root is not None:
            try:
                return str(path.resolve().relative_to(self._root))
            except ValueError:
                pass
        return path.name
