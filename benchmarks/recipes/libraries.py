"""Recipes of images, speech, sentences and pipelines: what memfit says on the processor, and what torch's profiler saw.

    python -m benchmarks.recipes.libraries predict
    python -m benchmarks.recipes.libraries run
    python -m benchmarks.recipes.libraries published

The first two write into data/libraries.json; the predictions were committed before anything ran. Needs timm and
sentence-transformers beside torch. The profiler's memory events add up to what tensors hold, before rounding.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.recipes import pipelines

FILE = Path(__file__).parent / "data" / "libraries.json"
_PACKAGES = ("torch", "timm", "transformers", "sentence-transformers", "diffusers")
_BERT = {"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
         "intermediate_size": 1536, "vocab_size": 30522}  # fmt: skip
# Configurations as their publishers have them, in the parts that decide about sizes.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "all-MiniLM-L6-v2": _BERT,
    "all-MiniLM-L12-v2": {**_BERT, "num_hidden_layers": 12},
    "all-mpnet-base-v2": {"model_type": "mpnet", "vocab_size": 30527},
    "whisper-tiny": {"model_type": "whisper", "d_model": 384, "encoder_layers": 4, "decoder_layers": 4,
                     "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536,
                     "decoder_ffn_dim": 1536, "vocab_size": 51865, "num_mel_bins": 80},
    "whisper-base": {"model_type": "whisper", "d_model": 512, "encoder_layers": 6, "decoder_layers": 6,
                     "encoder_attention_heads": 8, "decoder_attention_heads": 8, "encoder_ffn_dim": 2048,
                     "decoder_ffn_dim": 2048, "vocab_size": 51865, "num_mel_bins": 80},
}  # fmt: skip
CASES = """
vision resnet18 --train full --batch 8
vision vit_tiny_patch16_224 --train full --batch 4
vision resnet50 --batch 4
vision convnext_atto --train full --batch 4
vision efficientnet_b0 --train full --batch 4 --optimizer sgd
vision mobilenetv3_small_100 --train full --batch 8 --classes 10
vision swin_tiny_patch4_window7_224 --train full --batch 2
vision deit_tiny_patch16_224 --train full --batch 4 --checkpointing
vision regnety_002 --train full --batch 8 --image 160
vision vit_small_patch16_224 --train full --batch 2 --image 320
vision densenet121 --train full --batch 2 --accumulate 2
vision mixer_s32_224 --train full --batch 4 --autocast bfloat16
speech whisper-tiny --train full --batch 1 --tokens 64
speech whisper-base --train full --batch 1 --checkpointing
speech whisper-tiny --generate 16 --batch 2
sentences all-MiniLM-L6-v2 --train full --batch 8 --seq 64
sentences all-MiniLM-L12-v2 --batch 16
sentences all-mpnet-base-v2 --train full --batch 4 --seq 64 --optimizer sgd
diffusion sd --image 256 --steps 3
diffusion flux --train full --image 256
diffusion sdxl --image 256 --steps 2 --batch 2
diffusion sd3 --image 256 --steps 2
diffusion wan --height 128 --width 128 --frames 9 --steps 2
diffusion sd --train full --image 256 --batch 2
diffusion sdxl --train lora --image 256 --batch 2 --checkpointing
diffusion pixart --train full --image 256 --batch 2 --cached
"""  # the first two of vision, and of diffusion, had been looked at before the list was made
STEPS = 2
PUBLISHED = FILE.parent / "diffusion-published.json"
# What others measured: target, words, device, torch.cuda.max_memory_allocated in GiB, where it stands. The card is not
# named there.
ROWS = (
    ("hf:stabilityai/stable-diffusion-xl-base-1.0", "--dtype float16", "rtx4090-24gb", 10.47,
     "diffusers 0.40, docs/source/en/using-diffusers/loading.md"),
)  # fmt: skip


def cases() -> list[tuple[str, str, str]]:
    """Kind of recipe, model, words."""
    return [(kind, model, words) for line in CASES.split("\n") if line for kind, model, words in [line.split(" ", 2)]]


def name_of(kind: str, model: str, words: str) -> str:
    """The key of the data."""
    return f"{kind} {model} {words}".strip()


def place_of(model: str, folder: Path) -> str:
    """A library's name, or a folder with the configuration in it."""
    if model in pipelines.CONFIGURATIONS:
        return str(pipelines.laid_out(model, folder))
    if model not in CONFIGURATIONS:
        return model
    (folder / model).mkdir(exist_ok=True)
    (folder / model / "config.json").write_text(json.dumps(CONFIGURATIONS[model]))
    if model.startswith("all-"):
        (folder / model / "modules.json").write_text("[]")
    return str(folder / model)


def _with_steps(words: str) -> list[str]:
    return [*shlex.split(words), *(() if "--steps" in words else ("--steps", str(STEPS)))]


def _versions() -> dict[str, str]:
    """Of those packages that are here."""
    there = importlib.metadata.packages_distributions().values()
    names = {name.replace("_", "-") for each in there for name in each}
    return {name: importlib.metadata.version(name) for name in _PACKAGES if name in names}


def predicted(kind: str, model: str, words: str, folder: Path) -> int:
    """The tensors' peak that memfit says, in bytes."""
    import memfit

    target = f"timm:{model}" if kind == "vision" else place_of(model, folder)
    found = memfit.estimate(target, _with_steps(words), on="cpu", timeout_s=3000)
    assert found.target["kind"] == "model"
    return found.pool("host").requested_peak_bytes or 0


def measured(kind: str, model: str, words: str, folder: Path) -> int:
    """The tensors' peak that the profiler counts in a process of its own, in bytes."""
    command = [sys.executable, "-m", "benchmarks.recipes.libraries", "child", f"memfit.recipes.{kind}",
               place_of(model, folder), *_with_steps(words)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    if done.returncode:
        raise RuntimeError(done.stderr[-600:])
    return int(done.stdout.split()[-1])


def predict_published() -> None:
    """What memfit says of the published rows."""
    import memfit

    rows = []
    for target, words, on, gib, source in ROWS:
        found = memfit.estimate(target, shlex.split(words), on=on, timeout_s=3000).pool("cuda:0")
        rows.append({"target": target, "words": words, "on": on, "measured_gib": gib, "source": source,
                     "allocated_bytes": found.allocated_peak_bytes})  # fmt: skip
    PUBLISHED.write_text(json.dumps({"versions": _versions(), "rows": rows}, indent=1) + "\n")


def child(recipe: str, words: list[str]) -> None:
    """Run a recipe under the profiler; print the peak."""
    from torch.profiler import ProfilerActivity, profile

    module = importlib.import_module(recipe)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        module.main(words)
    held = peak = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    print(peak)


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("predict", "run", "published"))
    parser.add_argument("--only", choices=("vision", "speech", "sentences", "diffusion"))
    options = parser.parse_args()
    what = options.what
    if what == "published":
        predict_published()
        return
    told: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"cases": {}}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if options.only not in (None, case[0]):
                continue
            row = told["cases"].setdefault(name_of(*case), {})
            key = "predicted_bytes" if what == "predict" else "measured_bytes"
            if key in row:
                continue
            try:
                row[key] = (predicted if what == "predict" else measured)(*case, Path(folder))
            except Exception as error:  # a case that fails is kept as such, and the others go on
                row[f"{key[:-6]}_failure"] = str(error)[-300:]
            print(name_of(*case), row, flush=True)
            told["versions"] = {**told.get("versions", {}), **_versions()}
            FILE.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
