"""What is run: model, words of the recipe, half. Listed before anything was predicted or measured.

Other models, lengths and combinations in the judging half; no case ever changes its half. The fresh ones were listed
after the first measurement had shown a mistake, which is mended: architectures that were in neither half, predicted
once and before they were run.
"""

from __future__ import annotations

from dataclasses import dataclass

HALVES = ("tuning", "judging", "fresh")
WITH_LIBRARY = "bitsandbytes"  # the 4-bit layers are the library's own on the card


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the recipe.

    Args:
        half: of ``HALVES``, or ``WITH_LIBRARY``.
        model: its name.
        words: what is done with it.
    """

    half: str
    model: str
    words: str

    @property
    def name(self) -> str:
        """Unique, and stable: the key of the data files."""
        return f"{self.model} {self.words}".strip()


def _cases(half: str, text: str) -> tuple[Case, ...]:
    lines = [line.strip() for line in text.strip().splitlines()]
    return tuple(Case(half, *line.split(" ", 1)) for line in lines)


CASES = (
    _cases(
        "tuning",
        """
    Qwen/Qwen2.5-0.5B --train full --seq 1024 --batch 4
    Qwen/Qwen2.5-0.5B --train full --seq 1024 --batch 8 --checkpointing
    meta-llama/Llama-3.2-1B --train full --seq 1024 --batch 2
    meta-llama/Llama-3.2-1B --train full --seq 1024 --batch 2 --optimizer sgd
    meta-llama/Llama-3.2-1B --train full --seq 512 --batch 4 --optimizer adafactor
    meta-llama/Llama-3.2-1B --train lora --seq 2048 --batch 2
    meta-llama/Llama-3.2-1B --train lora --seq 1024 --batch 8 --checkpointing --lora-rank 64
    meta-llama/Llama-3.1-8B --train lora --seq 1024 --batch 1 --checkpointing
    meta-llama/Llama-3.1-8B --train qlora --seq 1024 --batch 1 --checkpointing
    openai-community/gpt2 --train full --seq 1024 --batch 8
    openai-community/gpt2 --train full --seq 1024 --batch 8 --autocast bfloat16
    openai-community/gpt2-medium --train full --seq 512 --batch 4 --attention eager
    google-bert/bert-base-uncased --train full --seq 512 --batch 16
    meta-llama/Llama-3.2-1B --generate 64 --seq 512 --batch 8
    Qwen/Qwen3-8B --generate 32 --seq 1024 --batch 4
    Qwen/Qwen2.5-7B --serve --context 8k --concurrent 8
    meta-llama/Llama-3.1-8B --seq 2048 --batch 2
    """,
    )
    + _cases(
        "judging",
        """
    Qwen/Qwen2.5-1.5B --train full --seq 1024 --batch 2
    Qwen/Qwen2.5-1.5B --train full --seq 4096 --batch 2 --checkpointing
    Qwen/Qwen3-0.6B --train full --seq 512 --batch 4
    Qwen/Qwen3-0.6B --train full --seq 2048 --batch 1 --optimizer sgd --accumulate 2
    Qwen/Qwen3-0.6B --train full --seq 512 --batch 8 --optimizer adafactor
    meta-llama/Llama-3.2-3B --train lora --seq 1024 --batch 2 --lora-targets q_proj,v_proj
    meta-llama/Llama-3.2-3B --train lora --seq 4096 --batch 2 --checkpointing
    meta-llama/Llama-3.2-3B --train dora --seq 512 --batch 1
    mistralai/Mistral-7B-v0.1 --train lora --seq 2048 --batch 1 --checkpointing
    Qwen/Qwen3-8B --train qlora --seq 1024 --batch 2 --checkpointing
    TinyLlama/TinyLlama-1.1B-Chat-v1.0 --train full --seq 1024 --batch 2 --dtype float32 --autocast bfloat16
    EleutherAI/pythia-1b --train full --seq 512 --batch 2 --dtype float32
    google-t5/t5-base --train full --seq 512 --batch 4
    openai-community/gpt2-large --train full --seq 1024 --batch 2
    meta-llama/Llama-3.2-3B --generate 32 --seq 1024 --batch 4
    mistralai/Mistral-7B-v0.1 --generate 32 --seq 2048 --batch 1
    meta-llama/Llama-3.1-8B --serve --context 16k --concurrent 8
    Qwen/Qwen2.5-7B --seq 4096 --batch 1
    """,
    )
    + _cases(
        "fresh",
        """
    facebook/opt-1.3b --train full --seq 1024 --batch 2
    bigscience/bloom-1b1 --train full --seq 512 --batch 2
    HuggingFaceTB/SmolLM2-1.7B --train lora --seq 2048 --batch 4 --checkpointing
    HuggingFaceTB/SmolLM2-360M --train full --seq 2048 --batch 2 --dtype float32 --autocast bfloat16
    google/gemma-2-2b --train lora --seq 1024 --batch 2 --dtype bfloat16
    google/gemma-2-2b --train full --seq 512 --batch 1 --checkpointing --dtype bfloat16
    microsoft/Phi-3-mini-4k-instruct --train qlora --seq 2048 --batch 1 --checkpointing
    microsoft/Phi-3-mini-4k-instruct --generate 32 --seq 512 --batch 8
    FacebookAI/roberta-large --train full --seq 256 --batch 16
    state-spaces/mamba-130m-hf --train full --seq 512 --batch 4
    allenai/OLMo-1B-hf --train full --seq 1024 --batch 2 --optimizer adafactor
    Qwen/Qwen3-30B-A3B --seq 512 --batch 1
    meta-llama/Llama-3.1-8B --train full --seq 2048 --checkpointing --optimizer sgd
    Qwen/Qwen2.5-7B --train dora --seq 1024 --checkpointing
    TinyLlama/TinyLlama-1.1B-Chat-v1.0 --generate 32 --seq 1024 --batch 16
    EleutherAI/pythia-1b --train lora --seq 1024 --batch 4
    """,
    )
) + _cases(
    WITH_LIBRARY,
    """
    meta-llama/Llama-3.2-1B --train qlora --seq 1024 --batch 1 --checkpointing
    Qwen/Qwen2.5-1.5B --train qlora --seq 512 --batch 2
    meta-llama/Llama-3.2-3B --train qlora --seq 1024 --batch 2 --checkpointing
    """,
)
