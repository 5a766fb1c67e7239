"""How the ranks of a job are laid out: "tp=4,fsdp=8", the dimensions by the names that transformers gives them."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

_EXAMPLE = "tp=4,fsdp=8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """So many ranks in each dimension.

    Args:
        tp: share the work of every layer (tensor parallel).
        fsdp: share the weights, and gather them layer by layer.
        dp: hold all of it again for another part of the batch.
        ep: share the experts; the same ranks as tp and fsdp, not further ones.
        pp: share the layers (pipeline stages).

    >>> Mesh.parse("tp=4,fsdp=8").ranks
    32
    """

    tp: int = 1
    fsdp: int = 1
    dp: int = 1
    ep: int = 1
    pp: int = 1

    @property
    def ranks(self) -> int:
        return math.prod((self.tp, self.fsdp, self.dp, self.pp))

    @classmethod
    def parse(cls, text: str) -> Mesh:
        """From "tp=4,fsdp=8".

        Raises:
            argparse.ArgumentTypeError: a dimension that there is not, twice the same, or no whole number.
        """
        names = [field.name for field in fields(cls)]
        found: dict[str, int] = {}
        for part in text.split(","):
            name, _, size = part.strip().partition("=")
            if name not in names or name in found:
                raise argparse.ArgumentTypeError(
                    f"expected {', '.join(names)} once each, like {_EXAMPLE}, got {part!r}"
                )
            if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= 1 << 16:
                raise argparse.ArgumentTypeError(f"expected a whole number from 1 after {name}=, got {part!r}")
            found[name] = int(size)
        made = cls(**found)
        if (made.tp * made.fsdp) % made.ep:
            raise argparse.ArgumentTypeError(f"ep={made.ep} does not divide tp × fsdp = {made.tp * made.fsdp}")
        return made
