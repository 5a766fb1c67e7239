"""Which targets are models and not programs: told by the name alone, before anything that finds them is loaded."""

from __future__ import annotations

from pathlib import Path

PREFIX, TIMM, GGUF, TFLITE, ONNX = "hf:", "timm:", ".gguf", ".tflite", ".onnx"
PIPELINE = "model_index.json"  # of diffusers
READERS = ("Processor", "Extractor")  # of a pipeline: what turns images into numbers, without weights


def is_model(target: str) -> bool:
    """Whether a target is a model's name, a model's file, or a folder with a configuration.

    >>> is_model("hf:Qwen/Qwen3-8B"), is_model("timm:resnet50"), is_model("model.gguf"), is_model("train.py")
    (True, True, True, False)
    """
    return (
        target.startswith((PREFIX, TIMM))
        or target.lower().endswith((GGUF, TFLITE, ONNX))
        or any((Path(target) / name).is_file() for name in ("config.json", PIPELINE))
    )
