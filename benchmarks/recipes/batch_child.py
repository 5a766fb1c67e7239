"""A recipe, or accelerate's finder around it, on a card of which so many bytes may be taken.

python -m benchmarks.recipes.batch_child BYTES run|find FOLDER … --batch N
"""

from __future__ import annotations

import json
import sys

import torch

from memfit.recipes import language


def main() -> None:
    allowed, what, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(allowed / total)
    if what == "run":
        language.main(words)
        found = int(words[-1])
    else:
        from accelerate.utils import find_executable_batch_size

        @find_executable_batch_size(starting_batch_size=int(words[-1]))
        def train(batch_size: int) -> int:
            language.main([*words[:-1], str(batch_size)])
            return batch_size

        found = train()
    print(json.dumps({"batch": found, "reserved_peak_bytes": torch.cuda.max_memory_reserved()}), flush=True)


if __name__ == "__main__":
    main()
