"""A small Llama that eight ranks share by ZeRO, and how many parameters it has."""

from __future__ import annotations

CARD, RANKS, BUCKET = "h100-80gb", 8, 1_000_000
SMALL = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512, "intermediate_size": 1024,
    "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 8192, "dtype": "bfloat16",
    "tie_word_embeddings": False,
}  # fmt: skip
WEIGHTS = 4 * (4 * 512 * 512 + 3 * 512 * 1024 + 2 * 512) + 512 + 2 * 8192 * 512
