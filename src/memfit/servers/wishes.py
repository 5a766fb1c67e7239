"""What may be asked of a model under a serving engine: the words behind its name on the command line.

Options have memfit's names, and where an engine has one of its own, that too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from memfit.errors import UsageError
from memfit.quantities import parse_bytes
from memfit.recipes.mesh import Mesh
from memfit.recipes.wishes import Words, count
from memfit.servers.version import Engine, engine

EXAMPLE = "memfit estimate hf:Qwen/Qwen3-32B --serve --engine vllm --context 32k --concurrent 16 --on 2xh100-80gb"
DTYPES = ("auto", "float32", "bfloat16", "float16")
CACHE_DTYPES = ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2")
EAGLE = "eagle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the engine is started.

    Args:
        engine: which, and its version.
        context: tokens of the longest request; None for what the model was made for.
        concurrent: requests that are asked about.
        dtype: of the weights, None for the configuration's.
        tensor, stages: ranks that share every layer, and that share the layers; None where nobody said it.
        fraction: of the card that the engine takes; None for its default.
        seqs, batched: requests at once and tokens at once that it plans for; None for its default.
        block: tokens of a block of the cache; None for its default.
        cache_dtype: "auto" for the weights'.
        eager: whether no CUDA graphs are captured.
        lora_rank, loras: of adapters that are served beside the model, and how many at once; 0 for none.
        draft: a model that drafts tokens, by its name, or EAGLE for one layer of this model's shape.
        swap_bytes: pinned host memory of each rank for requests that are put aside; None for its default.
        offload_bytes: of each rank's weights that are left on the host.
    """

    engine: Engine
    context: int | None = None
    concurrent: int = 1
    dtype: str | None = None
    tensor: int | None = None
    stages: int = 1
    fraction: float | None = None
    seqs: int | None = None
    batched: int | None = None
    block: int | None = None
    cache_dtype: str = "auto"
    eager: bool = False
    lora_rank: int = 0
    loras: int = 0
    draft: str | None = None
    swap_bytes: int | None = None
    offload_bytes: int = 0


def asks_for_an_engine(words: Sequence[str]) -> bool:
    """Whether these words name a serving engine.

    >>> asks_for_an_engine(["--serve", "--engine=vllm"]), asks_for_an_engine(["--serve"])
    (True, False)
    """
    return any(word.partition("=")[0] in ("--engine", "--engine-version") for word in words)


def read(words: Sequence[str], prog: str) -> Settings:
    """The settings of these words.

    Raises:
        UsageError: a word that is none of them, or two that contradict each other.
    """
    found = _parser(prog).parse_args(list(words))
    if found.engine is None:
        raise UsageError("--engine-version is of an --engine", hint="--engine vllm --engine-version 0.11.0")
    mesh = found.mesh
    if mesh is not None and (mesh.fsdp > 1 or mesh.dp > 1 or mesh.ep > 1):
        raise UsageError(
            "an engine's ranks share every layer (tp) or the layers among them (pp)",
            hint="--mesh tp=4, or tp=4,pp=2; copies of the whole engine are estimated one by one",
        )
    if found.max_loras > 1 and not found.lora_rank:
        raise UsageError("--max-loras is of adapters: their rank is needed", hint="--lora-rank 16 --max-loras 4")
    return Settings(
        engine=engine(found.engine, found.engine_version),
        context=found.context,
        concurrent=found.concurrent,
        dtype=None if found.dtype == "auto" else found.dtype,
        tensor=mesh.tp if mesh is not None else None,
        stages=mesh.pp if mesh is not None else 1,
        fraction=found.fraction,
        seqs=found.seqs,
        batched=found.batched,
        block=found.block,
        cache_dtype=found.cache_dtype,
        eager=found.eager,
        lora_rank=found.lora_rank or 0,
        loras=found.max_loras if found.lora_rank else 0,
        draft=found.draft,
        swap_bytes=found.swap_space,
        offload_bytes=found.cpu_offload or 0,
    )


def _parser(prog: str) -> argparse.ArgumentParser:
    made = Words(prog, example=EXAMPLE, description="Serve a model with vLLM or SGLang.", allow_abbrev=False)
    made.add_argument("--engine", metavar="NAME[==VERSION]", help="vllm or sglang; vllm==0.11.0")
    made.add_argument("--engine-version", metavar="VERSION", help="the same apart (the newest whose rules are known)")
    made.add_argument("--serve", action="store_true", help="it is what is estimated anyway")
    made.add_argument("--context", "--max-model-len", "--context-length", type=count, metavar="TOKENS",
                      help="of the longest request (what the model was made for)")  # fmt: skip
    made.add_argument("--concurrent", type=count, default=1, metavar="N", help="requests at once to ask about (1)")
    made.add_argument("--dtype", choices=DTYPES, default="auto", help="of the weights (the configuration's)")
    made.add_argument("--mesh", type=Mesh.parse, metavar="tp=N,pp=M", help="ranks (all devices share every layer)")
    made.add_argument("--utilization", "--gpu-memory-utilization", "--mem-fraction-static", dest="fraction",
                      type=_fraction, metavar="SHARE", help="of the card, for the engine (its default)")  # fmt: skip
    made.add_argument("--max-num-seqs", "--max-running-requests", dest="seqs", type=count, metavar="N")
    made.add_argument("--prefill", "--max-num-batched-tokens", "--chunked-prefill-size", dest="batched", type=count,
                      metavar="TOKENS", help="computed at once (the engine's default)")  # fmt: skip
    made.add_argument("--block-size", "--page-size", dest="block", type=count, metavar="TOKENS")
    made.add_argument("--cache-dtype", "--kv-cache-dtype", choices=CACHE_DTYPES, default="auto")
    made.add_argument("--eager", "--enforce-eager", "--disable-cuda-graph", action="store_true", help="no CUDA graphs")
    made.add_argument("--lora-rank", "--max-lora-rank", type=count, metavar="R", help="serve adapters of this rank")
    made.add_argument("--max-loras", "--max-loras-per-batch", type=count, default=1, metavar="N", help="at once (1)")
    made.add_argument("--draft", metavar="NAME", help="a model that drafts tokens, hf:org/name, or eagle: one layer")
    made.add_argument("--swap-space", type=parse_bytes, metavar="SIZE", help="of the host for each rank (vLLM's: 4GiB)")
    made.add_argument("--cpu-offload", type=parse_bytes, metavar="SIZE", help="of each rank's weights left on the host")
    return made


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a share above 0 up to 1, like 0.9, got {text!r}")
    return value
