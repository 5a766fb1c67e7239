"""What llama.cpp reserves for a GGUF file on the processor: starts its server, prints the log's sizes, ends.

    python benchmarks/gguf/reserve.py FILE CONTEXT UBATCH ENABLED|DISABLED SEQUENCES

Needs xllamacpp (pip install xllamacpp), which brings llama.cpp along; nothing of memfit.
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def main() -> None:
    file, context, ubatch, flash, sequences = sys.argv[1:6]
    told = xllamacpp.CommonParams()
    told.model.path = file
    told.n_ctx, told.n_ubatch, told.n_batch, told.n_parallel = int(context), int(ubatch), 2048, int(sequences)
    told.warmup = told.fit_params = False
    told.no_extra_bufts = True  # weights as they are in the file
    told.n_gpu_layers, told.port, told.verbosity = 0, 0, 5
    told.flash_attn_type = getattr(xllamacpp.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{flash}")
    held = xllamacpp.Server(told)  # which ends with the process: on its own it waits for ever now and then
    sys.stdout.flush()
    os._exit(0 if held else 1)


if __name__ == "__main__":
    main()
