"""Models of the transformers library from small configurations, trained in plain loops."""

from __future__ import annotations

import torch
import transformers
from torch import nn


def hf_gpt2_adamw(device: str, steps: int, scale: float) -> None:
    config = transformers.GPT2Config(vocab_size=10000, n_positions=256, n_embd=256, n_layer=4, n_head=4)
    model = transformers.GPT2LMHeadModel(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
    for _ in range(steps):
        ids = torch.randint(0, 10000, (int(4 * scale), 256), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def hf_bert_classifier_sgd(device: str, steps: int, scale: float) -> None:
    config = transformers.BertConfig(
        vocab_size=20000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024
    )
    model = transformers.BertForSequenceClassification(config).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    batch = int(12 * scale)
    for _ in range(steps):
        ids = torch.randint(0, 20000, (batch, 128)).to(device)
        mask = (torch.arange(128)[None] < torch.randint(32, 128, (batch, 1))).long().to(device)
        labels = torch.randint(0, 2, (batch,)).to(device)
        optimizer.zero_grad()
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        optimizer.step()


def hf_t5_adafactor(device: str, steps: int, scale: float) -> None:
    config = transformers.T5Config(
        vocab_size=8000, d_model=256, d_kv=32, d_ff=1024, num_layers=3, num_heads=8, decoder_start_token_id=0
    )
    model = transformers.T5ForConditionalGeneration(config).to(device).train()
    optimizer = transformers.Adafactor(model.parameters(), scale_parameter=True, relative_step=True, warmup_init=True)
    for _ in range(steps):
        ids = torch.randint(1, 8000, (int(4 * scale), 192), device=device)
        labels = torch.randint(1, 8000, (int(4 * scale), 64), device=device)
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def llama(checkpointed: bool) -> nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=8000, hidden_size=384, intermediate_size=1024, num_hidden_layers=5, num_attention_heads=8,
        num_key_value_heads=2, max_position_embeddings=512,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    if checkpointed:
        model.gradient_checkpointing_enable()
        model.config.use_cache = False
    return model.train()


def hf_llama_adamw(device: str, steps: int, scale: float) -> None:
    model = llama(checkpointed=False).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(steps):
        ids = torch.randint(0, 8000, (int(3 * scale), 256), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def hf_llama_checkpoint_bfloat16(device: str, steps: int, scale: float) -> None:
    model = llama(checkpointed=True).to(device=device, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(steps):
        ids = torch.randint(0, 8000, (int(4 * scale), 384), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def hf_vit_adam(device: str, steps: int, scale: float) -> None:
    config = transformers.ViTConfig(
        hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024, image_size=112,
        patch_size=8, num_labels=100,
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    batch = int(8 * scale)
    for _ in range(steps):
        images = torch.randn(batch, 3, 112, 112).to(device)
        loss = model(pixel_values=images, labels=torch.randint(0, 100, (batch,)).to(device)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def hf_gpt2_generate(device: str, steps: int, scale: float) -> None:
    config = transformers.GPT2Config(vocab_size=16000, n_positions=1024, n_embd=512, n_layer=6, n_head=8)
    model = transformers.GPT2LMHeadModel(config).to(device).eval()
    prompt = torch.randint(0, 16000, (int(4 * scale), 256), device=device)
    made = model.generate(prompt, max_new_tokens=4 * steps, do_sample=False, pad_token_id=0, eos_token_id=None)
    print(made.shape)
