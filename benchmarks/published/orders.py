"""What an allocator keeps of batches of changing length, in the order that `--lengths` takes and in others.

    python -m benchmarks.published.orders

A batch's tensors are seen at two lengths; between and beyond these their sizes are on a line, as they are where
attention is fused. Their births and deaths are then replayed batch after batch through the allocator's model: four
layers of models of the tuning half's sources, low-rank adapters and checkpointing, batches of one sequence. Kept in
data/orders.json: what is reserved beyond live tensors in other orders (lengths drawn at random, the longest once), and
when the recipe's own goes on for 200 more batches, as shares of what its own leaves.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import memfit
from benchmarks.published.predict import DATA
from memfit.engine.allocators.cuda_caching import CudaCachingAllocator
from memfit.engine.trace import Trace
from memfit.recipes import language, loop
from memfit.recipes.lengths import BATCHES, Lengths
from memfit.recipes.naming import find

FILE = DATA / "orders.json"
MODELS = ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-1.5B")
_WORDS = (
    "--train lora --batch 1 --lora-targets q_proj,k_proj,v_proj --checkpointing --attention sdpa "
    "--software transformers==4.40,torch==2.2"
)
_POOL, _SEEN, _SHORTEST, _LONGEST, _ORDERS, _MORE = "cuda:0", (1024, 2048), 128, (2048, 8192), 8, 200


@dataclass(frozen=True, slots=True)
class Line:
    """A storage's size by the length of its batch, in bytes."""

    fixed: float
    per_token: float

    def at(self, length: int) -> int:
        return max(1, round(self.fixed + self.per_token * length))


@dataclass(frozen=True, slots=True)
class Batch:
    """What happens in one batch.

    Args:
        before: what lives when it begins, by number.
        events: numbers in the order of their births (a line) and deaths (None).
    """

    before: tuple[tuple[int, Line], ...]
    events: tuple[tuple[int, Line | None], ...]


def traced(folder: str, length: int) -> tuple[Trace, list[int]]:
    """A simulated job, and how many storages there were when each of its batches began."""
    began: list[int] = []
    draw = language.tokens
    with memfit.simulate("a100-80gb") as simulated:
        trace = simulated.trace

        def tokens(*given: Any) -> Any:
            began.append(len(trace.storages))
            return draw(*given)

        with mock.patch.object(language, "tokens", tokens), mock.patch.object(loop, "show"):
            language.main([folder, *_WORDS.split(), "--seq", str(length)])
    return trace, began


def third(trace: Trace, began: Sequence[int]) -> tuple[dict[int, int], list[tuple[int, int | None]]]:
    """The third batch, when the optimizer's states are there: what lived before, and its events, with sizes."""
    since, until = (trace.storages[began[at]].born for at in (2, 3))
    own = [(number, each) for number, each in enumerate(trace.storages) if each.pool == _POOL]
    before = {
        number: each.size_bytes
        for number, each in own
        if each.born < since and (each.died is None or each.died >= since)
    }
    events = [(each.born, number, each.size_bytes) for number, each in own if since <= each.born < until]
    ends = [(each.died, number, None) for number, each in own if each.died is not None and since <= each.died < until]
    return before, [(number, size) for _, number, size in sorted([*events, *ends], key=lambda event: event[0])]


def batch_of(folder: str) -> Batch:
    """Both lengths as lines."""
    (before, events), (other, later) = (third(*traced(folder, length)) for length in _SEEN)
    if [size is None for _, size in events] != [size is None for _, size in later]:
        raise SystemExit(f"{folder}: other events at other lengths")

    def line(one: int, two: int) -> Line:
        each = (two - one) / (_SEEN[1] - _SEEN[0])
        return Line(one - each * _SEEN[0], each)

    return Batch(
        tuple((number, line(one, two)) for (number, one), two in zip(before.items(), other.values(), strict=True)),
        tuple(
            (number, None if one is None or two is None else line(one, two))
            for (number, one), (_, two) in zip(events, later, strict=True)
        ),
    )


def kept(batch: Batch, lengths: Sequence[int]) -> int:
    """The reserved peak less the allocated one, in bytes."""
    allocator = CudaCachingAllocator()
    held = {number: allocator.malloc(size.at(lengths[0])) for number, size in batch.before}
    for length in lengths:
        for number, size in batch.events:
            if number in held:  # the batch before left it
                allocator.free(held.pop(number))
            if size is not None:
                held[number] = allocator.malloc(size.at(length))
    return allocator.reserved_peak_bytes - allocator.allocated_peak_bytes


def of_model(name: str) -> dict[str, dict[str, Any]]:
    """By the longest sequence: shares of what the recipe's order leaves, of others the smallest first."""
    told = json.loads((find(f"hf:{name}").folder / "config.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({**told, "num_hidden_layers": 4}))
        batch = batch_of(folder)
    found = {}
    for longest in _LONGEST:
        order = Lengths(known=(_SHORTEST, longest), between=True).of_batches(BATCHES, 1)
        own, chance = kept(batch, order), random.Random(_ORDERS)
        longer = kept(batch, [*order, *(chance.randint(_SHORTEST, longest) for _ in range(_MORE))])
        others = []
        for seed in range(_ORDERS):
            chance = random.Random(seed)
            lengths = [chance.randint(_SHORTEST, longest) for _ in range(BATCHES - 1)]
            lengths.insert(chance.randrange(BATCHES), longest)
            others.append(round(kept(batch, lengths) / own, 2))
        found[str(longest)] = {"others": sorted(others), "longer": round(longer / own, 3)}
        print(name, longest, found[str(longest)], flush=True)
    return found


def main() -> None:
    FILE.write_text(json.dumps({name: of_model(name) for name in MODELS}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
