"""An ordinary script: a model of Llama 70B's shape in bfloat16, AdamW, sequence 512, batch 1.

It knows nothing of memfit.
"""

from __future__ import annotations

import argparse

import torch
import transformers


def train(device: str, steps: int, layers: int) -> None:
    config = transformers.LlamaConfig(
        vocab_size=32000, hidden_size=8192, intermediate_size=28672, num_hidden_layers=layers,
        num_attention_heads=64, num_key_value_heads=8, max_position_embeddings=4096,
    )  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = transformers.LlamaForCausalLM(config)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    for _ in range(steps):
        ids = torch.randint(0, 32000, (1, 512), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--layers", type=int, default=80)
    options = parser.parse_args()
    train(options.device, options.steps, options.layers)
