"""`memfit estimate`: a script, unchanged, against a device that need not be there."""

from __future__ import annotations

import argparse
import sys

from memfit.cli import output, target
from memfit.cli.parser import Parser, share
from memfit.cli.request import SYSTEMS
from memfit.quantities import Verdict

_EPILOG = """\
options of memfit stand before TARGET; everything after TARGET belongs to the script, as with python:
  memfit estimate --on h100-80gb train.py --batch_size=64
  memfit estimate --on 2xa100-80gb -m package.train --epochs 3
  memfit estimate --on cpu --json -o estimate.json train.py
an estimator is followed by the shape of its data and its parameters:
  memfit estimate sklearn.ensemble.RandomForestClassifier --rows 20M --cols 60 --set n_estimators=300
  memfit estimate xgboost --rows 200M --cols 60 --set device=cuda --on a100-80gb
a model's name, or a folder with its config.json, by what is done with it:
  memfit estimate hf:meta-llama/Llama-3.1-8B --train lora --seq 4096 --batch 2 --on rtx4090-24gb
  memfit estimate hf:Qwen/Qwen3-8B --serve --context 32k --concurrent 16 --on h100-80gb
or of images, speech, sentences or diffusion:
  memfit estimate timm:resnet50 --train full --batch 64 --on rtx4090-24gb
  memfit estimate hf:stabilityai/stable-diffusion-xl-base-1.0 --image 1024 --dtype float16 --on rtx4090-24gb
a language model as a serving engine would hold it, by version:
  memfit estimate hf:Qwen/Qwen3-8B --serve --engine vllm==0.11 --context 32k --concurrent 16 --on h100-80gb
a GGUF file, or its name, as llama.cpp would serve it:
  memfit estimate hf:bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M --serve --context 8k --on rtx4090-24gb
a model's file, on this machine, a board, a phone or (TensorFlow Lite) a microcontroller:
  memfit estimate model.tflite --on raspberry-pi-pico
  memfit estimate model.onnx --batch 8 --dim sequence=128
"""


def configure(parser: Parser) -> None:
    """Declare the options of `memfit estimate`."""
    parser.usage = "memfit estimate [options] TARGET [arguments of the script …]"
    parser.epilog = _EPILOG
    target.configure(parser)
    output.configure(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="save the estimate (JSON), for `memfit report`")
    parser.add_argument(
        "--shrink", type=_share, metavar="SHARE",
        help="of a script that fits estimators: read this share of its files' rows and reckon with all; bare: as fits",
    )  # fmt: skip
    parser.may_stand_bare("--shrink", "auto", _is_share)
    parser.add_argument(
        "--no-run", dest="may_run", action="store_false",
        help="of TensorFlow and JAX on the CPU: run no steps with small batches; a plan alone has a wider range",
    )  # fmt: skip
    parser.add_argument("--request", choices=SYSTEMS, help="print what to ask this system for, instead of the estimate")
    parser.add_argument("--quiet", action="store_true", help="no progress, and the verdict alone in one line")
    parser.add_argument("--debug", action="store_true", help="show what the job prints, and tracebacks")


def _is_share(word: str) -> bool:
    return word == "auto" or word[:1].isdigit() or word.startswith(".")


def _share(text: str) -> float:
    """0 for a share that memfit chooses."""
    if text == "auto":
        return 0.0
    value = share(text)
    if not value:
        raise argparse.ArgumentTypeError(f"expected a share above 0, like 0.05 or 5%, got {text!r}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Estimate, save, show; the exit code tells whether the job fits."""
    target.split(arguments.command)
    output.check_writable(arguments.output)
    estimate = target.estimated(arguments, quiet=arguments.quiet)
    output.save(estimate, arguments.output)
    if arguments.request is not None:
        from memfit import api

        sys.stdout.write(api.request(estimate, arguments.request))
        devices = [pool for pool in estimate.pools if pool.pool != "host"]
        return output.DOES_NOT_FIT if any(pool.verdict is Verdict.DOES_NOT_FIT for pool in devices) else 0
    output.show(estimate, as_json=arguments.json, brief=arguments.quiet)
    return output.exit_code(estimate)
