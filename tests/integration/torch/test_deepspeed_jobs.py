"""Scripts that import DeepSpeed: its own engine runs as the file of settings says, and holds what `--parallel zero…`
says of the same job by its rules. Skipped where DeepSpeed is not installed; kernels and a compiler are not needed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deepspeed")
pytest.importorskip("transformers")

from tests.samples.small_llama import BUCKET, CARD, RANKS, SMALL, WEIGHTS

from memfit import estimate
from memfit.documents import Estimate

pytestmark = [pytest.mark.torch, pytest.mark.slow]

PLAIN = """
    import argparse, deepspeed, torch
    from transformers import AutoConfig, AutoModelForCausalLM
    words = deepspeed.add_config_arguments(argparse.ArgumentParser())
    words.add_argument("--local_rank", type=int)
    args = words.parse_args()
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("."), dtype=torch.bfloat16)
    engine, *_ = deepspeed.initialize(args=args, model=model, model_parameters=model.parameters())
    for _ in range(4 * engine.gradient_accumulation_steps()):
        tokens = torch.randint(8192, (1, 16), device=engine.device)
        engine.backward(engine(input_ids=tokens, labels=tokens).loss)
        engine.step()
"""
TRAINER = """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, HfArgumentParser, Trainer, TrainingArguments
    (args,) = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("."), dtype=torch.bfloat16)
    tokens = torch.zeros(16, dtype=torch.long)
    data = [{"input_ids": tokens, "labels": tokens} for _ in range(64)]
    Trainer(model=model, args=args, train_dataset=data).train()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    for name, text in (("plain.py", PLAIN), ("trainer.py", TRAINER)):
        (tmp_path / name).write_text(text.replace("\n    ", "\n").lstrip(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(folder: Path, stage: int, *, accumulate: int = 1, **zero: Any) -> str:
    """A file of settings; its name."""
    buckets = {"reduce_bucket_size": BUCKET, "stage3_prefetch_bucket_size": BUCKET}
    told = {
        "train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": accumulate, "bf16": {"enabled": True},
        "optimizer": {"type": "AdamW", "params": {"lr": 1e-4}},
        "zero_optimization": {"stage": stage, **buckets, **zero},
    }  # fmt: skip
    (folder / "ds.json").write_text(json.dumps(told), encoding="utf-8")
    return "ds.json"


def ran(words: list[str]) -> Estimate:
    return estimate(words[0], words[1:], on=f"{RANKS}x{CARD}", ranks=RANKS)


def by_rules(folder: Path, *words: str) -> Estimate:
    small = ["--train", "full", "--seq", "16", "--zero-bucket", str(BUCKET), *words]
    return estimate(str(folder), [*small, "--on", f"{RANKS}x{CARD}"])


@pytest.mark.parametrize(
    ("stage", "zero", "words"),
    [
        (1, {}, []),
        (2, {}, []),
        (2, {"offload_optimizer": {"device": "cpu"}}, ["--zero-offload", "optimizer"]),
        (3, {}, []),
        (3, {"offload_optimizer": {"device": "cpu"}, "offload_param": {"device": "cpu"}}, ["--zero-offload", "all"]),
    ],
)
def test_the_engine_holds_what_the_rules_say(folder: Path, stage: int, zero: dict[str, Any], words: list[str]) -> None:
    found = ran(["plain.py", "--deepspeed", "--deepspeed_config", settings(folder, stage, **zero)])
    rules = by_rules(folder, "--parallel", f"zero{stage}", *words)

    one, other = (each.pool("cuda:0") for each in (found, rules))
    assert one.steps[-1].end_bytes == pytest.approx(other.steps[-1].end_bytes, rel=0.01)
    assert one.allocated_peak_bytes == pytest.approx(other.allocated_peak_bytes, rel=0.03)
    assert "kernels-not-run" in {each.slug for each in found.assumptions}


def test_the_trainer_takes_the_file_of_its_argument(folder: Path) -> None:
    """`--deepspeed FILE` of transformers: what is offloaded there is on the host here."""
    given = {
        "output_dir": "out", "bf16": "true", "max_steps": "3", "report_to": "none", "save_strategy": "no",
        "learning_rate": "1e-4", "per_device_train_batch_size": "1", "gradient_accumulation_steps": "2",
    }  # fmt: skip
    words = [*(word for name, value in given.items() for word in (f"--{name}", value)), "--deepspeed"]
    here = ran(["trainer.py", *words, settings(folder, 2, accumulate=2)])
    away = ran(["trainer.py", *words, settings(folder, 2, accumulate=2, offload_optimizer={"device": "cpu"})])

    left = here.pool("cuda:0").steps[-1].end_bytes - away.pool("cuda:0").steps[-1].end_bytes
    assert left == pytest.approx(12 * WEIGHTS / RANKS, rel=0.05)
