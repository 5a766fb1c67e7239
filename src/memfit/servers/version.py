"""Which engine, in which version: rules are chosen by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from memfit.errors import UsageError

# The first and the last release whose rules were read.
_READ = {"vllm": ((0, 2), (0, 33)), "sglang": ((0, 4), (0, 5, 23))}
_OTHERS = {
    "llama.cpp": "give a GGUF file or its name instead: memfit estimate hf:org/name-GGUF:Q4_K_M --serve",
    "llamacpp": "give a GGUF file or its name instead: memfit estimate hf:org/name-GGUF:Q4_K_M --serve",
}


class Server(str, Enum):
    """A serving engine whose rules are known."""

    VLLM = "vllm"
    SGLANG = "sglang"

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine in a version.

    Args:
        server: which.
        number: its version, (0, 11, 0).
        given: whether somebody said it; else it is the newest whose rules were read.
    """

    server: Server
    number: tuple[int, ...]
    given: bool = True

    def since(self, *number: int) -> bool:
        """Whether this version is that one, or a later one."""
        return self.number >= number

    @property
    def version(self) -> str:
        return ".".join(map(str, self.number))

    @property
    def beyond(self) -> str:
        """A sentence when rules of this version were not read, and the nearest are taken; "" otherwise."""
        first, last = _READ[self.server.value]
        shown = ".".join(map(str, last))
        if self.number[: len(last)] > last:
            return f"{self} is newer than {shown}, the last whose rules were read: its own may differ"
        if self.number < first:
            return f"{self} is older than {'.'.join(map(str, first))}, the first whose rules were read"
        return ""

    def __str__(self) -> str:
        return f"{_NAMES[self.server]} {self.version}"


_NAMES = {Server.VLLM: "vLLM", Server.SGLANG: "SGLang"}


def engine(text: str, version: str | None = None) -> Engine:
    """From "vllm", "vllm==0.11.0", or a name and a version apart.

    Raises:
        UsageError: an engine or a version that there is not.

    >>> str(engine("vllm==0.11")), engine("sglang", "0.5.5.post3").number, engine("vllm").given
    ('vLLM 0.11', (0, 5, 5), False)
    """
    name, _, behind = (part.strip() for part in text.lower().partition("=="))
    if behind and version is not None and behind != version.strip().lower().removeprefix("v"):
        raise UsageError(
            f"--engine {text} and --engine-version {version} are two versions", hint=f"--engine {name}=={behind}"
        )
    if name not in [each.value for each in Server]:
        raise UsageError(
            f"the rules of the engine {name!r} are not known",
            hint=_OTHERS.get(name, "--engine vllm, or --engine sglang; vllm==0.11.0 says the version"),
            slug="unknown-engine",
        )
    asked = behind or (version or "").strip().lower().removeprefix("v")
    server = Server(name)
    if not asked:
        return Engine(server=server, number=_READ[name][1], given=False)
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3}){1,3})(?:[.-]?(?:post|rc|dev|a|b)[\w.+]*|\+[\w.]+)?", asked)
    if found is None:
        raise UsageError(
            f"{asked!r} is no version of {_NAMES[server]}",
            hint=f"--engine {name}=={'.'.join(map(str, _READ[name][1]))}",
            slug="unknown-engine",
        )
    return Engine(server=server, number=tuple(map(int, found.group(1).split("."))))
