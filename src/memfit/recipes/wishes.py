"""What may be asked of a model by name: the words behind it on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from memfit.errors import UsageError
from memfit.recipes.lengths import BATCHES, Lengths
from memfit.recipes.mesh import Mesh
from memfit.recipes.software import Software

TRAININGS = ("full", "lora", "dora", "qlora")
DEFAULT_TOKENS = 1024
DTYPES = ("auto", "float32", "bfloat16", "float16")
OPTIMIZERS = ("adamw", "sgd", "adafactor", "lion", "adamw8bit", "lion8bit", "paged-adamw8bit", "paged-adamw")
ADAPTERS = ("float32", "weights")
FOUR_BIT = ("nf4-dq", "nf4")
PARALLEL = ("ddp", "fsdp", "fsdp1", "zero1", "zero2", "zero3")
FSDP_UNITS = ("adapters", "layers")
OBJECTIVES = ("sft", "dpo", "grpo")
EXAMPLE = "memfit estimate hf:meta-llama/Llama-3.1-8B --train lora --seq 4096 --batch 2 --on rtx4090-24gb"
_MOST = 1 << 27


class Words(argparse.ArgumentParser):
    """What stands behind a model's name; a wrong word is told with an example.

    Args:
        prog: as it was called.
        example: a right one.
        stray: what to say instead of a word that nobody knows.
        options: of argparse.
    """

    def __init__(self, prog: str, *, example: str, stray: str = "", **options: Any) -> None:
        super().__init__(prog=prog, **options)
        self._example, self._stray = example, stray or example

    def error(self, message: str) -> NoReturn:
        hint = self._stray if "unrecognized" in message else self._example
        raise UsageError(f"{self.prog}: {message}", hint=hint)


def count(text: str) -> int:
    """A whole number from 1, "4096" or "32k" (1,024 each, as context lengths are written).

    >>> count("4096"), count("32k"), count("1m")
    (4096, 32768, 1048576)
    """
    times = {"k": 1 << 10, "m": 1 << 20}.get(text[-1:].lower(), 1)
    digits = (text[:-1] if times > 1 else text).replace("_", "").replace(",", "")
    if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits) * times <= _MOST:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, like 4096 or 32k, got {text!r}")
    return int(digits) * times


def share(text: str) -> float:
    """From 0 to below 1.

    >>> share("0.05")
    0.05
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to below 1, like 0.05, got {text!r}")
    return found


def _numbers(text: str) -> int:
    """As DeepSpeed's configurations are written, "5e8"."""
    try:
        found = int(float(text))
    except (ValueError, OverflowError):
        found = 0
    if not 1 <= found <= 1 << 40:
        raise argparse.ArgumentTypeError(f"expected a number from 1, like 5e8, got {text!r}")
    return found


def parser(prog: str) -> argparse.ArgumentParser:
    """The options of a recipe."""
    made = Words(
        prog,
        example=EXAMPLE,
        stray="options of memfit stand before the name, but for --on and --ranks",
        description="Train, infer with, or serve a model that is built from its configuration.",
    )
    made.add_argument("configuration", help="a folder with a config.json, or that file")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--train", choices=TRAININGS, help="all weights, adapters, or adapters on 4-bit weights")
    what.add_argument("--generate", type=count, metavar="TOKENS", help="let it write so many tokens after a prompt")
    what.add_argument("--serve", action="store_true", help="hold caches of many requests; see --context, --concurrent")
    made.add_argument("--seq", type=count, metavar="TOKENS", help="length of every sequence (1024, or its longest)")
    made.add_argument(
        "--lengths", type=lambda text: Lengths.parse(text, count), metavar="FROM..TO",
        help="of training: batches of changing lengths, 128..2048 or a list, in the place of --seq",
    )  # fmt: skip
    made.add_argument("--batch", type=count, default=1, metavar="N", help="sequences at once (1)")
    made.add_argument("--accumulate", type=count, default=1, metavar="N", help="batches for each step (1)")
    made.add_argument("--dtype", choices=DTYPES, default="auto", help="of the weights (the configuration's)")
    made.add_argument(
        "--autocast", choices=("none", *DTYPES[1:]), help="mixed precision over these weights (bfloat16 for adapters)"
    )
    made.add_argument("--optimizer", choices=OPTIMIZERS, default="adamw")
    made.add_argument(
        "--objective", choices=OBJECTIVES, default="sft", help="of training: next tokens, pairs of answers, own answers"
    )
    made.add_argument("--completion", type=count, default=256, metavar="TOKENS", help="of answers under grpo (256)")
    made.add_argument("--reward", metavar="MODEL", help="that gives rewards under grpo, beside the one that learns")
    made.add_argument("--checkpointing", action="store_true", help="recompute every layer's activations")
    made.add_argument("--attention", choices=("auto", "sdpa", "eager"), default="auto")
    _add_adapters(made)
    _add_spread(made)
    made.add_argument("--context", type=count, metavar="TOKENS", help="of every request served (--seq)")
    made.add_argument("--concurrent", type=count, default=1, metavar="N", help="requests served at once (1)")
    made.add_argument("--prefill", type=count, default=2048, metavar="TOKENS", help="prompt tokens at once (2048)")
    made.add_argument(
        "--software", type=Software.parse, default=Software(), metavar="NAME==VERSION,…",
        help="the habits of other versions than those installed: torch, cuda, transformers, bitsandbytes",
    )  # fmt: skip
    made.add_argument("--steps", type=count, default=4, help=argparse.SUPPRESS)
    made.add_argument("--every-token", action="store_true", help=argparse.SUPPRESS)  # written one by one, as on a card
    return made


def _add_adapters(made: argparse.ArgumentParser) -> None:
    """How adapters are made, and what they are on."""
    made.add_argument("--lora-rank", type=count, default=16, metavar="R")
    made.add_argument(
        "--lora-dtype", choices=ADAPTERS, default="float32", help="with autocast, or as the weights without it"
    )
    made.add_argument("--lora-targets", default="all-linear", metavar="NAMES", help='"q_proj,v_proj" ("all-linear")')
    made.add_argument(
        "--four-bit",
        choices=FOUR_BIT,
        default="nf4-dq",
        help="of qlora: with scales that are quantised too, or without",
    )
    made.add_argument(
        "--four-bit-skip", default="lm_head", metavar="NAMES", help='of qlora: layers left whole ("lm_head"; "none")'
    )
    made.add_argument("--lora-dropout", type=share, default=0.0, metavar="P", help="before every adapter (0)")


def _add_spread(made: argparse.ArgumentParser) -> None:
    """How training and inference are spread over several ranks."""
    made.add_argument("--parallel", choices=PARALLEL, default="fsdp", help="training on several ranks (fsdp)")
    made.add_argument(
        "--fsdp-units", choices=FSDP_UNITS, default="adapters",
        help="of fsdp1: adapters are units of their own, or lie in their layer's (adapters)",
    )  # fmt: skip
    made.add_argument(
        "--no-sync", action="store_true", help="of --accumulate: gradients are exchanged after the last batch alone"
    )
    made.add_argument("--zero-offload", choices=("optimizer", "all"), help="of zero1 to 3: states, or weights too")
    made.add_argument(
        "--zero-bucket", type=_numbers, default=500_000_000, metavar="N", help="numbers reduced at once (500,000,000)"
    )
    made.add_argument(
        "--mesh", type=Mesh.parse, metavar="NAME=N,…", help="how ranks are laid out: tp, fsdp, dp, ep, pp (tp to infer)"
    )


def read(words: Sequence[str], prog: str) -> argparse.Namespace:
    """The options of these words.

    Raises:
        UsageError: a word that is none of them, or two that contradict each other.
    """
    found = parser(prog).parse_args(list(words))
    if found.train == "qlora" and found.dtype == "float32":
        raise UsageError("qlora computes in 16 bit: --dtype float32 contradicts it", hint="--dtype bfloat16")
    if found.lengths is not None:
        _check_lengths(found)
    if found.reward is not None and found.objective != "grpo":
        raise UsageError("--reward is of --objective grpo", hint="a reward that is a function needs no option")
    if found.objective != "sft":
        _check_objective(found)
    if found.parallel == "fsdp" and found.mesh is None and found.software.has_flat_shards:
        found.parallel = "fsdp1"
    if found.mesh is not None:
        _check_mesh(found)
    if found.no_sync and (not found.train or found.mesh is not None or found.parallel.startswith("zero")):
        raise UsageError("--no-sync is of training by --parallel ddp, fsdp or fsdp1", hint="leave it away")
    if found.parallel.startswith("zero"):
        _check_zero(found)
    elif found.zero_offload:
        raise UsageError("--zero-offload is of --parallel zero1, zero2 or zero3", hint="--parallel zero2")
    if not found.serve and (found.context or found.concurrent > 1):
        raise UsageError("--context and --concurrent are of --serve", hint="--seq and --batch say it for training")
    return found


def _check_lengths(found: argparse.Namespace) -> None:
    """Lengths say how long the longest is, and how many steps are needed to see them."""
    if not found.train or found.objective == "grpo" or found.mesh is not None:
        raise UsageError("--lengths is of training, without a mesh and not of grpo", hint="--seq, the longest")
    if found.seq and found.seq != found.lengths.longest:
        raise UsageError(f"--seq {found.seq} and --lengths {found.lengths} are two answers", hint="--lengths alone")
    found.seq = found.lengths.longest
    found.steps = max(found.steps, -(-BATCHES // found.accumulate))


def _check_mesh(found: argparse.Namespace) -> None:
    mesh, adapters = found.mesh, found.train not in (None, "full")
    if adapters and (mesh.pp > 1 or mesh.ep > 1 or (mesh.tp > 1 and found.train != "lora")):
        raise UsageError(
            f"--train {found.train} is spread by {'tp, ' * (found.train == 'lora')}fsdp and dp, not by this mesh",
            hint="--mesh fsdp=8, or --on 8xh100-80gb with --parallel fsdp or ddp",
            slug="bad-ranks",
        )
    if found.train and found.accumulate < found.mesh.pp:
        raise UsageError(
            f"{found.mesh.pp} pipeline stages need as many batches for each step, and there are {found.accumulate}",
            hint=f"--accumulate {found.mesh.pp}, or more",
        )
    if found.parallel != "fsdp":
        raise UsageError(
            f"--parallel {found.parallel} and --mesh are two layouts", hint="--mesh dp=8 is one of the second kind"
        )


def _check_zero(found: argparse.Namespace) -> None:
    if found.train not in ("full", "lora") or found.objective != "sft":
        raise UsageError(
            f"--parallel {found.parallel} is of training all weights or low-rank adapters on next tokens",
            hint="--parallel fsdp",
        )
    if found.zero_offload == "all" and found.parallel != "zero3":
        raise UsageError("weights are shared, and can be offloaded, by zero3 alone", hint="--zero-offload optimizer")
    found.lora_dtype = "weights"  # the engine puts the whole model into one type


def _check_objective(found: argparse.Namespace) -> None:
    if not found.train:
        raise UsageError(f"--objective {found.objective} is of training", hint="--train full, lora, dora or qlora")
    if found.mesh is not None and (found.objective == "grpo" or found.mesh.pp > 1):
        raise UsageError(f"--objective {found.objective} is not known on this mesh", hint="one device, or --parallel")
