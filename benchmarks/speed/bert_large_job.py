"""An ordinary script: BERT-large for masked language modelling, AdamW, a given number of steps.

It knows nothing of memfit.
"""

from __future__ import annotations

import argparse

import torch
import transformers


def train(device: str, steps: int, batch: int = 8, length: int = 512) -> None:
    config = transformers.BertConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
    )
    model = transformers.BertForMaskedLM(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(steps):
        ids = torch.randint(0, config.vocab_size, (batch, length), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=2)
    options = parser.parse_args()
    train(options.device, options.steps)
