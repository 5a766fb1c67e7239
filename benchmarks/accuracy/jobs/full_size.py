"""Models of the sizes people train, from transformers' configurations with random weights: for devices only."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn


def full_gpt2_medium_autocast(device: str, steps: int, scale: float) -> None:
    config = transformers.GPT2Config(n_embd=1024, n_layer=24, n_head=16)
    model = transformers.GPT2LMHeadModel(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    for _ in range(steps):
        ids = torch.randint(0, config.vocab_size, (int(8 * scale) or 1, 1024), device=device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def full_bert_base_questions(device: str, steps: int, scale: float) -> None:
    model = transformers.BertForQuestionAnswering(transformers.BertConfig()).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5)
    batch = int(16 * scale) or 1
    for _ in range(steps):
        ids = torch.randint(0, 30522, (batch, 384)).to(device)
        mask = torch.ones(batch, 384, dtype=torch.long).to(device)
        ends = torch.randint(0, 384, (2, batch)).to(device)
        loss = model(input_ids=ids, attention_mask=mask, start_positions=ends[0], end_positions=ends[1]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def classify_images(model: nn.Module, images: Tensor, classes: int) -> Tensor:
    labels = torch.randint(0, classes, (len(images),), device=images.device)
    return F.cross_entropy(model(images).logits, labels)


def full_resnet50_momentum(device: str, steps: int, scale: float) -> None:
    model = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000)).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    for _ in range(steps):
        loss = classify_images(model, torch.randn(int(64 * scale) or 1, 3, 224, 224).to(device), 1000)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def full_convnext_tiny_autocast(device: str, steps: int, scale: float) -> None:
    model = transformers.ConvNextForImageClassification(transformers.ConvNextConfig(num_labels=1000))
    model = model.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        images = torch.randn(int(64 * scale) or 1, 3, 224, 224).to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = classify_images(model, images, 1000)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def full_vit_base_scaler(device: str, steps: int, scale: float) -> None:
    model = transformers.ViTForImageClassification(transformers.ViTConfig(num_labels=1000)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    kind = torch.device(device).type
    scaler = torch.amp.GradScaler(kind, enabled=kind == "cuda")
    for _ in range(steps):
        images = torch.randn(int(64 * scale) or 1, 3, 224, 224).to(device)
        with torch.autocast(kind, torch.float16 if kind == "cuda" else torch.bfloat16):
            loss = classify_images(model, images, 1000)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()


def full_t5_base_adafactor(device: str, steps: int, scale: float) -> None:
    config = transformers.T5Config(d_model=768, d_ff=3072, num_layers=12, num_heads=12, decoder_start_token_id=0)
    model = transformers.T5ForConditionalGeneration(config).to(device).train()
    optimizer = transformers.Adafactor(model.parameters(), lr=1e-3, scale_parameter=False, relative_step=False)
    batch = int(8 * scale) or 1
    for _ in range(steps):
        ids = torch.randint(1, 32000, (batch, 512), device=device)
        labels = torch.randint(1, 32000, (batch, 128), device=device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def llama(layers: int) -> transformers.LlamaForCausalLM:
    config = transformers.LlamaConfig(
        vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=layers, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=4096,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def full_llama_checkpoint_bfloat16(device: str, steps: int, scale: float) -> None:
    model = llama(8).to(device=device, dtype=torch.bfloat16).train()
    model.gradient_checkpointing_enable()
    model.config.use_cache = False
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    for _ in range(steps):
        ids = torch.randint(0, 32000, (int(4 * scale) or 1, 2048), device=device)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def full_llama_generate(device: str, steps: int, scale: float) -> None:
    model = llama(6).to(device=device, dtype=torch.bfloat16).eval()
    prompt = torch.randint(0, 32000, (int(16 * scale) or 1, 1024), device=device)
    made = model.generate(prompt, max_new_tokens=16 * steps, do_sample=False, pad_token_id=0, eos_token_id=None)
    print(made.shape)


def full_whisper_small_autocast(device: str, steps: int, scale: float) -> None:
    config = transformers.WhisperConfig(
        d_model=768, encoder_layers=12, decoder_layers=12, encoder_attention_heads=12, decoder_attention_heads=12,
        encoder_ffn_dim=3072, decoder_ffn_dim=3072,
    )  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    batch = int(8 * scale) or 1
    for _ in range(steps):
        sound = torch.randn(batch, 80, 3000).to(device)
        labels = torch.randint(0, 50000, (batch, 128)).to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = model(input_features=sound, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def full_segformer_adamw(device: str, steps: int, scale: float) -> None:
    config = transformers.SegformerConfig(num_labels=150)
    model = transformers.SegformerForSemanticSegmentation(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-5)
    batch = int(16 * scale) or 1
    for _ in range(steps):
        images = torch.randn(batch, 3, 512, 512).to(device)
        labels = torch.randint(0, 150, (batch, 512, 512)).to(device)
        loss = model(pixel_values=images, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def full_wav2vec2_ctc(device: str, steps: int, scale: float) -> None:
    config = transformers.Wav2Vec2Config(vocab_size=32, mask_time_prob=0.0, ctc_loss_reduction="mean")
    model = transformers.Wav2Vec2ForCTC(config).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    batch = int(8 * scale) or 1
    for _ in range(steps):
        sound = torch.randn(batch, 10 * 16000).to(device)
        labels = torch.randint(1, 32, (batch, 100)).to(device)
        loss = model(input_values=sound, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def full_video_mae_adamw(device: str, steps: int, scale: float) -> None:
    config = transformers.VideoMAEConfig(num_labels=400, num_hidden_layers=8)
    model = transformers.VideoMAEForVideoClassification(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=False)
    batch = int(8 * scale) or 1
    for _ in range(steps):
        clips = torch.randn(batch, 16, 3, 224, 224).to(device)
        loss = F.cross_entropy(model(pixel_values=clips).logits, torch.randint(0, 400, (batch,)).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
