"""What llama.cpp reserves for its graph and caches, for files that are a header and a hole: data/graphs.json.

    python -m benchmarks.gguf.graphs --python PATH [--only judging]

The first layers of each model with a vocabulary of 1,000: buffers of a graph do not grow with the layers, and where
logits are of one token they do not matter. PATH is a Python with xllamacpp. The predictions of the judging half are
written to data/predicted.json before anything runs (`--predict`).
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.gguf.models import MODELS, Model, header
from memfit.datasets.formats.gguf_header import TYPES, Header, Length
from memfit.llamacpp.caches import context_bytes
from memfit.llamacpp.graph import Batch, Era, graph_bytes
from memfit.llamacpp.shape import shape_of

DATA = Path(__file__).parent / "data"
_VOCABULARY = 1000
_NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model, and how it is run."""

    half: str
    model: str
    context: int = 8192
    ubatch: int = 512
    flash: bool = True
    sequences: int = 1
    layers: int = 2

    @property
    def name(self) -> str:
        flash = "fused" if self.flash else "plain"
        return f"{self.model} {self.sequences} x {self.context}, {self.ubatch} a pass, {flash}"


def _both(half: str, model: str, **more: Any) -> tuple[Case, Case]:
    return Case(half=half, model=model, **more), Case(half=half, model=model, flash=False, **more)


# The tuning half is what the rules were fitted to. The judging half was listed afterwards, and predicted before it ran.
CASES = (
    *_both("tuning", "llama-3-8b", context=2048), *_both("tuning", "llama-3-8b"),
    *_both("tuning", "llama-3-8b", context=16384), *_both("tuning", "llama-3-8b", ubatch=2048),
    *_both("tuning", "llama-2-7b"), *_both("tuning", "llama-3.2-1b"), *_both("tuning", "llama-3-70b"),
    *_both("tuning", "qwen3-4b"), *_both("tuning", "qwen3-0.6b"), *_both("tuning", "qwen2.5-7b"),
    *_both("tuning", "llama-3-8b", context=2048, sequences=4),
    *_both("judging", "mistral-nemo-12b"), *_both("judging", "llama-2-13b", context=4096),
    *_both("judging", "codellama-34b", context=12288), *_both("judging", "qwen2.5-32b"),
    *_both("judging", "qwen2.5-0.5b", context=16384), *_both("judging", "qwen3-32b", ubatch=1024),
    *_both("judging", "qwen3-14b", context=4096, sequences=3), *_both("judging", "llama-3.2-3b", ubatch=256),
    *_both("judging", "qwen3-30b-a3b"), *_both("judging", "gemma-3-4b"), *_both("judging", "gemma-2-9b"),
    # Listed after the judging half had shown experts short and windows long, which was mended.
    *_both("fresh", "mixtral-8x7b"), *_both("fresh", "qwen3-235b-a22b", context=4096),
    *_both("fresh", "qwen3-30b-a3b", context=16384, ubatch=1024), *_both("fresh", "gemma-3-12b", layers=7),
    *_both("fresh", "gemma-3-4b", context=16384, layers=6), *_both("fresh", "gemma-2-27b", context=6144),
)  # fmt: skip


def _small(case: Case) -> Model:
    return replace(MODELS[case.model], vocabulary=_VOCABULARY)


def predicted(case: Case) -> dict[str, float]:
    """What memfit says, in MiB."""
    shape = shape_of(header(_small(case), "Q8_0", case.layers), case.model)
    batch = Batch(tokens=case.ubatch, context=case.context, sequences=case.sequences, flash=case.flash, on_device=False)
    caches = context_bytes(shape, context=case.context, sequences=case.sequences, kind="f16", batch=case.ubatch)
    return {"graph": graph_bytes(shape, batch, Era.LAST) / _MIB, "caches": sum(caches) / _MIB}


def measured(case: Case, python: str, folder: Path) -> dict[str, float]:
    """What llama.cpp printed, in MiB."""
    file = folder / "model.gguf"
    write(header(_small(case), "Q8_0", case.layers), MODELS[case.model], file)
    command = [python, str(Path(__file__).parent / "reserve.py"), str(file), str(case.context * case.sequences),
               str(case.ubatch), "ENABLED" if case.flash else "DISABLED", str(case.sequences)]  # fmt: skip
    text = _output(command)
    graph = re.findall(r"CPU compute buffer size =\s*([\d.]+) MiB", text)
    caches = re.findall(r"CPU KV buffer size =\s*([\d.]+) MiB", text)
    if not graph:
        raise RuntimeError(text[-800:])
    return {"graph": float(graph[-1]), "caches": sum(map(float, caches))}


def _output(command: list[str], tries: int = 4) -> str:
    """Of the child; its server hangs now and then while it starts."""
    for _ in range(tries):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            continue
        return done.stdout + done.stderr
    return ""


def write(told: Header, model: Model, file: Path) -> None:
    """A file of that header, with a vocabulary, and a hole in the place of its weights."""
    start = model.architecture
    names = [f"t{number}" for number in range(_VOCABULARY)]
    values = {
        **{key: value for key, value in told.values.items() if not isinstance(value, Length)},
        f"{start}.rope.freq_base": 10000.0, f"{start}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{start}.rope.dimension_count": model.side, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": names, "tokenizer.ggml.token_type": [1] * _VOCABULARY,
        "tokenizer.ggml.merges": ["t 0", "t 1"], "tokenizer.ggml.bos_token_id": 0, "tokenizer.ggml.eos_token_id": 1,
    }  # fmt: skip
    at, infos = 0, b""
    for name, tensor in told.tensors.items():
        sides = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        infos += _text(name) + sides + struct.pack("<IQ", _NUMBERS[tensor.dtype], at)
        at += -(-tensor.bytes // 32) * 32
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(told.tensors), len(values))
    head += b"".join(_text(key) + _value(value) for key, value in values.items()) + infos
    with file.open("wb") as out:
        out.write(head + b"\0" * (-len(head) % 32))
        out.truncate(out.tell() + at)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python")
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--only", choices=("tuning", "judging", "fresh"))
    options = parser.parse_args()
    todo = [case for case in CASES if options.only in (None, case.half)]
    file = DATA / ("predicted.json" if options.predict else "graphs.json")
    told = json.loads(file.read_text())["cases"] if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for case in todo:
            try:
                told[case.name] = predicted(case) if options.predict else measured(case, options.python, Path(folder))
            except RuntimeError as error:
                print(case.name, error)
                continue
            print(case.name, told[case.name], "" if options.predict else predicted(case), flush=True)
    what = (
        "before anything ran" if options.predict else "xllamacpp 2026.10.11549 (llama.cpp of October 2026), processor"
    )
    file.write_text(json.dumps({"by": what, "cases": told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
